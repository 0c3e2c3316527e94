// Where each target starts: what our own programs write.

import Bundles
import Gates
import Ledger
import Limits
import Receipts
import Records
import Rings
import Sync
import Trust
import Wire

extension FuzzTarget {
  /// Inputs that are taken, a few for each form that there is.
  public var seeds: [[UInt8]] {
    switch self {
    case .code: Scene.cwtTickets() + Scene.pretixTickets()
    case .cwt: Scene.cwtBytes() + claimSeeds()
    case .sig1: Scene.pretixBytes()
    case .cbor: [[0xa2, 0x01, 0x82, 0x20, 0xc1, 0x18, 0x64, 0x61, 0x61, 0x43, 1, 2, 3]]
    case .toml: [tomlSeed]
    case .trust: [Scene.document(), Scene.document(hasRules: true)]
    case .record: recordSeeds().map(\.bytes)
    case .batch: [batchSeed()]
    case .message: [messageSeed()]
    case .bundle: [bundleSeed(messageSeed())]
    case .proof: proofSeeds()
    case .contacts: [contactsSeed]
    case .ring: [ringSeed()]
    case .used: [usedSeed()]
    case .ledger: [ledgerSeed()]
    }
  }
}

/// The bytes that `body` writes.
private func written(
  _ capacity: Int = 64 * 1024, _ body: (inout MutableSpan<UInt8>) -> Int
) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: capacity)
  var target = bytes.mutableSpan
  let count = body(&target)
  return Array(bytes.prefix(count))
}

/// The claims of the tickets, without their envelopes.
private func claimSeeds() -> [[UInt8]] {
  Scene.cwtBytes().prefix(2).map { bytes in
    Array(bytes[try! Sign1(parsing: bytes.span).payload])
  }
}

private let tomlSeed = Array(
  """
  # a gate
  node = 1001
  name = "north \\"1\\" \\u00e9"
  "quoted key" = true
  [link]
  hosts = ["a", "b"] # two
  mask = 0x0f
  [[contact]]
  until = -1_000
  [[contact]]
  list = [1,
    2]

  """.utf8)

private let contactsSeed = Array(
  """
  # a rover that comes twice
  @ 2027/01/15-08:00:00
  m horizon +0
  a contact +0 +600.5 1001 2 100000 0.95
  a contact +3600 +4200 1001 2 100000
  a range +0 +4200 1001 2 1

  """.utf8)

// Records.
private func recordSeeds() -> [(recordClass: RecordClass, bytes: [UInt8])] {
  let instant = Instant(milliseconds: 1_800_000_000_000, uncertainty: 20, boot: 3)
  var clock = KnownClock(height: 4)
  try! clock.append(KnownEvent(node: 1002, recordClass: .admissions, sequence: 9))
  let gap = GapRecord(
    sequence: 1, previous: Hash(), instant: instant, missingClass: .refusals, first: 2, last: 5,
    before: Hash(), end: Hash(), cause: .evicted)
  let admission = ScanRecord(
    sequence: 1, previous: Hash(), instant: instant, subject: TicketIdentity(),
    operation: .consume, reason: .valid, event: 2026, zone: 1, use: 1, entries: 2, clock: clock)
  var refusal = admission
  refusal.subject = nil
  refusal.reason = .badSignature
  refusal.use = 0
  return [
    (.control, written { try! gap.encode(into: &$0) }),
    (.admissions, written { try! admission.encode(into: &$0) }),
    (.refusals, written { try! refusal.encode(into: &$0) }),
  ]
}

private func batchSeed() -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: BatchWriter.bytesMax)
  var target = bytes.mutableSpan
  var writer = BatchWriter(
    target.whole(), header: BatchHeader(node: 1001, epoch: 5, boot: 3, height: 0, trust: 7))
  for (recordClass, record) in recordSeeds() {
    try! writer.append(recordClass, sequence: 1, record.span)
  }
  let place = try! writer.finish(key: SecretKey(), with: Gullible.self)
  return [UInt8](target.span.extracting(place))
}

