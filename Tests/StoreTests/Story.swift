// A small ledger with everything in it that the index has tables for.

import Ledger
import Limits
import Receipts
import Records
import Seal
import Trust
import Wire

/// The validator while the story happens.
private struct Play: ~Copyable {
  var ledger = Story.ledger()
  var log = MemoryLog()
  var effects: [Effects] = []

  mutating func adopt(_ document: [UInt8]) throws(TrustError) {
    _ = try ledger.adopt(document.span)
    settle()
  }

  mutating func take(_ batch: [UInt8]) throws(Refusal) {
    _ = try ledger.take(batch.span, from: &log)
    settle()
  }

  private mutating func settle() {
    ledger.propose(time: 1_000)
    for i in 0..<ledger.frame.count { log.bytes.append(ledger.frame[i]) }
    effects.append(ledger.flushed().effects)
  }
}

struct Story {
  let effects: [Effects]
  private let log: MemoryLog

  private static let authority = secret(200)
  private static let validator = secret(201)

  init() throws {
    try Sodium.start()
    var play = Play()
    try play.adopt(try Self.trust([1, 2]))
    // Both gates admit tickets 20 to 29; gate 1 admits ticket 1 twice, and its clone something else.
    try play.take(try Self.batch(1, tickets: Array(1...30) + [1], refusals: 0))
    try play.take(try Self.batch(2, tickets: Array(20...29), refusals: 21))
    try play.take(try Self.batch(1, tickets: [90], refusals: 0))
    effects = play.effects
    log = play.log
  }

  /// What the blocks did, as replaying the log tells it.
  func replayed() throws -> [Effects] {
    var ledger = Self.ledger()
    var source = log
    var effects: [Effects] = []
    _ = try ledger.replay(&source) { effects.append($0) }
    return effects
  }

  private static func secret(_ number: UInt8) -> SecretKey {
    var seed = Bytes<32>()
    seed.storage[0] = number
    return Sodium.secretKey(seed: seed)
  }

  fileprivate static func ledger() -> Ledger<Sodium> {
    let count = TrustDocument<Sodium>.memoryBytes
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
    return Ledger(
      node: 9, key: validator, authority: Sodium.publicKey(of: authority),
      trust: TrustDocument(memory: Memory(unsafe: base, count: count)))
  }

  private static func trust(_ nodes: [UInt64]) throws -> [UInt8] {
    var payload = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    var scratch = [UInt8](repeating: 0, count: Limits.trustBytesMax + 128)
    var output = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    let count: Int
    do {
      var target = scratch.mutableSpan
      var document = output.mutableSpan
      var writer = try TrustWriter(
        payload.mutableSpan, head: TrustHead(version: 1, network: BoundedBytes("test")))
      try writer.authorities(1)
      try writer.authority(Sodium.publicKey(of: authority))
      try writer.issuers(0)
      try writer.pretixKeys(0)
      try writer.revoked(0)
      try writer.blocked(0)
      try writer.devices(nodes.count)
      for node in nodes {
        try writer.device(
          Device(
            node: node, role: .gate, key: Sodium.publicKey(of: secret(UInt8(node))), zone: 1,
            epoch: .max - node))
      }
      try writer.validators(1)
      try writer.validator(Trust.Validator(node: 9, key: Sodium.publicKey(of: validator)))
      count = try writer.finish(
        key: authority, with: Sodium.self, scratch: &target, into: &document)
    }
    return Array(output[0..<count])
  }

  private static func batch(_ node: UInt64, tickets: [Int], refusals: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: BatchWriter.bytesMax)
    let header = BatchHeader(node: node, epoch: .max - node, boot: 1, height: 0, trust: 1)
    var place = 0..<0
    do {
      var writer = BatchWriter(bytes.mutableSpan, header: header)
      for (recordClass, count) in [(RecordClass.admissions, tickets.count), (.refusals, refusals)] {
        var chain = RecordChain()
        for i in 0..<count {
          var subject = TicketIdentity()
          if recordClass == .admissions { subject.storage[0] = UInt8(tickets[i]) }
          let record = ScanRecord(
            sequence: chain.next, previous: chain.previous,
            instant: Instant(milliseconds: Int64(i), uncertainty: 3, boot: 2),
            subject: recordClass == .admissions ? subject : nil, operation: .consume,
            reason: recordClass == .admissions ? .valid : .malformed, event: 2026, zone: 1,
            use: 1, entries: 1, clock: KnownClock(height: 1))
          var line = [UInt8](repeating: 0, count: Limits.recordBytesMax)
          var target = line.mutableSpan
          let length = try record.encode(into: &target)
          let encoded = line.span.extracting(first: length)
          try writer.append(recordClass, sequence: chain.next, encoded)
          chain.advance(over: encoded, with: Sodium.self)
        }
      }
      place = try writer.finish(key: secret(UInt8(node)), with: Sodium.self)
    }
    return Array(bytes[place])
  }
}

struct MemoryLog: LogSource {
  var bytes = LogFormat.header(with: Sodium.self)
  var count: Int64 { Int64(bytes.count) }

  mutating func read(
    at offset: Int64, count: Int, into target: inout [UInt8]
  ) throws(LedgerError) {
    guard offset >= 0, offset + Int64(count) <= self.count else { throw .unreadable }
    target += bytes[Int(offset)..<Int(offset) + count]
  }
}
