// A Merkle tree (RFC 9162 2.1, with BLAKE2b-256) over leaves that are appended and changed.
// Invariants: level 0 holds the leaves' hashes; a node above is the hash of its two children, or its
// only child as it is (which gives RFC 9162's shape); `root` is right after `settle`.

import Receipts
import Wire

struct HashTree {
  private var levels: [[Hash]] = [[]]
  /// Leaves that changed since `settle`, in the order of the changes.
  private var changed: [Int] = []

  var count: Int { levels[0].count }

  /// Sets leaf `index`, which is there or the next.
  mutating func set(_ index: Int, _ hash: Hash) {
    if index == levels[0].count {
      levels[0].append(hash)
    } else {
      levels[0][index] = hash
    }
    changed.append(index)
  }

  /// Brings the levels up to date; returns the root.
  /// - Complexity: O(changes + log count) hashes for changes side by side, O(changes * log count) for
  ///   scattered ones.
  mutating func settle<P: Primitives>(with primitives: P.Type) -> Hash {
    guard count > 0 else { return P.hash(Hash().span.extracting(first: 0)) }
    if !changed.isEmpty {
      changed.sort()
      var level = 0
      while levels[level].count > 1 {
        raise(level, with: primitives)
        level += 1
      }
      changed.removeAll(keepingCapacity: true)
    }
    return levels[levels.count - 1][0]
  }

  /// Recomputes the parents of what changed on `level`, and makes those what changed.
  private mutating func raise<P: Primitives>(_ level: Int, with primitives: P.Type) {
    if levels.count == level + 1 { levels.append([]) }
    var kept = 0
    for child in changed {
      let parent = child / 2
      if kept > 0 && changed[kept - 1] == parent { continue }
      changed[kept] = parent
      kept += 1
      let isPair = 2 * parent + 1 < levels[level].count
      let hash =
        isPair
        ? Merkle.nodeHash(
          levels[level][2 * parent], levels[level][2 * parent + 1], with: primitives)
        : levels[level][2 * parent]
      if parent == levels[level + 1].count {
        levels[level + 1].append(hash)
      } else {
        levels[level + 1][parent] = hash
      }
    }
    changed.removeLast(changed.count - kept)
  }

  /// The hashes beside the way from leaf `index` to the root (RFC 9162 2.1.3.1), lowest first.
  /// - Precondition: `settle` came after the last change.
  func path(_ index: Int) -> [Hash] {
    var path: [Hash] = []
    var place = index
    for level in levels where level.count > 1 {
      let sibling = place ^ 1
      if sibling < level.count { path.append(level[sibling]) }
      place /= 2
    }
    return path
  }
}