private func messageSeed() -> [UInt8] {
  let body = recordSeeds()[1].bytes
  return written { try! Message.encode(.batch, body.span, into: &$0) }
}

private func bundleSeed(_ message: [UInt8]) -> [UInt8] {
  var maker = BundleMaker(node: 1001, boot: 3)
  return written {
    try! maker.make(
      for: 1, message: message.span, now: Scene.now, with: Gullible.self, into: &$0)
  }
}

// Proofs.
private func proofSeeds() -> [[UInt8]] {
  let header = BlockHeader(
    height: 3, view: 0, previous: Hash(), transactions: Hash(), results: Hash(), state: Hash(),
    time: 1_800_000_000_000, validators: Hash())
  var certificate = Certificate()
  for node in 1...3 as ClosedRange<UInt64> {
    try! certificate.append(Certificate.Entry(node: node, signature: Signature()))
  }
  var receipt = ReceiptLeaf(node: 1001, epoch: 5)
  try! receipt.append(
    ReceiptLeaf.Entry(recordClass: .admissions, through: 9, hash: Hash()))
  let leaf = written { try! receipt.encode(into: &$0) }
  var path = MerklePath()
  try! path.append(Hash())
  let proof = written {
    try! Proof.encode(
      leaf: leaf.span, index: 1, size: 2, path: path, header: header, certificate: certificate,
      into: &$0)
  }
  var settled = Settled(identity: TicketIdentity())
  try! settled.append(Settled.Use(node: 1001, uses: 1))
  try! settled.append(Settled.Use(node: 1002, uses: 300))
  let settlement = written {
    var writer = try! SettlementLeafWriter(
      $0.whole(), part: SettlementPart(height: 3, index: 0, count: 1, before: 2), entries: 1)
    try! writer.append(settled)
    return try! writer.finish()
  }
  return [
    proof, leaf, settlement, written { try! header.encode(into: &$0) },
    written { try! certificate.encode(into: &$0) },
  ]
}

// Files.
private func ringSeed() -> [UInt8] {
  let segments = Limits.segmentsMin
  var disk = PagedDisk()
  var actions = DiskActions()
  var ring = Ring<Gullible>(
    memory: takeMemory(Ring<Gullible>.memoryBytes(segments: segments)), segments: segments)
  ring.create(identity: Bytes(), node: 1001, epoch: 5, nonce: 1, into: &actions)
  while disk.perform(&actions) { ring.flushed(nil, into: &actions) }
  for _ in 0..<2 {
    for (recordClass, record) in recordSeeds() {
      _ = try! ring.append(record.span, recordClass: recordClass, expires: .max)
    }
    ring.commit(into: &actions)
    while disk.perform(&actions) { ring.flushed(nil, into: &actions) }
  }
  return disk.pieces()
}

private func usedSeed() -> [UInt8] {
  var disk = PagedDisk()
  var actions = DiskActions()
  var used = UsedSet<Gullible>(
    pages: takeMemory(UsedSet<Gullible>.pagesMemoryBytes),
    delta: takeMemory(UsedSet<Gullible>.deltaMemoryBytes))
  used.create(tickets: 1000, identity: Bytes(), key: Bytes(), epoch: 1, into: &actions)
  while disk.perform(&actions) { used.flushed(nil, disk: &disk, into: &actions) }
  return disk.pieces()
}

private func ledgerSeed() -> [UInt8] {
  let key = Scene.secret(12)
  var ledger = Ledger<Gullible>(
    node: 1, key: key, authority: Scene.open(Scene.authority),
    trust: TrustDocument(memory: takeMemory(Limits.trustBytesMax)))
  var log = MemoryLog(bytes: LogFormat.header(with: Gullible.self))
  _ = try! ledger.adopt(Scene.document().span)
  for time in 1...2 as ClosedRange<Int64> {
    if time == 2 { _ = try! ledger.take(batchSeed().span, from: &log) }
    ledger.propose(time: time)
    log.bytes += [UInt8](ledger.frame)
    _ = ledger.flushed()
  }
  return log.bytes
}
