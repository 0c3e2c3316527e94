// A durable block's results, from which proofs are made for devices.
// Invariants: holds what a proof needs and not the transactions; a leaf's proof is the same whenever
// it is made.

public import Receipts
public import Wire

public struct ProvenBlock {
  public let header: BlockHeader
  private let certificate: Certificate
  private let bytes: [UInt8]
  private let results: [Range<Int>]
  /// Results that are receipts: they stand first.
  public let receipts: Int
  private let tree: HashTree

  /// Results in all.
  public var count: Int { results.count }
  /// The leaves that are settlements.
  public var settlements: Range<Int> { receipts..<results.count }

  /// Bytes that a proof of the largest leaf has at most.
  public static let proofBytesMax = SettlementCut.leafBytesMax + Proof.overheadBytesMax

  init<P: Primitives>(
    body: Span<UInt8>, block: Block, with primitives: P.Type
  ) throws(WireError) {
    header = block.header
    certificate = block.certificate
    let start = block.results.first?.lowerBound ?? 0
    let end = block.results.last?.upperBound ?? 0
    var bytes = [UInt8](repeating: 0, count: end - start)
    var target = bytes.mutableSpan
    copy(body.extracting(start..<end), to: &target)
    var tree = HashTree()
    var receipts = 0
    var places: [Range<Int>] = []
    for (i, place) in block.results.enumerated() {
      let leaf = body.extracting(place)
      tree.set(i, Merkle.leafHash(leaf, with: primitives))
      places.append(place.lowerBound - start..<place.upperBound - start)
      if leaf.count > 1 && leaf[1] == 1 { receipts += 1 }
    }
    _ = tree.settle(with: primitives)
    self.bytes = bytes
    self.tree = tree
    self.receipts = receipts
    results = places
  }

  /// Leaf `index` as it is.
  @_lifetime(borrow self)
  public func leaf(_ index: Int) -> Span<UInt8> { bytes.span.extracting(results[index]) }

  /// Encodes the proof of leaf `index` to the beginning of `output`; returns the number of bytes, at
  /// most `proofBytesMax`.
  @_lifetime(output: copy output)
  public func prove(
    _ index: Int, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    var path = MerklePath()
    for hash in tree.path(index) { try path.append(hash) }
    return try Proof.encode(
      leaf: leaf(index), index: index, size: count, path: path, header: header,
      certificate: certificate, into: &output)
  }
}
