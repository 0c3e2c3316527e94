// A scan: decided, recorded, and reported when the record is durable.

public import Gates
import Limits
import Records
import Rings
import Sync
public import Wire

extension Agent {
  /// Decides about a scanned text and records it. The verdict comes out of `takeVerdict`.
  /// - Precondition: `canScan`.
  public mutating func scan<D: Disk & ~Copyable>(
    _ text: Span<UInt8>, now: Now, disk: inout D, into actions: inout Actions
  ) {
    precondition(canScan, "no room for another scan")
    lastScan = now.elapsed
    let instant = self.instant(now)
    floor = max(floor, instant.milliseconds)
    var verdict = Gate.admit(
      text, trust: trust, place: place, now: instant, used: &used, disk: &disk)
    if verdict.reason == .storageError && settings.onStorageError == .open {
      verdict.reason = .valid
    }
    pending.append(record(verdict, at: instant, into: &actions.notices))
    tend(now, disk: &disk, into: &actions)
  }

  /// The next verdict whose turn it is, if its record is durable.
  public mutating func takeVerdict() -> Verdict? {
    guard let first = pending.first else { return nil }
    var verdict = first.verdict
    if first.sequence > ring.durableThrough(first.recordClass) {
      guard ring.state == .readOnly else { return nil }
      verdict = unrecorded(verdict)
    }
    pending.removeFirst()
    counters.count(verdict.reason)
    return verdict
  }

  private mutating func record(
    _ verdict: Verdict, at instant: Instant, into notices: inout Notices
  ) -> PendingVerdict {
    let recordClass: RecordClass = verdict.isAdmitted ? .admissions : .refusals
    do throws(RingError) {
      let sequence = try append(verdict, recordClass, at: instant)
      if verdict.isAdmitted, let identity = verdict.identity { remember(identity, verdict.use) }
      return PendingVerdict(verdict: verdict, recordClass: recordClass, sequence: sequence)
    } catch {
      guard verdict.isAdmitted else {
        counters.refusedUnrecorded += 1
        return PendingVerdict(verdict: verdict, recordClass: recordClass, sequence: 0)
      }
      notices.append(Notice(.alarm, "admission_not_recorded"))
      return PendingVerdict(
        verdict: unrecorded(verdict), recordClass: recordClass, sequence: 0)
    }
  }

  /// What the policy makes of an admission that cannot be recorded.
  private mutating func unrecorded(_ verdict: Verdict) -> Verdict {
    guard verdict.isAdmitted else { return verdict }
    guard settings.onStorageError == .closed else {
      counters.admittedUnrecorded += 1
      if let identity = verdict.identity { remember(identity, verdict.use) }
      return verdict
    }
    var refused = verdict
    refused.reason = .storageError
    return refused
  }

  private mutating func remember(_ identity: TicketIdentity, _ use: UInt16) {
    do throws(UsedSetError) {
      try used.recordUse(identity, ordinal: use)
    } catch {
      // `Gate.admit` has asked for room: only an unrecorded admission can come here.
    }
  }

  private mutating func append(
    _ verdict: Verdict, _ recordClass: RecordClass, at instant: Instant
  ) throws(RingError) -> UInt64 {
    let record = ScanRecord(
      sequence: ring.nextSequence(recordClass), previous: ring.chainHead(recordClass),
      instant: instant, subject: verdict.identity, operation: .consume, reason: verdict.reason,
      event: settings.event, zone: settings.zone, use: verdict.isAdmitted ? verdict.use : 0,
      entries: verdict.entries, clock: KnownClock(height: settling.height))
    var bytes = InlineArray<512, UInt8>(repeating: 0)
    var space = bytes.mutableSpan
    let count: Int
    do throws(WireError) {
      count = try record.encode(into: &space)
    } catch {
      throw .badLength
    }
    return try ring.append(bytes.span.extracting(first: count), recordClass: recordClass)
  }
}
