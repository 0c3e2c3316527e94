// How the tickets that a block touched are cut into settlement leaves (FORMAT.md, "Results").
// Invariants: every ticket is in one leaf, in the order of their first consume in the block; no leaf
// has more than 512 entries or more than 16,384 bytes of them.

import Limits
import Receipts
import Wire

enum SettlementCut {
  static let entryBytesMax = 16_384
  /// Array, kind, height, index, count, before, array.
  static let leafBytesMax = entryBytesMax + 1 + 1 + 4 * 9 + 3

  /// The leaves, as ranges of `touched`.
  static func leaves(of touched: [UInt32], in tickets: borrowing TicketTable) -> [Range<Int>] {
    var leaves: [Range<Int>] = []
    var start = 0
    var bytes = 0
    for (i, place) in touched.enumerated() {
      let entry = tickets.settledBytes(at: Int(place))
      if bytes + entry > entryBytesMax || i - start == Limits.settlementEntriesMax {
        leaves.append(start..<i)
        start = i
        bytes = 0
      }
      bytes += entry
    }
    if start < touched.count { leaves.append(start..<touched.count) }
    return leaves
  }
}

extension TicketTable {
  /// Bytes of the ticket's entry in a settlement leaf.
  func settledBytes(at place: Int) -> Int {
    var bytes = 1 + 17 + 1
    for entry in nodes(at: place) {
      bytes += 1 + Self.width(entry.node) + Self.width(UInt64(entry.uses))
    }
    return bytes
  }

  func settled(at place: Int) throws(WireError) -> Settled {
    var settled = Settled(identity: tickets[place].key.identity)
    for entry in nodes(at: place) {
      try settled.append(Settled.Use(node: entry.node, uses: UInt64(entry.uses)))
    }
    return settled
  }

  /// Bytes of an unsigned integer in CBOR.
  private static func width(_ value: UInt64) -> Int {
    switch value {
    case 0..<24: 1
    case 24..<0x100: 2
    case 0x100..<0x1_0000: 3
    case 0x1_0000..<0x1_0000_0000: 5
    default: 9
    }
  }
}
