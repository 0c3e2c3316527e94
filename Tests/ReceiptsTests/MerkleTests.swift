// RFC 9162 2.1: the tree's shape, audit paths, and what is no path.

import Seal
import Testing
import Wire

@testable import Receipts

@Suite struct MerkleTests {
  static func leaves(_ count: Int) -> [[UInt8]] {
    (0..<count).map { [UInt8](repeating: UInt8($0), count: $0 % 3 + 1) }
  }

  /// The recursive definition of RFC 9162 2.1.1.
  static func root(_ leaves: ArraySlice<[UInt8]>) -> Hash {
    switch leaves.count {
    case 0: return hash([])
    case 1: return hash([0] + leaves.first!)
    default:
      var split = 1
      while split * 2 < leaves.count { split *= 2 }
      let middle = leaves.startIndex + split
      return hash([1] + array(root(leaves[..<middle]).span) + array(root(leaves[middle...]).span))
    }
  }

  static func streamed(_ leaves: [[UInt8]]) -> Hash {
    var root = MerkleRoot()
    for leaf in leaves { root.append(leaf.span, with: Sodium.self) }
    return root.root(with: Sodium.self)
  }

  func check(
    _ path: MerklePath, _ leaf: [UInt8], _ index: Int, of size: Int, _ root: Hash
  ) throws(ProofError) {
    try path.verify(leaf: leaf.span, index: index, size: size, root: root, with: Sodium.self)
  }

  /// Leaves are single bytes 0, 1, 2, ...
  @Test(arguments: [
    (0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
    (1, "9ee6dfb61a2fb903df487c401663825643bb825d41695e63df8af6162ab145a6"),
    (2, "47f61e4f4620e9946a8831b8c717a76f36982b82d88e005bc4635a1b21c73eff"),
    (3, "8926efdc0a3a501b9a98e046861bf1303acf7bd2191f0a5fd21c003c9557c1b9"),
    (5, "d189ac817a2f095408bea113eb0c5b6ba55cbafea7cd71378de9152f3b5d3246"),
    (7, "9a32133fb577b45268f6dcb813645347b5955c4b19e56b7474197a31e75a6a5f"),
    (8, "4ba07b279e4b38ac43030e643df2838f441574aaa3fe3d33187d240df776424b"),
    (13, "1a945a6584fcec618b73dcc08eae54e1882bb8b3589749a5a338329ec90e08a8"),
  ]) func `RFC 9162 2.1.1: roots are those of another program`(count: Int, root: String) {
    #expect(hex(Self.streamed((0..<count).map { [UInt8($0)] })) == root)
  }

  @Test func `RFC 9162 2.1.1: a tree has the root of the recursive definition`() {
    for count in 0...33 {
      let leaves = Self.leaves(count)
      let expected = Self.root(leaves[...])
      #expect(Self.streamed(leaves) == expected)
      #expect(tree(leaves).root == expected)
    }
  }

  @Test func `RFC 9162 2.1.3: every leaf has a path that holds at its place and no other`() throws {
    for size in 0...17 {
      let leaves = Self.leaves(size)
      let (root, paths) = tree(leaves)
      for index in 0..<size {
        try check(paths[index], leaves[index], index, of: size, root)
        // Where else the tree has the same shape around a leaf, the hashes still differ.
        for other in -1...size where other != index {
          #expect(throws: ProofError.wrongPath) {
            try check(paths[index], leaves[index], other, of: size, root)
          }
        }
      }
    }
  }

  @Test func `RFC 9162 2.1.3: a path of another size holds only where both trees take it`() {
    for size in 1...17 {
      let leaves = Self.leaves(size)
      let (root, paths) = tree(leaves)
      for index in 0..<size {
        for other in [0, size - 1, size + 1, 2 * size, 1 << 20, (1 << 20) + 1, Int.max]
        where other != size {
          // A leaf whose way to the root is the same in both trees cannot tell them apart; the
          // path's length and turns are all that the size decides.
          guard turns(index, of: size) != turns(index, of: other) else { continue }
          #expect(throws: ProofError.wrongPath) {
            try check(paths[index], leaves[index], index, of: other, root)
          }
        }
      }
    }
  }

  /// On which sides the neighbours stand on the way from a leaf to the root.
  func turns(_ index: Int, of size: Int) -> [Bool]? {
    guard index < size, size <= 1 << 20 else { return nil }
    var (position, width) = (index, size)
    var sides: [Bool] = []
    while width > 1 {
      if position ^ 1 < width { sides.append(position & 1 == 1) }
      position /= 2
      width = (width + 1) / 2
    }
    return sides
  }

  @Test func `a path with a hash less, a hash more or another hash does not hold`() throws {
    for size in 2...17 {
      let leaves = Self.leaves(size)
      let (root, paths) = tree(leaves)
      for index in 0..<size {
        let path = paths[index]
        var shorter = MerklePath()
        for i in 0..<path.count - 1 { try shorter.append(path[i]) }
        var longer = path
        try longer.append(Hash())
        var others = [shorter, longer]
        for wrong in 0..<path.count {
          var other = MerklePath()
          for i in 0..<path.count {
            var hash = path[i]
            if i == wrong { hash.storage[31] ^= 1 }
            try other.append(hash)
          }
          others.append(other)
        }
        for other in others {
          #expect(throws: ProofError.wrongPath) {
            try check(other, leaves[index], index, of: size, root)
          }
        }
      }
    }
  }

  @Test func `an inner node does not pass for a leaf`() throws {
    let leaves = Self.leaves(4)
    let (root, _) = tree(leaves)
    let node = array(hash([0] + leaves[0]).span) + array(hash([0] + leaves[1]).span)
    var path = MerklePath()
    try path.append(Self.root(leaves[2...]))
    #expect(throws: ProofError.wrongPath) { try check(path, node, 0, of: 2, root) }
  }

  @Test func `a tree of a thousand leaves has the root of the recursive definition`() throws {
    let leaves = (0..<1000).map { [UInt8($0 & 255), UInt8($0 >> 8)] }
    let (root, paths) = tree(leaves)
    #expect(root == Self.root(leaves[...]))
    #expect(root == Self.streamed(leaves))
    for index in [0, 1, 511, 512, 767, 998, 999] {
      try check(paths[index], leaves[index], index, of: 1000, root)
    }
  }
}
