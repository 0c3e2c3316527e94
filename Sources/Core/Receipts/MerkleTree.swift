// A whole tree in the caller's bytes, for the one who gives out audit paths.
// Invariants: the nodes of a level stand behind each other, 32 bytes each, leaves first; level k + 1
// has half as many, rounded up, and follows level k.

public import Wire

public struct MerkleTree: ~Copyable, ~Escapable {
  private var bytes: MutableSpan<UInt8>
  private let capacity: Int
  /// Leaves.
  public private(set) var count = 0
  private var isBuilt = false

  /// Bytes that a tree of `leaves` takes.
  public static func bytesNeeded(leaves: Int) -> Int {
    var nodes = leaves
    var width = leaves
    while width > 1 {
      width = (width + 1) >> 1
      nodes += width
    }
    return nodes * 32
  }

  /// A tree of at most `leaves`.
  /// - Precondition: `bytes` has `bytesNeeded(leaves:)` bytes; `leaves` is at most
  ///   `Merkle.leavesMax`.
  @_lifetime(copy bytes)
  public init(_ bytes: consuming MutableSpan<UInt8>, leaves: Int) {
    precondition(leaves >= 0 && leaves <= Merkle.leavesMax, "a tree of more leaves than its limit")
    precondition(bytes.count >= Self.bytesNeeded(leaves: leaves), "no room for the tree")
    capacity = leaves
    self.bytes = bytes
  }

  /// - Precondition: fewer leaves than `init` was told, and no root or path asked for yet.
  @_lifetime(self: copy self)
  public mutating func append<P: Primitives>(_ leaf: Span<UInt8>, with primitives: P.Type) {
    precondition(count < capacity && !isBuilt, "a leaf after the last")
    copy(Merkle.leafHash(leaf, with: primitives).span, to: &bytes, at: count * 32)
    count += 1
  }

  /// - Complexity: a hash per leaf the first time.
  @_lifetime(self: copy self)
  public mutating func root<P: Primitives>(with primitives: P.Type) -> Hash {
    guard count > 0 else { return MerkleRoot().root(with: primitives) }
    build(with: primitives)
    return node(Self.bytesNeeded(leaves: count) / 32 - 1)
  }

  /// The audit path of leaf `index`.
  /// - Complexity: the number of levels, after the first time.
  @_lifetime(self: copy self)
  public mutating func path<P: Primitives>(to index: Int, with primitives: P.Type) -> MerklePath {
    precondition(index >= 0 && index < count, "no such leaf")
    build(with: primitives)
    var path = MerklePath()
    var start = 0
    var width = count
    var position = index
    while width > 1 {
      if position ^ 1 < width {
        do throws(WireError) {
          try path.append(node(start + (position ^ 1)))
        } catch {
          preconditionFailure("a path longer than its limit")
        }
      }
      start += width
      position >>= 1
      width = (width + 1) >> 1
    }
    return path
  }

  @_lifetime(self: copy self)
  private mutating func build<P: Primitives>(with primitives: P.Type) {
    guard !isBuilt else { return }
    isBuilt = true
    var start = 0
    var width = count
    while width > 1 {
      let above = start + width
      for i in 0..<(width + 1) >> 1 {
        let left = node(start + 2 * i)
        let parent =
          2 * i + 1 < width
          ? Merkle.nodeHash(left, node(start + 2 * i + 1), with: primitives) : left
        copy(parent.span, to: &bytes, at: (above + i) * 32)
      }
      start = above
      width = (width + 1) >> 1
    }
  }

  private func node(_ place: Int) -> Hash {
    Hash(bytes.span.extracting(place * 32..<place * 32 + 32))
  }
}
