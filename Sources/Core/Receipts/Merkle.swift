// Merkle trees of RFC 9162 2.1 with BLAKE2b-256: leaf H(0x00 || leaf), node H(0x01 || left || right),
// the empty tree H(''). A tree of n leaves splits at the largest power of two below n, which is the
// same as pairing neighbours level by level and lifting the odd one out as it is:
//
//   5 leaves   a b c d e  ->  ab cd e  ->  abcd e  ->  abcde

import Limits
public import Wire

public enum Merkle {
  /// Leaves of the largest tree.
  public static let leavesMax = 1 << Limits.merkleDepthMax

  public static func leafHash<P: Primitives>(_ leaf: Span<UInt8>, with primitives: P.Type) -> Hash {
    let prefix = InlineArray<1, UInt8>(repeating: 0)
    return P.hash(prefix.span, leaf)
  }

  public static func nodeHash<P: Primitives>(
    _ left: Hash, _ right: Hash, with primitives: P.Type
  ) -> Hash {
    var first = Bytes<33>()
    first.storage[0] = 1
    for i in 0..<32 { first.storage[i + 1] = left.storage[i] }
    return P.hash(first.span, right.span)
  }
}

/// The root of leaves that come one after the other.
/// Invariants: peak k, where bit k of `count` is set, is the root of the complete subtree of 2^k
/// leaves that starts where the larger peaks end.
public struct MerkleRoot: Sendable {
  private var peaks: InlineArray<21, Hash>
  /// Leaves so far.
  public private(set) var count = 0

  public init() { peaks = .init(repeating: Hash()) }

  /// - Precondition: fewer than `Merkle.leavesMax` leaves so far.
  public mutating func append<P: Primitives>(_ leaf: Span<UInt8>, with primitives: P.Type) {
    append(hash: Merkle.leafHash(leaf, with: primitives), with: primitives)
  }

  /// Adds a leaf by its hash.
  public mutating func append<P: Primitives>(hash: Hash, with primitives: P.Type) {
    precondition(count < Merkle.leavesMax, "a tree of more leaves than its limit")
    var node = hash
    var level = 0
    while count >> level & 1 == 1 {
      node = Merkle.nodeHash(peaks[level], node, with: primitives)
      level += 1
    }
    peaks[level] = node
    count += 1
  }

  public func root<P: Primitives>(with primitives: P.Type) -> Hash {
    var root: Hash?
    for level in 0..<21 where count >> level & 1 == 1 {
      if let right = root {
        root = Merkle.nodeHash(peaks[level], right, with: primitives)
      } else {
        root = peaks[level]
      }
    }
    if let root { return root }
    let nothing = InlineArray<0, UInt8>(repeating: 0)
    return P.hash(nothing.span)
  }
}
