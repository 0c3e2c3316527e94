// A gate's ring on a simulated disk, and the uplink that reads it, as the tests drive them.

import Bundles
import Limits
import Records
import Rings
import Seal
import Sync
import Testing
import Wire
import World

func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

/// The key of the seed 00 01 ... 1f.
let secret: SecretKey = {
  try! Sodium.start()
  return Sodium.secretKey(seed: Bytes<32>(Array(0..<32).span))
}()

let noon = Instant(milliseconds: 1_800_000_000_000, boot: 3)

/// One run of a batch that came out of a bundle.
struct Run: Equatable {
  var recordClass: RecordClass
  var first: UInt64
  var last: UInt64

  init(_ recordClass: RecordClass, _ first: UInt64, _ last: UInt64) {
    self.recordClass = recordClass
    self.first = first
    self.last = last
  }
}

/// What a bundle said.
struct Sent {
  var header: BatchHeader
  var runs: [Run]
  var records: [[UInt8]]
  var bundle: [UInt8]
}

final class Bench {
  static let segments = 64
  var ring: Ring<Sodium>
  var uplink: Uplink<Sodium>
  var disk = SimDisk(seed: 1)
  var actions = DiskActions()
  var messageID: Int32 = 0
  let header = BatchHeader(node: 1001, epoch: 9, boot: 3, height: 70, trust: 4)

  init() {
    let bytes = Uplink<Sodium>.memoryBytes + 16 * Limits.pageBytes
    let base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
    var arena = Arena(
      unsafe: base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes), count: bytes)
    uplink = Uplink(arena: &arena, node: 1001, upstream: 1, boot: 3, key: secret)
    ring = Ring(
      memory: Self.memory(Ring<Sodium>.memoryBytes(segments: Self.segments)),
      segments: Self.segments)
    disk.create(.ring, bytes: Ring<Sodium>.fileBytes(segments: Self.segments))
    ring.create(
      identity: Bytes<16>([UInt8](0..<16).span), node: 1001, epoch: 9, nonce: 5, into: &actions)
    settle()
  }

  static func memory(_ count: Int) -> Memory {
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
    return Memory(unsafe: base, count: count)
  }

  /// Performs what the ring asks for, until it asks for nothing.
  func settle() {
    while actions.count > 0 {
      let asked = (0..<actions.count).map { actions[$0] }
      actions.removeAll()
      for action in asked {
        if case .success? = disk.perform(action) { ring.flushed(nil, into: &actions) }
      }
    }
  }

  /// Appends scans of a class; durable only after `commit`.
  func append(_ recordClass: RecordClass, _ count: Int = 1) throws {
    for _ in 0..<count {
      if ring.pendingRecords == Limits.commitRecordsMax { commit() }
      let record = ScanRecord(
        sequence: ring.nextSequence(recordClass), previous: ring.chainHead(recordClass),
        instant: noon, subject: nil, operation: .consume,
        reason: recordClass == .admissions ? .valid : .expired, event: 2026, zone: 1,
        use: recordClass == .admissions ? 1 : 0, entries: 1, clock: KnownClock())
      var bytes = [UInt8](repeating: 0, count: Limits.recordBytesMax)
      var space = bytes.mutableSpan
      let length = try record.encode(into: &space)
      _ = try ring.append(bytes.span.extracting(first: length), recordClass: recordClass)
    }
  }

  func commit() {
    ring.commit(into: &actions)
    settle()
  }

  /// The next bundle that the uplink makes, handed over; nil if there is none.
  func send(at now: Int64 = 0) throws -> Sent? {
    guard let (flight, bundle) = try uplink.next(ring, header: header, now: noon, disk: &disk)
    else { return nil }
    messageID += 1
    let sent = try open(array(bundle.span))
    uplink.sent(flight, messageID: messageID, now: now)
    return sent
  }

  func greeting() throws -> Sent {
    try open(array(uplink.greeting(header: header, now: noon).span))
  }

  /// All bundles that go out now.
  func drain() throws -> [Sent] {
    var all: [Sent] = []
    while let sent = try send() { all.append(sent) }
    return all
  }

  var hasUnsent: Bool { uplink.hasUnsent(ring) }
  var inFlight: Int { uplink.window.count }
  var isFull: Bool { uplink.window.isFull }
  var resent: UInt64 { uplink.window.resent }
  func oldest(_ recordClass: RecordClass) -> UInt64 { ring.oldest(recordClass) }
  func head(_ recordClass: RecordClass) -> Hash { ring.chainHead(recordClass) }
  func acknowledged(_ recordClass: RecordClass) -> UInt64 {
    ring.acknowledgedThrough(recordClass)
  }

  func receipt(_ recordClass: RecordClass, through sequence: UInt64) {
    ring.acknowledge(recordClass, through: sequence)
    uplink.receipted(recordClass, through: sequence)
  }

  /// Reads a bundle as the validator does.
  func open(_ bundle: [UInt8]) throws -> Sent {
    let message = try ReceivedMessage(
      parsing: bundle.span, node: 1, now: noon.milliseconds, with: Sodium.self)
    #expect(message.kind == .batch)
    let body = bundle.span.extracting(message.body)
    var scratch = [UInt8](repeating: 0, count: body.count + 128)
    var space = scratch.mutableSpan
    let batch = try Batch(parsing: body).verify(
      by: Sodium.publicKey(of: secret), with: Sodium.self, scratch: &space)
    var sent = Sent(header: batch.header, runs: [], records: [], bundle: bundle)
    var entries = batch.entries
    while let entry = entries.next() {
      sent.records.append(array(batch.record(entry)))
      if let run = sent.runs.last, run.recordClass == entry.recordClass {
        sent.runs[sent.runs.count - 1].last = entry.sequence
      } else {
        sent.runs.append(Run(entry.recordClass, entry.sequence, entry.sequence))
      }
    }
    return sent
  }
}
