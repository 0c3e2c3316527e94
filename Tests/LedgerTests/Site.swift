// A validator, an authority and some gates in memory: what the ledger's tests play with.

import Ledger
import Limits
import Receipts
import Records
import Seal
import Trust
import Wire

func secret(_ number: UInt8) -> SecretKey {
  var seed = Bytes<32>()
  seed.storage[0] = number
  return Sodium.secretKey(seed: seed)
}

func array(_ span: Span<UInt8>) -> [UInt8] { (0..<span.count).map { span[$0] } }

/// Memory that a test takes and never gives back.
func memory(_ count: Int) -> Memory {
  let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
  base.initialize(repeating: 0, count: count)
  return Memory(unsafe: base, count: count)
}

func ticket(_ number: Int) -> TicketIdentity {
  var identity = TicketIdentity()
  identity.storage[0] = UInt8(number >> 8)
  identity.storage[15] = UInt8(number & 0xff)
  return identity
}

/// A block log in memory.
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

/// A gate that signs batches of what it has recorded.
struct Gate {
  struct Line {
    var recordClass: RecordClass
    var sequence: UInt64
    var bytes: [UInt8]
  }

  let node: UInt64
  var epoch: UInt64
  let key: SecretKey
  var height: UInt64 = 0
  var trust: UInt64 = 1
  var chains = [RecordChain](repeating: RecordChain(), count: 4)
  var lines: [Line] = []

  init(_ node: UInt64, epoch: UInt64? = nil) {
    self.node = node
    self.epoch = epoch ?? 1000 + node
    key = secret(UInt8(node))
  }

  /// Records a scan of `subject`.
  mutating func scan(
    _ subject: TicketIdentity?, _ reason: Reason = .valid, operation: Operation = .consume,
    entries: UInt16 = 1, time: Int64 = 0, knowing: [KnownEvent] = [], override: Override? = nil
  ) {
    let recordClass: RecordClass = reason == .valid ? .admissions : .refusals
    let chain = chains[recordClass.index]
    var clock = KnownClock(height: height)
    for event in knowing { try! clock.append(event) }
    let record = ScanRecord(
      sequence: chain.next, previous: chain.previous, instant: Instant(milliseconds: time, boot: 1),
      subject: subject, operation: operation, reason: reason, event: 2026, zone: 1,
      use: reason == .valid ? 1 : 0, entries: entries, clock: clock, override: override)
    var bytes = [UInt8](repeating: 0, count: Limits.recordBytesMax)
    var target = bytes.mutableSpan
    let count = try! record.encode(into: &target)
    add(recordClass, Array(bytes[0..<count]))
  }

  /// Gives up what it has of `recordClass` from `first` to `last`, and says so.
  mutating func evict(_ missing: RecordClass, _ first: UInt64, _ last: UInt64) {
    func hash(_ sequence: UInt64) -> Hash {
      guard let line = lines.first(where: { $0.recordClass == missing && $0.sequence == sequence })
      else { return Hash() }
      return Sodium.hash(line.bytes.span)
    }
    let chain = chains[RecordClass.control.index]
    let record = GapRecord(
      sequence: chain.next, previous: chain.previous, instant: Instant(milliseconds: 0, boot: 1),
      missingClass: missing, first: first, last: last, before: hash(first - 1), end: hash(last),
      cause: .evicted)
    var bytes = [UInt8](repeating: 0, count: Limits.recordBytesMax)
    var target = bytes.mutableSpan
    let count = try! record.encode(into: &target)
    add(.control, Array(bytes[0..<count]))
    lines.removeAll { $0.recordClass == missing && $0.sequence >= first && $0.sequence <= last }
  }

  private mutating func add(_ recordClass: RecordClass, _ bytes: [UInt8]) {
    lines.append(
      Line(recordClass: recordClass, sequence: chains[recordClass.index].next, bytes: bytes))
    chains[recordClass.index].advance(over: bytes.span, with: Sodium.self)
  }

