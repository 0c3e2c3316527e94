// One ring on one simulated disk, driven by one seed through appends, commits, receipts, faults,
// crashes and starts, and held to what it promises (storage.md, Proof 2). The unit tests run some
// thousands of starts; the crash explorer runs this with as many seeds as it likes.
// Invariants: the trial knows everything that the ring was told and everything that it reported, and
// nothing of its insides; `violation` is the first promise that was broken.

public import Limits
import Rings
public import Wire

@safe
public struct RingTrial<P: Primitives>: ~Copyable {
  /// What the caller of the ring knows of one class.
  struct Expectation {
    /// All bytes that were ever appended under a sequence: a record that was never durable may come
    /// back, or another may take its sequence.
    var candidates: [UInt64: [[UInt8]]] = [:]
    /// Bytes of what is durable, fixed from then on.
    var durable: [UInt64: [UInt8]] = [:]
    var durableThrough: UInt64 = 0
    /// Receipts that were given to the ring.
    var acknowledged: UInt64 = 0
  }

  public struct Options: Sendable {
    public var faults = SimDisk.Faults()
    /// A step is a crash once in so many times.
    public var crashOneIn = 40
    /// Receipts are rare, so that the ring fills.
    public var receiptOneIn = 6

    public init() {}
  }

  public private(set) var disk: SimDisk
  public private(set) var violation: String?
  /// Starts so far, and appends that were refused for want of space.
  public private(set) var starts = 0
  public private(set) var refusals = 0
  public private(set) var readOnlyEnds = 0
  public private(set) var commits: UInt64 = 0

  private var ring: Ring<P>
  private let memory: UnsafeMutablePointer<UInt8>
  private let segments: Int
  private let options: Options
  private var random: SplitMix
  private var expected = [Expectation](repeating: Expectation(), count: 4)
  /// Actions that the disk has not performed yet.
  private var queue: [DiskAction] = []
  private var replayFloor: UInt64 = 0
  private var boot: UInt32 = 0

  public init(seed: UInt64, segments: Int = Limits.segmentsMin, options: Options = Options()) {
    random = SplitMix(seed: seed)
    disk = SimDisk(seed: random.next())
    disk.faults = options.faults
    disk.create(.ring, bytes: Ring<P>.fileBytes(segments: segments))
    self.segments = segments
    self.options = options
    unsafe memory = .allocate(capacity: Self.memoryBytes(segments))
    ring = unsafe Self.freshRing(memory, segments)
    create()
  }

  deinit { unsafe memory.deallocate() }

  private static var classes: [RecordClass] { [.control, .admissions, .refusals, .telemetry] }

  private static func memoryBytes(_ segments: Int) -> Int {
    Ring<P>.memoryBytes(segments: segments) + RingCursor.memoryBytes
  }

  @safe
  private static func freshRing(_ base: UnsafeMutablePointer<UInt8>, _ segments: Int) -> Ring<P> {
    let count = Ring<P>.memoryBytes(segments: segments)
    unsafe base.initialize(repeating: 0, count: count)
    return unsafe Ring(memory: Memory(unsafe: base, count: count), segments: segments)
  }

  private mutating func create() {
    var actions = DiskActions()
    ring.create(
      identity: Bytes([UInt8](repeating: 7, count: 16).span), node: 1001, epoch: 5,
      nonce: random.next(), into: &actions)
    take(&actions)
  }

  // MARK: Steps

  /// One random step; nothing more after a violation.
  public mutating func step() {
    guard violation == nil else { return }
    if ring.state == .readOnly {
      readOnlyEnds += 1
      return crash()
    }
    if random.oneIn(options.crashOneIn) { return crash() }
    switch random.draw(0..<8) {
    case 0...2: append()
    case 3: if ring.mayCommit { commit() }
    case 4: if random.oneIn(options.receiptOneIn) { acknowledge() }
    default: perform()
    }
  }

  private mutating func append() {
    guard ring.state == .ready else { return }
    let recordClass = RecordClass(rawValue: UInt8([0, 1, 1, 2, 2, 2, 3][random.draw(0..<7)]))!
    // Mostly scans; now and then a burst of large records, which takes blocks of many pages.
    let burst = random.oneIn(12) ? random.draw(8..<64) : 1
    for _ in 0..<burst {
      let bytes = record(random.oneIn(5) ? Limits.recordBytesMax : random.draw(90..<140))
      let sequence = ring.nextSequence(recordClass)
      do throws(RingError) {
        let given = try ring.append(bytes.span, recordClass: recordClass)
        if given != sequence { fail("append gave another sequence than nextSequence said") }
        expected[recordClass.index].candidates[sequence, default: []].append(bytes)
      } catch {
        if error == .full || error == .reserved { refusals += 1 }
        return
      }
    }
  }

