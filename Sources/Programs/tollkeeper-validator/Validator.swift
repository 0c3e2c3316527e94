// `run`: one loop around the broker, the flush thread and the signals.
// Invariants: nothing in the loop blocks but poll; what the broker holds for us is bounded by its
// window, and what we hand to it by ours.

import Broker
import Ledger
import Limits
import Platform
import Sync
import Wire

struct Validator: ~Copyable {
  let configuration: Configuration
  let journal: Journal
  let topics: Topics
  let boot: UInt32
  private let signals: Signals
  let worker: Worker
  var settler: Settler
  var broker: Broker
  var link: Link
  private var poller = Poller()
  /// The flush thread looks up the broker's name.
  var isResolving = false
  /// Publishes of this connection without a PUBACK, by their message ids.
  var unanswered: [Int32: Published] = [:]

  enum Published {
    /// Nobody need be there to take it.
    case health
    case bundle(Downlink.Item)
  }

  enum Stage {
    case running
    /// What is pending becomes durable and is told; until then at most, as all times here
    /// milliseconds of CLOCK_BOOTTIME.
    case draining(until: Int64)
    /// The farewell is on its way.
    case leaving(until: Int64)
    case done
  }
  var stage = Stage.running

  private var miscAt: Int64 = 0
  private var trustCheckAt: Int64 = 0
  private var countersAt: Int64
  private var trustModified: Int64?
  private var trustWaits = false
  private var countersWritten: [UInt64] = []

  private static let miscInterval: Int64 = 1_000
  private static let trustCheckInterval: Int64 = 2_000
  private static let countersInterval: Int64 = 60_000
  private static let drainMillisecondsMax: Int64 = 3_000
  private static let farewellMillisecondsMax: Int64 = 2_000
  /// How soon to look again whether the index has caught up.
  private static let backlogMilliseconds: Int64 = 20

  static func run(_ configuration: Configuration) throws(Failure) {
    let now = System.now()
    let journal = Journal(level: configuration.level)
    journal.now = now.instant.milliseconds
    // Signals first: every thread that starts later leaves them to the loop.
    let signals = try signals()
    let worker = try worker()
    let boot = try LedgerFolder.begin(configuration)
    // Before it is read: what changes meanwhile is read again.
    let trustModified = modified(configuration.trustPath)
    var settler = try Settler.start(configuration, boot: boot, journal)
    settler.expectDevices(now: System.now())
    var validator = Validator(
      configuration, journal, boot: boot, signals, worker, settler, trustModified, now: now)
    try validator.loop()
  }

  private static func signals() throws(Failure) -> Signals {
    do throws(KernelError) {
      return try Signals()
    } catch {
      throw .failed("signals cannot be taken: \(error.name)")
    }
  }

  private static func worker() throws(Failure) -> Worker {
    do throws(KernelError) {
      return try Worker()
    } catch {
      throw .failed("the flush thread cannot be started: \(error.name)")
    }
  }

  private init(
    _ configuration: Configuration, _ journal: Journal, boot: UInt32,
    _ signals: consuming Signals, _ worker: consuming Worker, _ settler: consuming Settler,
    _ trustModified: Int64?, now: Now
  ) {
    self.configuration = configuration
    self.journal = journal
    self.boot = boot
    self.signals = signals
    self.worker = worker
    self.settler = settler
    topics = Topics(node: configuration.node)
    // One read brings a packet for each publish that is in flight; bundles from several devices come
    // together after an interruption.
    broker = Broker(
      node: configuration.node,
      inboxBytes: 2 * Limits.sendWindowBundles * Limits.mqttPacketBytesMax)
    link = Link(seed: configuration.node ^ UInt64(truncatingIfNeeded: now.instant.milliseconds))
    countersAt = now.elapsed + Self.countersInterval
    self.trustModified = trustModified
    if let password = configuration.broker.password { broker.setPassword(password.span) }
    if let path = configuration.broker.authorityFile {
      let name = Array(configuration.broker.host.utf8)
      let file = Array(path.utf8)
      broker.setCA(path: file.span, serverName: name.span)
    }
  }

  // MARK: The loop

  private mutating func loop() throws(Failure) {
    while true {
      let now = System.now()
      journal.now = now.instant.milliseconds
      advance(now)
      if case .done = stage { break }
      perform(link.step(.time, windowIsOpen: true, now: now.elapsed), now)
      tick(now)
      try settler.propose(now: now)
      // Right after a block was proposed, or there would always be a batch before it under load.
      if trustWaits && settler.readTrust() {
        trustWaits = false
        try settler.propose(now: now)
      }
      settler.drainInbox(now: now)
      send(now)
      try wait(now)
    }
    settler.finish()
    writeCounters()
    journal.write(.info, "stopped")
  }

