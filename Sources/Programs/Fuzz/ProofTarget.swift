// Proofs and what stands in them.

import Limits
import Receipts
import Records
import Wire

/// - A proof that is read is written as the same bytes; so are headers, certificates, receipts and
///   settlements.
/// - A proof that holds gives the leaf that it names.
func checkProof(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  try checkParts(bytes, bench)
  let proof: Proof
  do throws(ProofError) { proof = try Proof(parsing: bytes) } catch { return }
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  try requireSame(try? rewrite(bytes, into: &output), output.span, bytes)
  var validators = ValidatorSet()
  for node in 1...4 as ClosedRange<UInt64> {
    try? validators.append(Validator(node: node, key: PublicKey()))
  }
  let leaf: Span<UInt8>
  do throws(ProofError) {
    leaf = try proof.verify(by: validators, with: Gullible.self)
  } catch {
    return
  }
  try require(equal(leaf, bytes.extracting(proof.leaf)), "a proof gives another leaf")
  try checkParts(leaf, bench)
}

private func rewrite(
  _ bytes: Span<UInt8>, into output: inout MutableSpan<UInt8>
) throws(WireError) -> Int {
  var reader = CBORReader(bytes)
  try reader.array(exactly: 6)
  let leaf = try reader.byteString()
  let index = Int(try reader.unsigned())
  let size = Int(try reader.unsigned())
  var path = MerklePath()
  for _ in 0..<(try reader.array(max: MerklePath.capacity)) { try path.append(reader.fixed()) }
  let header = try BlockHeader(parsing: reader.byteString())
  let certificate = try Certificate(
    parsing: bytes.extracting(reader.position..<bytes.count))
  return try Proof.encode(
    leaf: leaf, index: index, size: size, path: path, header: header, certificate: certificate,
    into: &output)
}

private func checkParts(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  if let header = try? BlockHeader(parsing: bytes) {
    try requireSame(try? header.encode(into: &output), output.span, bytes)
    _ = header.id(with: Gullible.self)
  }
  if let certificate = try? Certificate(parsing: bytes) {
    try requireSame(try? certificate.encode(into: &output), output.span, bytes)
  }
  if let receipt = try? ReceiptLeaf(parsing: bytes) {
    try requireSame(try? receipt.encode(into: &output), output.span, bytes)
  }
  try checkSettlement(bytes, into: &output)
}

private func checkSettlement(
  _ bytes: Span<UInt8>, into output: inout MutableSpan<UInt8>
) throws(Broken) {
  let leaf: SettlementLeaf
  do throws(WireError) { leaf = try SettlementLeaf(parsing: bytes) } catch { return }
  var count = 0
  do throws(WireError) {
    var writer = try SettlementLeafWriter(output.whole(), part: leaf.part, entries: leaf.count)
    var entries = leaf.entries
    while let settled = entries.next() {
      _ = settled.usesElsewhere(than: 1)
      try writer.append(settled)
    }
    count = try writer.finish()
  } catch {
    throw Broken(property: "settlements cannot be written again")
  }
  try requireSame(count, output.span, bytes)
}

private func requireSame(
  _ count: Int?, _ written: Span<UInt8>, _ bytes: Span<UInt8>
) throws(Broken) {
  try require(
    count == bytes.count && equal(written.extracting(first: bytes.count), bytes),
    "something that stands in a proof has two encodings")
}
