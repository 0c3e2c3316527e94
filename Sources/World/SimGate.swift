// A gate in the simulated world: the agent that is shipped, a simulated disk, and what the rim does
// between them, one step at a time.
// Invariants: writes and flushes are performed in the order in which they were asked for, and a flush
// is reported before the next one is performed; what happens after the power went never happened.

public import Agent
public import Contacts
public import Gates
import Limits
import Rings
public import Sync
import Trust
public import Wire

@safe
public final class SimGate<P: Primitives> {
  public static var segments: Int { Limits.segmentsMin }

  /// One life of a gate's process.
  public var agent: Agent<P>
  public var disk: SimDisk
  private var actions = Actions()
  private let base: UnsafeMutableRawPointer
  /// What the disk has not performed yet.
  public private(set) var queue: [DiskAction] = []
  /// Events of the notices so far.
  public private(set) var notices: [String] = []
  /// What is to be done with the link and has not been taken.
  public var linkActions: [Link.Action] = []
  private var messageID: Int32 = 0

  /// A process that has not started yet.
  /// - Parameter seed: of the link's jitter.
  public init(
    _ settings: Settings, disk: SimDisk, seed: UInt64, segments: Int = SimGate.segments
  ) {
    let bytes = Agent<P>.memoryBytes(segments: segments)
    unsafe base = UnsafeMutableRawPointer.allocate(
      byteCount: bytes, alignment: Limits.pageBytes)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    var arena = unsafe Arena(unsafe: base.assumingMemoryBound(to: UInt8.self), count: bytes)
    agent = Agent(settings: settings, segments: segments, seed: seed, arena: &arena)
    self.disk = disk
  }

  deinit { unsafe base.deallocate() }

  /// A disk with the blank files of a new device.
  public static func blankDisk(
    seed: UInt64, usedTickets: Int, revokedTickets: Int = 0, segments: Int = SimGate.segments
  ) -> SimDisk {
    var disk = SimDisk(seed: seed)
    disk.create(.ring, bytes: Ring<P>.fileBytes(segments: segments))
    disk.create(.used, bytes: UsedSet<P>.fileBytes(tickets: usedTickets))
    disk.create(.trust, bytes: Int64(TrustSlots<P>.fileBytes))
    if revokedTickets > 0 {
      disk.create(.revoked, bytes: RevokedStore<P>.fileBytes(tickets: revokedTickets))
    }
    return disk
  }

  public func hasNoticed(_ event: String) -> Bool { notices.contains(event) }
  public func forgetNotices() { notices.removeAll() }

  // MARK: Start

  /// Starts: trust, files, and the replay, while the disk does what it is asked.
  /// - Returns: whether the provided trust document was taken.
  @discardableResult
  public func start(
    trust: [UInt8], random: UInt64, now: Now
  ) throws(StartError) -> Bool {
    let isTaken = try open(trust: trust, random: random)
    repeat {
      absorb()
      while try !agent.isOpen() {
        guard let error = perform(now) else { continue }
        throw .disk(error)
      }
    } while try !agent.replay(&disk, into: &actions)
    absorb()
    return isTaken
  }

  /// The part of a start that waits for nothing.
  /// - Returns: whether the provided trust document was taken.
  public func open(trust: [UInt8], random: UInt64) throws(StartError) -> Bool {
    let isTaken: Bool
    do throws(TrustError) {
      isTaken = try agent.loadTrust(trust.span, disk: &disk)
    } catch {
      throw .notEnrolled
    }
    var numbers = SplitMix(seed: random)
    var bytes = Bytes<64>()
    var space = bytes.mutableSpan
    for i in 0..<8 { space.put(numbers.next(), at: 8 * i) }
    _ = try agent.open(&disk, random: bytes, into: &actions.disk)
    absorb()
    return isTaken
  }

  /// Takes a contact plan; times in it count from `reference`, Unix milliseconds.
  public func load(plan: [UInt8], reference: Int64) throws(ContactError) {
    try agent.loadPlan(plan.span, reference: reference)
  }

  // MARK: Events

  /// - Precondition: `agent.canScan`.
  public func annul(_ verdict: Verdict, now: Now) {
    agent.annul(verdict, now: now, disk: &disk, into: &actions)
    absorb()
  }

  public func scan(_ text: [UInt8], now: Now) {
    agent.scan(text.span, now: now, disk: &disk, into: &actions)
    absorb()
  }

  public func time(_ now: Now) {
    agent.time(now, disk: &disk, into: &actions)
    absorb()
  }

  public func link(_ news: LinkNews, now: Now) {
    agent.link(news, now: now, disk: &disk, into: &actions)
    absorb()
  }

  public func received(_ bundle: [UInt8], now: Now) {
    agent.received(bundle.span, now: now, disk: &disk, into: &actions)
    absorb()
  }

  /// Performs writes up to the next flush, and that; then the agent hears of it.
  /// - Returns: why the flush failed, if it did.
  @discardableResult
  public func perform(_ now: Now) -> DiskError? {
    while !queue.isEmpty {
      let action = queue.removeFirst()
      guard case .flush(let file) = action else {
        _ = disk.perform(action)
        continue
      }
      var failure: DiskError?
      if case .failure(let error)? = disk.perform(action) { failure = error }
      agent.flushed(file, failure, now: now, disk: &disk, into: &actions)
      absorb()
      return failure
    }
    return nil
  }

  /// Performs everything that is asked for, until nothing is.
  public func settle(_ now: Now) {
    while !queue.isEmpty { perform(now) }
  }

  /// Verdicts whose turn it is.
  public func takeVerdicts() -> [Verdict] {
    var verdicts: [Verdict] = []
    while let verdict = agent.takeVerdict() { verdicts.append(verdict) }
    return verdicts
  }

  /// The next message for the broker, handed over.
  public func publish(_ now: Now) -> (topic: Publication.Topic, payload: [UInt8], id: Int32)? {
    guard let publication = agent.nextPublication(now, disk: &disk, into: &actions.notices)
    else {
      absorb()
      return nil
    }
    let payload = Array(copying: publication.payload.span)
    messageID += 1
    agent.handedOver(messageID, now: now)
    absorb()
    return (publication.topic, payload, messageID)
  }

  private func absorb() {
    for i in 0..<actions.disk.count { queue.append(actions.disk[i]) }
    for i in 0..<actions.notices.count { notices.append("\(actions.notices[i].event)") }
    if actions.link != .none { linkActions.append(actions.link) }
    actions.removeAll()
  }

  // MARK: Power

  /// The power goes: of what was on its way to the disk some writes were made, and of those the disk
  /// decides. What is left is the disk.
  public func cutPower(_ random: inout SplitMix) -> SimDisk {
    var left = queue.isEmpty ? 0 : random.draw(0..<queue.count + 1)
    for action in queue where left > 0 {
      if case .write = action { _ = disk.perform(action) }
      left -= 1
    }
    queue.removeAll()
    disk.crash()
    return disk
  }
}
