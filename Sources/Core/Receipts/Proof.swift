// A leaf of a block's results with all that is needed to believe it, and no network.
// Invariants: parsing is total; the leaf comes out only of `verify`.

import Limits
public import Wire

public struct Proof: ~Escapable {
  private let bytes: Span<UInt8>
  /// The leaf's place in the bytes. Not to be believed before `verify`.
  public let leaf: Range<Int>
  /// Place of the leaf, and number of leaves.
  private let index: Int
  private let size: Int
  private let path: MerklePath
  private let certificate: Certificate
  /// Not to be believed before `verify`.
  public let header: BlockHeader

  /// What a proof takes beside its leaf, at most: array, leaf's head, index, size, path, header,
  /// certificate.
  public static let overheadBytesMax =
    1 + 9 + 5 + 5 + (1 + Limits.merkleDepthMax * 34) + (2 + BlockHeader.bytesMax)
    + Certificate.bytesMax

  /// - Throws: `malformed`.
  @_lifetime(copy bytes)
  public init(parsing bytes: Span<UInt8>) throws(ProofError) {
    do throws(WireError) {
      var reader = CBORReader(bytes)
      try reader.array(exactly: 6)
      let leafCount = try reader.byteString().count
      let leafEnd = reader.position
      let index = try reader.unsigned(max: UInt64(Merkle.leavesMax) - 1)
      let size = try reader.unsigned(max: UInt64(Merkle.leavesMax))
      let path = try MerklePath(from: &reader)
      let header = try BlockHeader(parsing: reader.byteString())
      let certificate = try Certificate(from: &reader)
      try reader.finish()
      self.bytes = bytes
      leaf = leafEnd - leafCount..<leafEnd
      self.index = Int(index)
      self.size = Int(size)
      self.path = path
      self.header = header
      self.certificate = certificate
    } catch {
      throw .malformed
    }
  }

  /// Checks that a quorum of `validators` signed a header whose results hold the leaf; returns the
  /// leaf.
  /// - Complexity: the path first, then a signature check per validator that signed.
  @_lifetime(copy self)
  public func verify<P: Primitives>(
    by validators: ValidatorSet, with primitives: P.Type
  ) throws(ProofError) -> Span<UInt8> {
    let leaf = bytes.extracting(self.leaf)
    try path.verify(
      leaf: leaf, index: index, size: size, root: header.results, with: primitives)
    try certificate.verify(header, by: validators, with: primitives)
    return leaf
  }

  /// Encodes to the beginning of `output`; returns the number of bytes, at most the leaf's and
  /// `overheadBytesMax`.
  @_lifetime(output: copy output)
  public static func encode(
    leaf: Span<UInt8>, index: Int, size: Int, path: MerklePath, header: BlockHeader,
    certificate: Certificate, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try writer.array(6)
    try writer.byteString(leaf)
    try writer.unsigned(UInt64(index))
    try writer.unsigned(UInt64(size))
    try path.encode(into: &writer)
    try writer.byteString(EncodedHeader(header).span)
    try certificate.encode(into: &writer)
    return writer.count
  }
}