  /// A batch of the records with sequences in `range` (of every class).
  func batch(_ range: ClosedRange<UInt64> = 1...UInt64.max, signedBy other: SecretKey? = nil)
    -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: BatchWriter.bytesMax)
    let header = BatchHeader(node: node, epoch: epoch, boot: 1, height: height, trust: trust)
    var place = 0..<0
    do {
      var writer = BatchWriter(bytes.mutableSpan, header: header)
      for recordClass in [RecordClass.control, .admissions, .refusals, .telemetry] {
        for line in lines where line.recordClass == recordClass && range.contains(line.sequence) {
          try! writer.append(recordClass, sequence: line.sequence, line.bytes.span)
        }
      }
      place = try! writer.finish(key: other ?? key, with: Sodium.self)
    }
    return Array(bytes[place])
  }
}

struct Site: ~Copyable {
  static let authority = secret(200)
  static let validator = secret(201)

  var ledger: Ledger<Sodium>
  var log = MemoryLog()
  var blocks: [ProvenBlock] = []
  var effects: [Effects] = []

  /// - Parameter gates: enrolled by the first trust document. None means no document at all.
  init(_ gates: [Gate] = [Gate(1), Gate(2), Gate(3)]) {
    ledger = Self.ledger()
    guard !gates.isEmpty else { return }
    _ = try! ledger.adopt(Self.trust(1, gates).span)
    settle()
  }

  static func ledger() -> Ledger<Sodium> {
    try! Sodium.start()
    return Ledger(
      node: 9, key: validator, authority: Sodium.publicKey(of: authority),
      trust: TrustDocument(memory: memory(TrustDocument<Sodium>.memoryBytes)))
  }

  static func trust(
    _ version: UInt64, _ gates: [Gate], revoked: Set<UInt64> = [], signedBy key: SecretKey? = nil
  ) -> [UInt8] {
    var payload = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    var scratch = [UInt8](repeating: 0, count: Limits.trustBytesMax + 128)
    var output = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    let count: Int
    do {
      var target = scratch.mutableSpan
      var document = output.mutableSpan
      var writer = try! TrustWriter(
        payload.mutableSpan, head: TrustHead(version: version, network: BoundedBytes("test")))
      try! writer.authorities(1)
      try! writer.authority(Sodium.publicKey(of: authority))
      try! writer.issuers(0)
      try! writer.pretixKeys(0)
      try! writer.revoked(0)
      try! writer.blocked(0)
      try! writer.devices(gates.count)
      for gate in gates {
        try! writer.device(
          Device(
            node: gate.node, role: .gate, key: Sodium.publicKey(of: gate.key), zone: 1,
            epoch: gate.epoch, status: revoked.contains(gate.node) ? .revoked : .active))
      }
      try! writer.validators(1)
      try! writer.validator(Trust.Validator(node: 9, key: Sodium.publicKey(of: validator)))
      count = try! writer.finish(
        key: key ?? authority, with: Sodium.self, scratch: &target, into: &document)
    }
    return Array(output[0..<count])
  }

  mutating func take(_ batch: [UInt8]) throws(Refusal) -> Intake {
    try ledger.take(batch.span, from: &log)
  }

  /// Makes what is pending durable.
  mutating func settle(time: Int64 = 1_000) {
    ledger.propose(time: time)
    log.bytes += array(ledger.frame)
    let (effects, block) = ledger.flushed()
    self.effects.append(effects)
    blocks.append(block)
  }

  /// Takes a batch and makes it durable.
  mutating func settle(_ batch: [UInt8]) throws(Refusal) -> Intake {
    let intake = try take(batch)
    if ledger.hasPending { settle() }
    return intake
  }

  var duplicates: [DuplicateRow] { effects.flatMap { $0.duplicates } }

  static var validators: ValidatorSet {
    var set = ValidatorSet()
    try! set.append(Receipts.Validator(node: 9, key: Sodium.publicKey(of: validator)))
    return set
  }

  /// The leaf of a proof that holds for a device.
  static func verified(_ block: ProvenBlock, _ index: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: ProvenBlock.proofBytesMax)
    var target = bytes.mutableSpan
    let count = try block.prove(index, into: &target)
    let proof = try Proof(parsing: bytes.span.extracting(first: count))
    return array(try proof.verify(by: validators, with: Sodium.self))
  }
}
