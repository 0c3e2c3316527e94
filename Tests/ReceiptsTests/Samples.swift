// What the tests of receipts share: a seeded generator, hex, validators, blocks.

import Seal
import Wire

@testable import Receipts

/// SplitMix64: one seed, one run. The seed is printed by the test that draws it.
struct Dice: RandomNumberGenerator {
  private var state: UInt64

  init(_ test: String) {
    state = UInt64.random(in: 0 ... .max)
    print("\(test): seed \(state)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

func bytes(hex: String) -> [UInt8] {
  let digits = Array(hex.utf8)
  var output = [UInt8](repeating: 0, count: digits.count / 2)
  var span = output.mutableSpan
  let count = try! Hex.decode(digits.span, into: &span)
  precondition(count == digits.count / 2)
  return output
}

func hex(_ bytes: [UInt8]) -> String {
  var text = ""
  for byte in bytes {
    text += String(UnicodeScalar(Hex.digit(byte >> 4)))
    text += String(UnicodeScalar(Hex.digit(byte & 15)))
  }
  return text
}

func hex(_ hash: Hash) -> String { hex(array(hash.span)) }

func array(_ span: Span<UInt8>) -> [UInt8] {
  var bytes: [UInt8] = []
  for i in span.indices { bytes.append(span[i]) }
  return bytes
}

func hash(_ bytes: [UInt8]) -> Hash { Sodium.hash(bytes.span) }

func filled<let size: Int>(_ byte: UInt8) -> Bytes<size> {
  var value = Bytes<size>()
  for i in 0..<size { value.storage[i] = byte }
  return value
}

let ticket: TicketIdentity = {
  var identity = TicketIdentity()
  for i in 0..<16 { identity.storage[i] = UInt8(i) }
  return identity
}()

/// The key of validator `node`. Validator 1 has the seed 00 01 ... 1f of the golden vectors.
func secretKey(_ node: UInt64) -> SecretKey {
  try! Sodium.start()
  var seed = Bytes<32>()
  for i in 0..<32 { seed.storage[i] = UInt8(i) ^ UInt8(node - 1) }
  return Sodium.secretKey(seed: seed)
}

/// Validators with these numbers, which must rise.
func validators(_ nodes: some Sequence<UInt64>) -> ValidatorSet {
  var set = ValidatorSet()
  for node in nodes {
    try! set.append(Validator(node: node, key: Sodium.publicKey(of: secretKey(node))))
  }
  return set
}

func header(results: Hash, of set: ValidatorSet) -> BlockHeader {
  BlockHeader(
    height: 5, view: 0, previous: filled(0x44), transactions: MerkleRoot().root(with: Sodium.self),
    results: results, state: filled(0x55), time: 1_750_000_001_000,
    validators: set.hash(with: Sodium.self))
}

func certificate(_ header: BlockHeader, by nodes: some Sequence<UInt64>) -> Certificate {
  var certificate = Certificate()
  for node in nodes {
    try! certificate.append(
      .init(node: node, signature: header.sign(key: secretKey(node), with: Sodium.self)))
  }
  return certificate
}

func encoded(_ header: BlockHeader) throws(WireError) -> [UInt8] {
  try encoded(room: BlockHeader.bytesMax) { (span: inout MutableSpan<UInt8>) throws(WireError) in
    try header.encode(into: &span)
  }
}

func encoded(_ certificate: Certificate) throws(WireError) -> [UInt8] {
  try encoded(room: Certificate.bytesMax) { (span: inout MutableSpan<UInt8>) throws(WireError) in
    try certificate.encode(into: &span)
  }
}

func encoded(_ leaf: ReceiptLeaf) throws(WireError) -> [UInt8] {
  try encoded(room: ReceiptLeaf.bytesMax) { (span: inout MutableSpan<UInt8>) throws(WireError) in
    try leaf.encode(into: &span)
  }
}

/// The bytes that `body` writes.
func encoded(
  room: Int, _ body: (inout MutableSpan<UInt8>) throws(WireError) -> Int
) throws(WireError) -> [UInt8] {
  var output = [UInt8](repeating: 0, count: room)
  var span = output.mutableSpan
  let count = try body(&span)
  return Array(output[..<count])
}

func parseHeader(_ bytes: [UInt8]) throws(WireError) -> BlockHeader {
  try BlockHeader(parsing: bytes.span)
}

func parseCertificate(_ bytes: [UInt8]) throws(WireError) -> Certificate {
  try Certificate(parsing: bytes.span)
}

func parseReceipt(_ bytes: [UInt8]) throws(WireError) -> ReceiptLeaf {
  try ReceiptLeaf(parsing: bytes.span)
}

/// A settlement leaf with its tickets.
func parseSettlement(_ bytes: [UInt8]) throws(WireError) -> (SettlementPart, [Settled]) {
  let leaf = try SettlementLeaf(parsing: bytes.span)
  var tickets: [Settled] = []
  var entries = leaf.entries
  while let settled = entries.next() { tickets.append(settled) }
  guard tickets.count == leaf.count else { throw .truncated }
  return (leaf.part, tickets)
}

func settlement(_ part: SettlementPart, _ tickets: [Settled]) throws(WireError) -> [UInt8] {
  var output = [UInt8](repeating: 0, count: 64 + tickets.count * Settled.bytesMax)
  var count = 0
  do {
    var writer = try SettlementLeafWriter(
      output.mutableSpan, part: part, entries: tickets.count)
    for settled in tickets { try writer.append(settled) }
    count = try writer.finish()
  }
  return Array(output[..<count])
}

/// Checks a proof; returns its leaf.
func verify(_ bytes: [UInt8], by set: ValidatorSet) throws(ProofError) -> [UInt8] {
  let proof = try Proof(parsing: bytes.span)
  return array(try proof.verify(by: set, with: Sodium.self))
}

/// A tree of these leaves: its root, and the path to each.
func tree(_ leaves: [[UInt8]]) -> (root: Hash, paths: [MerklePath]) {
  var memory = [UInt8](repeating: 0, count: MerkleTree.bytesNeeded(leaves: leaves.count))
  var tree = MerkleTree(memory.mutableSpan, leaves: leaves.count)
  for leaf in leaves { append(leaf, to: &tree) }
  let paths = leaves.indices.map { _ in MerklePath() }
  var found = paths
  for i in 0..<paths.count { found[i] = tree.path(to: i, with: Sodium.self) }
  return (tree.root(with: Sodium.self), found)
}

@_lifetime(tree: copy tree)
func append(_ leaf: [UInt8], to tree: inout MerkleTree) {
  tree.append(leaf.span, with: Sodium.self)
}

/// The proof of leaf `index` of `leaves` in a block that `signers` of `set` signed.
func proof(
  _ leaves: [[UInt8]], index: Int, set: ValidatorSet, signers: some Sequence<UInt64>
) throws(WireError) -> [UInt8] {
  let (root, paths) = tree(leaves)
  let header = header(results: root, of: set)
  return try proof(
    leaves[index], index: index, size: leaves.count, path: paths[index], header: header,
    certificate: certificate(header, by: signers))
}

func proof(
  _ leaf: [UInt8], index: Int, size: Int, path: MerklePath, header: BlockHeader,
  certificate: Certificate
) throws(WireError) -> [UInt8] {
  try encoded(room: leaf.count + Proof.overheadBytesMax) {
    (span: inout MutableSpan<UInt8>) throws(WireError) in
    try Proof.encode(
      leaf: leaf.span, index: index, size: size, path: path, header: header,
      certificate: certificate, into: &span)
  }
}
