// A gate at a desk: the agent with its disk, a clock that the test moves, and a notary who signs
// whatever the test wants the network to say.

import Agent
import Gates
import Limits
import Receipts
import Records
import Seal
import Sync
import Testing
import Trust
import Wire
import World

typealias Gate = SimGate<Sodium>

let organiser: Organiser<Sodium> = {
  try! Sodium.start()
  return Organiser { Sodium.secretKey(seed: $0) }
}()

/// Everything that can be asked in an expectation is copied out of the agent here: it is not copyable.
final class Desk {
  static let noon: Int64 = 1_800_000_000_000
  static let node: UInt64 = 1001
  static let epoch: UInt64 = 9

  var gate: Gate
  let settings: Settings
  private(set) var elapsed: Int64 = 1_000
  /// What the next start is given.
  var trust: [UInt8]
  private var starts: UInt64 = 0

  static func document(
    version: UInt64 = 1, epoch: UInt64 = Desk.epoch, revoked: [TicketIdentity] = [],
    issued: UInt64? = nil, signedBy signer: SecretKey? = nil, successors: [SecretKey]? = nil
  ) throws -> [UInt8] {
    try organiser.trust(
      version: version, devices: [organiser.enrolment(node, epoch: epoch)], revoked: revoked,
      issued: issued, signedBy: signer, successors: successors)
  }

  /// A new gate, ready, with a window that never closes.
  init(
    onStorageError: StoragePolicy = .closed, trust: [UInt8]? = nil, area: UInt8 = 0,
    isExit: Bool = false, revokedTickets: Int = 0, onIncompleteList: ListPolicy = .open
  ) throws {
    var settings = organiser.settings(Self.node, onStorageError: onStorageError)
    settings.area = area
    settings.isExit = isExit
    settings.revokedTickets = revokedTickets
    settings.onIncompleteList = onIncompleteList
    self.settings = settings
    self.trust = try trust ?? Self.document()
    gate = Gate(
      settings,
      disk: Gate.blankDisk(
        seed: 1, usedTickets: settings.usedTickets, revokedTickets: revokedTickets),
      seed: 1)
    try start()
  }

  var now: Now { now(elapsed) }

  /// How far the system's clock is off, milliseconds.
  var skew: Int64 = 0

  private func now(_ elapsed: Int64) -> Now {
    Now(instant: Instant(milliseconds: Self.noon + elapsed + skew), elapsed: elapsed)
  }

  private func start() throws {
    starts += 1
    try gate.start(trust: trust, random: starts, now: now)
    try gate.load(plan: Array("a contact +0 +1000000 1001 1 1000\n".utf8), reference: Self.noon)
    time()
  }

  /// The process dies with everything that is not flushed, and another one starts.
  func restart() throws {
    var disk = gate.disk
    disk.crash(.ring, survivors: 0)
    gate = Gate(settings, disk: disk, seed: 1)
    try start()
  }

  // MARK: Time and disk

  func wait(_ milliseconds: Int64) {
    elapsed += milliseconds
    time()
  }

  func time() { gate.time(now) }
  func settle() { gate.settle(now) }

  // MARK: Scans

  func scan(_ text: [UInt8]) { gate.scan(text, now: now) }
  func scan(_ number: Int) throws { scan(try organiser.ticket(number)) }

  /// Scans, waits for the disk and returns the verdicts.
  func admit(_ numbers: ClosedRange<Int>) throws -> [Reason] {
    for number in numbers {
      if !canScan { settle() }
      try scan(number)
    }
    settle()
    return reasons()
  }

  func reasons() -> [Reason] { verdicts().map(\.reason) }
  func verdicts() -> [Verdict] { gate.takeVerdicts() }

  /// Scans one text, waits for the disk and returns the verdict.
  func verdict(_ text: [UInt8]) throws -> Verdict {
    scan(text)
    settle()
    return try #require(verdicts().first)
  }

  func annul(_ verdict: Verdict) {
    gate.annul(verdict, now: now)
    settle()
  }

  // MARK: The link

  /// Up, its birth and first batch published.
  func connect() {
    time()
    gate.linkActions.removeAll()
    gate.link(.connected, now: now)
    gate.link(.subscribed, now: now)
  }

  func publish() -> (topic: Publication.Topic, payload: [UInt8], id: Int32)? { gate.publish(now) }

  /// All that goes out now, as the validator reads it; the birth left out.
  func publishAll() throws -> [Sent] {
    var all: [Sent] = []
    while let message = publish() {
      guard case .bundle = message.topic else { continue }
      all.append(try Sent(message.payload, id: message.id))
    }
    return all
  }

  func receive(_ bundle: [UInt8]) { gate.received(bundle, now: now) }

  // MARK: What is known

  var counters: Counters { gate.agent.counters }
  func inside(_ area: UInt8) -> UInt32 { gate.agent.used.count(in: area).inside }
  var clockSource: Clock.Source { gate.agent.clock.source }
  var instant: Instant { gate.agent.clock.instant(elapsed) }
  var canScan: Bool { gate.agent.canScan }
  var unreceipted: UInt64 { gate.agent.unreceipted }
  var settledHeight: UInt64 { gate.agent.settledHeight }
  var coveredHeight: UInt64 { gate.agent.used.coveredHeight }
  var trustVersion: UInt64 { gate.agent.trustVersion }
  var shardsCurrent: Int { gate.agent.revoked.currentCount(of: gate.agent.trust) }
  var boot: UInt32 { gate.agent.boot }
  var inFlight: Int { gate.agent.bundlesInFlight }
  var resent: UInt64 { gate.agent.bundlesResent }
  var deadline: Int64? { gate.agent.deadline(now) }
  var linkState: Link.State { gate.agent.link.state }
  var isReadOnly: Bool { gate.agent.ring.state == .readOnly }
  func durable(_ recordClass: RecordClass) -> UInt64 {
    gate.agent.ring.durableThrough(recordClass)
  }
  func acknowledged(_ recordClass: RecordClass) -> UInt64 {
    gate.agent.ring.acknowledgedThrough(recordClass)
  }
  func head(_ recordClass: RecordClass) -> Hash { gate.agent.ring.chainHead(recordClass) }
}

/// A batch that came out of a bundle.
struct Sent {
  var id: Int32
  var header: BatchHeader
  /// First and last sequence of each class that is in it.
  var runs: [RecordClass: ClosedRange<UInt64>] = [:]
  var scans: [ScanRecord] = []

  init(_ bundle: [UInt8], id: Int32) throws {
    self.id = id
    let message = try ReceivedMessage(
      parsing: bundle.span, node: 1, now: Desk.noon, with: Sodium.self)
    #expect(message.kind == .batch)
    let body = bundle.span.extracting(message.body)
    var scratch = [UInt8](repeating: 0, count: body.count + 128)
    var space = scratch.mutableSpan
    let key = Organiser<Sodium>.publicKey(of: organiser.enrolment(Desk.node).key)
    let batch = try Batch(parsing: body).verify(by: key, with: Sodium.self, scratch: &space)
    header = batch.header
    var entries = batch.entries
    while let entry = entries.next() {
      let first = runs[entry.recordClass]?.lowerBound ?? entry.sequence
      runs[entry.recordClass] = first...entry.sequence
      scans.append(try ScanRecord(parsing: batch.record(entry)))
    }
  }

  var isGreeting: Bool { runs.isEmpty }
}
