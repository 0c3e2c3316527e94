// What the agent tells of itself: the birth, the will, the status.

import Gates
import Limits
import Records
import Rings
import Sync
import Trust
public import Wire

extension Agent {
  mutating func birth(_ now: Now) -> Publication {
    let count = writeHealth(now, status: "online")
    return Publication(topic: .health, payload: health.extent(0..<count), expirySeconds: 0)
  }

  /// What the broker publishes when the connection breaks. It carries the boot number of the birth,
  /// so that a stale one is recognised. Valid until the next call of anything.
  public mutating func will(_ now: Now) -> Extent {
    let count = writeHealth(now, status: "offline", isBrief: true)
    return health.extent(0..<count)
  }

  /// What is published when the window closes.
  public mutating func farewell(_ now: Now) -> Publication {
    let count = writeHealth(now, status: "offline")
    return Publication(topic: .health, payload: health.extent(0..<count), expirySeconds: 0)
  }

  private mutating func writeHealth(
    _ now: Now, status: StaticString, isBrief: Bool = false
  ) -> Int {
    let time = instant(now).milliseconds
    let admitted = counters.admitted
    let refused = counters.refused
    let boot = UInt64(ring.boot)
    let waiting = unreceipted
    let free = UInt64(ring.freeSegments)
    let all = UInt64(ring.segments)
    let height = used.coveredHeight
    let version = trustVersion
    var writer = TextWriter(health.mutableSpan)
    writer.put("{\"status\":\"")
    writer.put(status)
    writer.put("\",\"boot\":")
    writer.put(boot)
    writer.put(",\"time\":")
    writer.put(time)
    if !isBrief {
      writer.member("admitted", admitted)
      writer.member("refused", refused)
      writer.member("unreceipted", waiting)
      writer.member("free_segments", free)
      writer.member("segments", all)
      writer.member("height", height)
      writer.member("trust", version)
    }
    writer.put("}")
    return writer.count
  }

  /// Durable records without a receipt.
  public var unreceipted: UInt64 {
    var sum: UInt64 = 0
    for index in 0..<Limits.ringClasses {
      let recordClass = RecordClass(index: index)
      sum += ring.durableThrough(recordClass) - ring.acknowledgedThrough(recordClass)
    }
    return sum
  }

  /// One number of the status.
  public struct StatusField: Sendable {
    public var name: StaticString
    public var value: UInt64
  }

  public static var statusFieldCount: Int { ownFieldCount + Reason.count }
  private static var ownFieldCount: Int { 47 }

  /// The numbers that `tollkeeper status` prints, by index; nil beyond the last.
  public func status(_ index: Int, now: Now) -> StatusField? {
    if index < Reason.count {
      guard let reason = Reason(rawValue: UInt8(index)) else { return nil }
      return StatusField(name: reason.name, value: counters.verdicts[index])
    }
    let fields = statusFields(now)
    let rest = index - Reason.count
    return rest < Self.ownFieldCount ? fields[rest] : nil
  }

  private func statusFields(_ now: Now) -> InlineArray<47, StatusField> {
    [
      field("node", settings.node), field("boot", UInt64(ring.boot)),
      field("window_open", isWindowOpen(now) ? 1 : 0), field("link_up", link.isUp ? 1 : 0),
      field("connects", link.connects), field("link_losses", link.losses),
      field("trust_version", trustVersion), field("settled_height", used.coveredHeight),
      field("admitted", counters.admitted), field("refused", counters.refused),
      field("admitted_unrecorded", counters.admittedUnrecorded),
      field("refused_unrecorded", counters.refusedUnrecorded),
      field("admissions_recorded", ring.durableThrough(.admissions)),
      field("admissions_receipted", ring.acknowledgedThrough(.admissions)),
      field("refusals_recorded", ring.durableThrough(.refusals)),
      field("refusals_receipted", ring.acknowledgedThrough(.refusals)),
      field("unreceipted", unreceipted), field("free_segments", UInt64(ring.freeSegments)),
      field("segments", UInt64(ring.segments)), field("commits", ring.counters.commits),
      field("flush_failures", ring.counters.flushFailures),
      field("corrupt_blocks", ring.counters.corruptBlocks),
      field("failed_reads", ring.counters.failedReads), field("uses_lost", counters.usesLost),
      field("used_set_failed", used.failure == nil ? 0 : 1),
      field("used_slots", used.slotsTaken), field("used_delta", UInt64(used.deltaCount)),
      field("checkpoints", used.counters.checkpoints),
      field("bundles_sent", counters.bundlesSent), field("bundles_resent", bundlesResent),
      field("records_sent", counters.recordsSent),
      field("bundles_received", counters.bundlesReceived),
      field("bundles_refused", counters.bundlesRefused),
      field("receipts", counters.receipts), field("receipts_repeated", counters.receiptsRepeated),
      field("receipts_foreign", counters.receiptsForeign),
      field("receipts_mismatched", counters.receiptsMismatched),
      field("proofs_refused", counters.proofsRefused),
      field("settlements", counters.settlements), field("tickets_learned", counters.ticketsLearned),
      field("unmatched_publishes", counters.unmatchedPublishes),
      field("trust_refused", counters.trustRefused),
      field("trust_deferred", counters.trustDeferred),
      field("annuls_recorded", counters.annulled), field("clock_jumps", clock.jumps),
      field("shards_current", UInt64(revoked.currentCount(of: trust))),
      field("shards", UInt64(trust.manifest?.shardCount ?? 0)),
    ]
  }

  private func field(_ name: StaticString, _ value: UInt64) -> StatusField {
    StatusField(name: name, value: value)
  }
}

extension TextWriter {
  /// A member of a JSON object that follows others.
  @_lifetime(self: copy self)
  public mutating func member(_ name: StaticString, _ value: UInt64) {
    put(",\"")
    put(name)
    put("\":")
    put(value)
  }
}
