// What a running validator has seen, and what it dropped and why. Nothing is dropped without a count.

import Ledger

struct Counters {
  var messages: UInt64 = 0
  var batches: UInt64 = 0
  var records: UInt64 = 0
  var replays: UInt64 = 0
  var holes: UInt64 = 0
  var duplicates: UInt64 = 0
  var evidence: UInt64 = 0
  var blocks: UInt64 = 0
  var receipts: UInt64 = 0
  var settlements: UInt64 = 0
  var trusts: UInt64 = 0
  /// Revocation shards that were sent whole, and by increment.
  var shards: UInt64 = 0
  var increments: UInt64 = 0
  /// The broker's client did not take what was sent, or the connection ended before the broker said
  /// that it has it.
  var unsent: UInt64 = 0
  /// The broker refused it, or had nobody to give it to.
  var unclaimed: UInt64 = 0
  /// Messages that the client's inbox had no room for.
  var overflowed: UInt64 = 0
  /// Log lines that could not be written.
  var unlogged: UInt64 = 0
  private var refused: [Refusal: UInt64] = [:]
  private var dropped: [Dropped: UInt64] = [:]

  mutating func count(_ refusal: Refusal) { refused[refusal, default: 0] += 1 }
  mutating func count(_ drop: Dropped) { dropped[drop, default: 0] += 1 }

  /// Name and value of each, those of refusals and drops only if they happened.
  var values: [(name: String, value: UInt64)] {
    var values: [(name: String, value: UInt64)] = [
      ("messages", messages), ("batches", batches), ("records", records), ("replays", replays),
      ("holes", holes), ("duplicates", duplicates), ("evidence", evidence), ("blocks", blocks),
      ("receipts", receipts), ("settlements", settlements), ("trusts", trusts),
      ("shards", shards), ("increments", increments),
      ("unsent", unsent), ("unclaimed", unclaimed), ("overflowed", overflowed),
      ("unlogged", unlogged),
    ]
    for refusal in Refusal.allCases {
      if let count = refused[refusal] { values.append(("refused_\(refusal.name)", count)) }
    }
    for drop in Dropped.allCases {
      if let count = dropped[drop] { values.append(("dropped_\(drop.name)", count)) }
    }
    return values
  }
}
