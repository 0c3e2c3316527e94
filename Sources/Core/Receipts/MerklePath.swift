// An audit path (RFC 9162 2.1.3): the hashes that lead from a leaf to the root.
// Invariants: at most `Limits.merkleDepthMax` hashes, from the leaf upwards.

import Limits
public import Wire

public struct MerklePath: Sendable, Equatable {
  private var hashes: InlineArray<20, Hash>
  public private(set) var count = 0

  public static var capacity: Int { Limits.merkleDepthMax }

  public init() { hashes = .init(repeating: Hash()) }

  public subscript(_ index: Int) -> Hash {
    precondition(index >= 0 && index < count, "no such hash")
    return hashes[index]
  }

  /// - Throws: `noSpace` if there are `capacity` of them.
  public mutating func append(_ hash: Hash) throws(WireError) {
    guard count < Self.capacity else { throw .noSpace }
    hashes[count] = hash
    count += 1
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.count == b.count else { return false }
    for i in 0..<a.count where a.hashes[i] != b.hashes[i] { return false }
    return true
  }

  /// Checks that `leaf` is leaf `index` of the tree of `size` leaves with this root
  /// (RFC 9162 2.1.3.2). The path must be used up exactly.
  /// - Throws: `wrongPath`.
  public func verify<P: Primitives>(
    leaf: Span<UInt8>, index: Int, size: Int, root: Hash, with primitives: P.Type
  ) throws(ProofError) {
    guard size <= Merkle.leavesMax, index >= 0, index < size else { throw .wrongPath }
    var node = Merkle.leafHash(leaf, with: primitives)
    var position = index
    var width = size
    var used = 0
    while width > 1 {
      // The last node of an odd level has no neighbour and is lifted as it is.
      if position ^ 1 < width {
        guard used < count else { throw .wrongPath }
        let other = hashes[used]
        used += 1
        node =
          position & 1 == 1
          ? Merkle.nodeHash(other, node, with: primitives)
          : Merkle.nodeHash(node, other, with: primitives)
      }
      position >>= 1
      width = (width + 1) >> 1
    }
    guard used == count, node == root else { throw .wrongPath }
  }

  @_lifetime(writer: copy writer)
  func encode(into writer: inout CBORWriter) throws(WireError) {
    try writer.array(count)
    for i in 0..<count { try writer.byteString(hashes[i].span) }
  }

  init(from reader: inout CBORReader) throws(WireError) {
    self.init()
    for _ in 0..<(try reader.array(max: Self.capacity)) { try append(reader.fixed()) }
  }
}