  private mutating func wait(_ now: Now) throws(Failure) {
    poller.removeAll()
    let signalPlace = poller.add(signals.descriptor)
    let workerPlace = poller.add(worker.descriptor)
    let wantsInput = settler.wantsInput
    let wantsWrite = broker.wantsWrite
    let brokerPlace = poller.add(
      wantsInput || wantsWrite ? broker.descriptor : -1, forWriting: wantsWrite)
    do throws(KernelError) {
      try poller.wait(timeout: timeout(now, wantsInput: wantsInput))
    } catch {
      throw .failed("poll failed: \(error.name)")
    }
    let after = System.now()
    journal.now = after.instant.milliseconds
    if poller.isReadable(signalPlace) { takeSignals(after) }
    if poller.isReadable(workerPlace) { try takeJobs(after) }
    let isReadable = poller.isReadable(brokerPlace) && wantsInput
    if isReadable || poller.isWritable(brokerPlace) {
      broker.handle(readable: isReadable, writable: poller.isWritable(brokerPlace))
    }
    takeEvents(after)
  }

  /// Milliseconds.
  private func timeout(_ now: Now, wantsInput: Bool) -> Int64 {
    if !wantsInput && !settler.isBusy { return Self.backlogMilliseconds }
    var due = min(miscAt, trustCheckAt)
    if let deadline = link.deadline { due = min(due, deadline) }
    if let deadline = settler.deadline { due = min(due, deadline) }
    switch stage {
    case .draining(let until), .leaving(let until): due = min(due, until)
    case .running, .done: break
    }
    return max(0, due - now.elapsed)
  }

  private mutating func takeSignals(_ now: Now) {
    while let signal = signals.next() {
      switch signal {
      case .reload: trustWaits = true
      case .stop:
        journal.write(.info, "stopping")
        if case .running = stage {
          stage = .draining(until: now.elapsed + Self.drainMillisecondsMax)
        }
      }
    }
  }

  private mutating func takeJobs(_ now: Now) throws(Failure) {
    while let result = worker.next() {
      switch result {
      case .flushed(let file, let error) where file == Settler.file:
        try settler.flushed(error, now: now)
      case .flushed: break
      case .resolved(let error): resolved(error, now)
      }
    }
  }

  /// What is due from time to time.
  private mutating func tick(_ now: Now) {
    if now.elapsed >= miscAt {
      miscAt = now.elapsed + Self.miscInterval
      if broker.descriptor >= 0 {
        broker.misc()
        takeEvents(now)
      }
    }
    if now.elapsed >= trustCheckAt {
      trustCheckAt = now.elapsed + Self.trustCheckInterval
      let modified = Self.modified(configuration.trustPath)
      if modified != trustModified {
        trustModified = modified
        trustWaits = true
      }
    }
    if now.elapsed >= countersAt {
      countersAt = now.elapsed + Self.countersInterval
      writeCounters()
    }
  }

  mutating func gatherCounters() {
    settler.counters.overflowed = broker.droppedMessages
    settler.counters.unlogged = journal.lost
  }

  private mutating func writeCounters() {
    gatherCounters()
    let values = settler.counters.values
    guard values.map({ $0.value }) != countersWritten else { return }
    countersWritten = values.map { $0.value }
    journal.write(.info, "counters", values.map { ($0.name, "\($0.value)") })
  }

  private static func modified(_ path: String) -> Int64? {
    guard let path = Path(Array(path.utf8).span) else { return nil }
    return try? File.modified(path)
  }

  // MARK: The end

  /// Brings a clean stop forward.
  private mutating func advance(_ now: Now) {
    switch stage {
    case .running, .done: break
    case .draining(let until):
      let isQuiet = !settler.isBusy && (!link.isUp || unanswered.isEmpty)
      guard isQuiet || now.elapsed >= until else { return }
      guard link.isUp else {
        stage = .done
        return
      }
      publishHealth("offline", now)
      stage = .leaving(until: now.elapsed + Self.farewellMillisecondsMax)
    case .leaving(let until):
      guard unanswered.isEmpty || !link.isUp || now.elapsed >= until else { return }
      broker.disconnect()
      broker.handle(readable: false, writable: true)
      stage = .done
    }
  }
}