  private mutating func record(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: count)
    let mark = random.next()
    for i in 0..<8 { bytes[i] = UInt8(truncatingIfNeeded: mark >> UInt64(8 * i)) }
    return bytes
  }

  private mutating func commit() {
    var actions = DiskActions()
    ring.commit(into: &actions)
    take(&actions)
  }

  private mutating func acknowledge() {
    let recordClass = RecordClass(rawValue: UInt8(random.draw(0..<4)))!
    let index = recordClass.index
    let oldest = expected[index].acknowledged
    let newest = expected[index].durableThrough
    guard newest > oldest else { return }
    let more = random.oneIn(3) ? newest - oldest : random.next() % (newest - oldest) + 1
    let through = oldest + more
    expected[index].acknowledged = through
    ring.acknowledge(recordClass, through: through)
    if random.oneIn(2) {
      replayFloor = max(replayFloor, expected[RecordClass.admissions.index].acknowledged)
      ring.setReplayFloor(replayFloor)
    }
    if random.oneIn(2) && ring.mayCommit { commit() }
  }

  /// The disk performs the next action; after a flush the ring is told.
  private mutating func perform() {
    guard !queue.isEmpty else { return }
    guard let outcome = disk.perform(queue.removeFirst()) else { return }
    // What a start makes durable again is held against everything at once, by `verify`.
    let isStart = ring.state == .starting
    var actions = DiskActions()
    switch outcome {
    case .success: ring.flushed(nil, into: &actions)
    case .failure(let error): ring.flushed(error, into: &actions)
    }
    take(&actions)
    if !isStart { noteDurable() }
  }

  private mutating func take(_ actions: inout DiskActions) {
    for i in 0..<actions.count { queue.append(actions[i]) }
  }

  private mutating func noteDurable() {
    commits = max(commits, ring.durableCommit)
    for recordClass in Self.classes {
      let index = recordClass.index
      let through = ring.durableThrough(recordClass)
      if through < expected[index].durableThrough { fail("durableThrough went back") }
      while expected[index].durableThrough < through {
        expected[index].durableThrough += 1
        let sequence = expected[index].durableThrough
        if expected[index].durable[sequence] == nil {
          expected[index].durable[sequence] = expected[index].candidates[sequence]?.last
        }
      }
    }
  }

  // MARK: Crash and start

  /// The power goes now; then starts until one of them is not cut.
  public mutating func crash() {
    var tries = 0
    repeat {
      tries += 1
      if tries > 500 { fail("no start succeeds") }
      // Most cuts lose the cache. A killed process leaves it, which must be as good.
      if !random.oneIn(5) { disk.crash() }
      queue.removeAll()
      starts += 1
      start()
      // Recovery's own writes may be cut anywhere as well.
      let steps = random.oneIn(2) ? random.draw(0..<8) : 20
      for _ in 0..<steps where ring.state == .starting { perform() }
    } while violation == nil && ring.state != .ready
    guard violation == nil else { return }
    verify()
  }

  private mutating func start() {
    ring = unsafe Self.freshRing(memory, segments)
    var actions = DiskActions()
    do throws(RingError) {
      let report = try ring.recover(&disk, nonce: random.next(), into: &actions)
      if report.corruptBlocks > 0 { fail("corruption reported, and the media told no lie") }
      if ring.boot <= boot { fail("boot number \(ring.boot) after \(boot)") }
    } catch {
      guard error == .blank, boot == 0 else { return fail("recover threw \(error)") }
      disk.create(.ring, bytes: Ring<P>.fileBytes(segments: segments))
      return create()
    }
    ring.setReplayFloor(replayFloor)
    take(&actions)
  }

  /// Holds what the ring says and what its file holds against what it was told.
  private mutating func verify() {
    boot = ring.boot
    for recordClass in Self.classes where violation == nil {
      let index = recordClass.index
      if ring.durableThrough(recordClass) < expected[index].durableThrough {
        return fail("class \(index): a durable record is gone")
      }
      if ring.nextSequence(recordClass) != ring.durableThrough(recordClass) + 1 {
        return fail("class \(index): next sequence does not follow the durable ones")
      }
      if ring.acknowledgedThrough(recordClass) > expected[index].acknowledged {
        return fail("class \(index): the ring has receipts that nobody gave")
      }
      readBack(recordClass)
      // What was not durable at the cut is now what the ring says, or gone.
      expected[index].durableThrough = ring.durableThrough(recordClass)
      expected[index].candidates = expected[index].candidates.filter {
        $0.key > expected[index].durableThrough
      }
      let acknowledged = expected[index].acknowledged
      if acknowledged > 0 { ring.acknowledge(recordClass, through: acknowledged) }
    }
  }

  private mutating func readBack(_ recordClass: RecordClass) {
    let index = recordClass.index
    let base = unsafe memory + Ring<P>.memoryBytes(segments: segments)
    var cursor = RingCursor(
      memory: unsafe Memory(unsafe: base, count: RingCursor.memoryBytes))
    cursor.seek(recordClass, 1)
    var sequence = ring.oldest(recordClass)
    // What must be there begins behind what may have been released.
    var releasable = expected[index].acknowledged
    if recordClass == .admissions { releasable = min(releasable, replayFloor) }
    guard sequence <= releasable + 1 else {
      return fail("class \(index): \(sequence - 1) released too early")
    }
    var last = Hash()
    do throws(RingError) {
      while try cursor.next(in: ring, &disk) {
        guard cursor.sequence == sequence else {
          return fail("class \(index): \(cursor.sequence) stands where \(sequence) belongs")
        }
        let bytes = cursor.record.indices.map { cursor.record[$0] }
        if let durable = expected[index].durable[sequence] {
          if durable != bytes { return fail("class \(index): \(sequence) has changed") }
        } else if expected[index].candidates[sequence]?.contains(bytes) == true {
          expected[index].durable[sequence] = bytes
        } else {
          return fail("class \(index): \(sequence) was never appended")
        }
        last = cursor.hash
        sequence += 1
      }
    } catch {
      return fail("class \(index): reading \(sequence) threw \(error)")
    }
    if sequence != ring.durableThrough(recordClass) + 1 {
      return fail("class \(index): records end at \(sequence - 1)")
    }
    if sequence > ring.oldest(recordClass), ring.chainHead(recordClass) != last {
      return fail("class \(index): the chain goes on from another record")
    }
  }

  private mutating func fail(_ what: String) {
    if violation == nil { violation = what }
  }
}
