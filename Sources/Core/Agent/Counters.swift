// What the agent counts. Every thing that is dropped, expired or repeated has its counter.

import Limits
public import Records

public struct Counters: Sendable {
  /// By number of the reason code.
  public var verdicts: InlineArray<20, UInt64> = .init(repeating: 0)
  /// Admitted by policy although nothing could be recorded.
  public var admittedUnrecorded: UInt64 = 0
  /// Refused without a record: the ring keeps its space for more, or takes nothing any more.
  public var refusedUnrecorded: UInt64 = 0
  /// Admissions that a start's replay did not find in the ring, although they were durable once.
  public var usesLost: UInt64 = 0
  /// Admissions after which nobody went through.
  public var annulled: UInt64 = 0
  public var bundlesSent: UInt64 = 0
  public var recordsSent: UInt64 = 0
  public var bundlesReceived: UInt64 = 0
  /// Bundles that are none, not for us, or against policy.
  public var bundlesRefused: UInt64 = 0
  public var receipts: UInt64 = 0
  /// Receipts that say nothing new.
  public var receiptsRepeated: UInt64 = 0
  /// Proofs that a quorum did not sign.
  public var proofsRefused: UInt64 = 0
  /// Receipts of another device or an earlier epoch.
  public var receiptsForeign: UInt64 = 0
  /// Receipts whose hash is not the device's own: nothing was released.
  public var receiptsMismatched: UInt64 = 0
  public var settlements: UInt64 = 0
  public var settlementsRepeated: UInt64 = 0
  /// Settlements that came before the ones below them, or found no room: asked for again.
  public var settlementsDeferred: UInt64 = 0
  /// Tickets marked as used elsewhere.
  public var ticketsLearned: UInt64 = 0
  public var trustLoaded: UInt64 = 0
  public var trustRefused: UInt64 = 0
  /// Documents that came while another was being written: asked for again.
  public var trustDeferred: UInt64 = 0
  /// Shards of the revoked store, whole or by increment, that were taken.
  public var shards: UInt64 = 0
  /// Those of them that came as an increment.
  public var increments: UInt64 = 0
  public var shardsRepeated: UInt64 = 0
  /// For which there was no room yet: asked for again.
  public var shardsDeferred: UInt64 = 0
  /// That are none, or not of the manifest, or do not fit what is held.
  public var shardsRefused: UInt64 = 0
  /// PUBACKs that said: nobody was there to take it.
  public var unmatchedPublishes: UInt64 = 0
  public var refusedPublishes: UInt64 = 0

  public init() {}

  public mutating func count(_ reason: Reason) { verdicts[Int(reason.rawValue)] += 1 }

  public var admitted: UInt64 { verdicts[0] }

  public var refused: UInt64 {
    var sum: UInt64 = 0
    for i in 1..<Reason.count { sum += verdicts[i] }
    return sum
  }
}
