// A disk that forgets what was not flushed: for the used-set's tests.
// Invariants: what a flush covered survives every crash; of anything else, every sector may survive
// or not; of what a flush failed to cover some sectors are durable and the rest is lost, though reads
// show it until the power goes, and no later flush helps: only another write; writes happen when the
// disk gets to them, from the memory as it is then.

import Gates
import Limits
import Wire

/// SplitMix64: the same seed, the same world.
struct Random {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

struct UsedDisk: Disk {
  private static let sectorBytes = 512
  private(set) var durable: [UInt8]
  private(set) var current: [UInt8]
  /// Sectors that were written since the last flush, and those that a failed one lost.
  private var unflushed: Set<Int> = []
  private var lost: Set<Int> = []
  private var queue: [DiskAction] = []
  private(set) var writeCount = 0
  /// Flushes that succeed before all fail; nil for ever.
  var goodFlushes: Int?
  /// Of the sectors of a failed flush, those that are durable all the same: one in so many, 0 for
  /// none.
  var survivorOneIn = 0
  /// Reads fail.
  var failsReads = false

  init(bytes: Int) {
    durable = [UInt8](repeating: 0, count: bytes)
    current = durable
  }

  var isBusy: Bool { !queue.isEmpty }

  mutating func submit(_ actions: borrowing DiskActions) {
    for i in 0..<actions.count { queue.append(actions[i]) }
  }

  /// Performs the next action. What a flush answers is returned, nil for a write.
  mutating func performNext() -> Result<Void, DiskError>? {
    switch queue.removeFirst() {
    case .write(let write):
      writeCount += 1
      let span = write.extent.span
      let start = Int(write.offset)
      for i in span.indices { current[start + i] = span[i] }
      let sectors = start / Self.sectorBytes...(start + span.count - 1) / Self.sectorBytes
      unflushed.formUnion(sectors)
      lost.subtract(sectors)
      return nil
    case .flush:
      let fails = goodFlushes == 0
      for sector in unflushed {
        if !fails || survivorOneIn > 0 && sector % survivorOneIn == 0 {
          persist(sector)
        } else {
          lost.insert(sector)
        }
      }
      unflushed.removeAll()
      if fails { return .failure(.inputOutput) }
      goodFlushes? -= 1
      return .success(())
    }
  }

  /// The process ends; what it wrote stays in the kernel's memory.
  mutating func kill() { queue.removeAll() }

  /// The power goes: each sector that was not flushed survives or not.
  mutating func cutPower(_ random: inout Random) {
    queue.removeAll()
    for sector in unflushed.sorted() where random.below(2) == 0 { persist(sector) }
    unflushed.removeAll()
    lost.removeAll()
    current = durable
  }

  private mutating func persist(_ sector: Int) {
    let bytes = sector * Self.sectorBytes..<(sector + 1) * Self.sectorBytes
    durable.replaceSubrange(bytes, with: current[bytes])
  }

  /// Puts old bytes back, as a write that did not arrive leaves them.
  mutating func restore(_ bytes: [UInt8], at offset: Int) {
    current.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    durable = current
  }

  mutating func flip(at offset: Int) {
    current[offset] ^= 0x10
    durable = current
  }

  @_lifetime(target: copy target)
  mutating func read(
    _ file: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError) {
    if failsReads { throw .inputOutput }
    let start = Int(offset)
    guard file == .used, start + target.count <= current.count else { throw .shortRead }
    for i in target.indices { target[i] = current[start + i] }
  }
}

/// A used-set on a `UsedDisk`, which can be closed at any time and opened again.
final class UsedRig {
  static let epoch: UInt64 = 0x0123_4567_89ab_cdef
  static let fileIdentity = Bytes<16>(counting(from: 0, count: 16).span)
  static let key = Bytes<32>(counting(from: 0x20, count: 32).span)

  private let pages: UnsafeMutablePointer<UInt8>
  private let delta: UnsafeMutablePointer<UInt8>
  var disk: UsedDisk
  var used: UsedSet<TestPrimitives>

  init(tickets: Int) {
    pages = Self.zeroed(UsedSet<TestPrimitives>.pagesMemoryBytes)
    delta = Self.zeroed(UsedSet<TestPrimitives>.deltaMemoryBytes)
    disk = UsedDisk(bytes: Int(UsedSet<TestPrimitives>.fileBytes(tickets: tickets)))
    used = UsedSet(
      pages: Memory(unsafe: pages, count: UsedSet<TestPrimitives>.pagesMemoryBytes),
      delta: Memory(unsafe: delta, count: UsedSet<TestPrimitives>.deltaMemoryBytes))
  }

  /// A created file, flushed.
  static func created(tickets: Int) -> UsedRig {
    let rig = UsedRig(tickets: tickets)
    rig.create(tickets: tickets)
    rig.settleDisk()
    return rig
  }

  func create(tickets: Int) {
    var actions = DiskActions()
    used.create(
      tickets: tickets, identity: Self.fileIdentity, key: Self.key, epoch: Self.epoch,
      into: &actions)
    disk.submit(actions)
  }

  /// A new process over the same disk: memory is as at start.
  func reopen() {
    pages.update(repeating: 0, count: UsedSet<TestPrimitives>.pagesMemoryBytes)
    delta.update(repeating: 0, count: UsedSet<TestPrimitives>.deltaMemoryBytes)
    used = UsedSet(
      pages: Memory(unsafe: pages, count: UsedSet<TestPrimitives>.pagesMemoryBytes),
      delta: Memory(unsafe: delta, count: UsedSet<TestPrimitives>.deltaMemoryBytes))
  }

  func recover(epoch: UInt64 = UsedRig.epoch) throws -> UsedSetCoverage {
    var actions = DiskActions()
    let coverage = try used.recover(epoch: epoch, disk: &disk, into: &actions)
    disk.submit(actions)
    return coverage
  }

  func advance(durableThrough sequence: UInt64) {
    var actions = DiskActions()
    used.advance(durableThrough: sequence, disk: &disk, into: &actions)
    disk.submit(actions)
  }

  /// Lets the disk do one thing, and the used-set hear of it.
  func step() {
    guard disk.isBusy, let result = disk.performNext() else { return }
    var actions = DiskActions()
    switch result {
    case .success: used.flushed(nil, disk: &disk, into: &actions)
    case .failure(let error): used.flushed(error, disk: &disk, into: &actions)
    }
    disk.submit(actions)
  }

  func settleDisk() {
    while disk.isBusy { step() }
  }

  /// A whole checkpoint, to its end.
  func checkpoint(throughSequence sequence: UInt64, height: UInt64) {
    used.startCheckpoint(throughSequence: sequence, height: height)
    advance(durableThrough: sequence)
    settleDisk()
  }

  func uses(of ticket: Int) throws -> Uses { try used.uses(of: identity(ticket), disk: &disk) }

  private static func zeroed(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
    return base
  }

  deinit {
    pages.deallocate()
    delta.deallocate()
  }
}

func counting(from first: UInt8, count: Int) -> [UInt8] {
  (0..<count).map { first + UInt8($0) }
}

/// The identity of a made-up ticket.
func identity(_ number: Int) -> TicketIdentity {
  var bytes = [UInt8](repeating: 0x5a, count: 16)
  for i in 0..<8 { bytes[i] = UInt8(truncatingIfNeeded: number >> (8 * i)) }
  return TicketIdentity(bytes.span)
}
