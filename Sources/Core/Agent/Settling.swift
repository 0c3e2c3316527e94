// How far this device has followed the ledger's settlements.
// Invariants: heights with settlements are applied in order and without a hole, each leaf in its
// turn; `height` is the last that is complete.

import Receipts

struct Settling: Sendable {
  enum Step: Equatable {
    /// The next leaf: apply it, then `applied`.
    case next
    /// Known already.
    case old
    /// Leaves below it are missing: ask for them.
    case early
  }

  /// The last height whose settlements are all applied.
  private(set) var height: UInt64
  /// The height that is being applied, and the leaf that comes next; 0 if none is.
  private var partial: UInt64 = 0
  private var nextIndex: UInt64 = 0

  init(height: UInt64 = 0) { self.height = height }

  var isBetweenHeights: Bool { partial == 0 }

  func judge(_ part: SettlementPart) -> Step {
    if part.height <= height { return .old }
    if part.height == partial {
      if part.index < nextIndex { return .old }
      return part.index == nextIndex ? .next : .early
    }
    // A height above one that is not complete, or that follows one that is not known.
    guard part.before <= height, part.index == 0 else { return .early }
    return partial == 0 || part.height < partial ? .next : .early
  }

  /// - Precondition: `judge` says `next`.
  mutating func applied(_ part: SettlementPart) {
    if part.index + 1 == part.count {
      height = part.height
      partial = 0
      nextIndex = 0
    } else {
      partial = part.height
      nextIndex = part.index + 1
    }
  }
}
