// A scan: decided, recorded, and reported when the record is durable.

public import Gates
import Limits
import Records
import Rings
import Sync
public import Wire

/// A supervisor's override that was accepted and waits for its ticket.
struct ArmedOverride: Sendable {
  var override: Override
  /// CLOCK_BOOTTIME, milliseconds.
  var until: Int64
}

extension Agent {
  /// How long an override that was shown waits for its ticket, milliseconds.
  static var overrideMilliseconds: Int64 { 60_000 }

  /// Decides about a scanned text and records it. The verdict comes out of `takeVerdict`.
  /// - Precondition: `canScan`.
  public mutating func scan<D: Disk & ~Copyable>(
    _ text: Span<UInt8>, now: Now, disk: inout D, into actions: inout Actions
  ) {
    precondition(canScan, "no room for another scan")
    lastScan = now.elapsed
    look(now, into: &actions.notices)
    let instant = self.instant(now)
    let past = clock.past(now.elapsed)
    // A record's time is past for all that follow, as far as it is certain.
    clock.know(
      past: instant.milliseconds.subtractingClamped(Int64(instant.uncertainty)),
      elapsed: now.elapsed)
    var verdict = Gate.examine(text, trust: trust, place: place, now: instant, past: past)
    if let identity = verdict.identity {
      verdict.list(
        revoked.find(identity, trust: trust, disk: &disk), onIncomplete: settings.onIncompleteList)
    }
    verdict = Gate.admit(
      verdict, trust: trust, place: place, now: instant, past: past, override: armed(now),
      used: &used, disk: &disk)
    arm(verdict, now)
    if verdict.isAdmitted && mayHaveForgotten { verdict.reason = .storageError }
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
      // A use that finds no room in memory must not be in the ring either: its ticket would be
      // admitted and recorded again and again, and the next start could not replay that.
      guard !verdict.isAdmitted || used.hasRoomForUse else { throw .full }
      let sequence = try append(verdict, recordClass, at: instant)
      if verdict.opensGate { remember(verdict) }
      return PendingVerdict(verdict: verdict, recordClass: recordClass, sequence: sequence)
    } catch {
      if verdict.isAdmitted { notices.append(Notice(.alarm, "admission_not_recorded")) }
      return PendingVerdict(
        verdict: unrecorded(verdict), recordClass: recordClass, sequence: 0)
    }
  }

  /// What the policy makes of a verdict that cannot be recorded.
  private mutating func unrecorded(_ verdict: Verdict) -> Verdict {
    if verdict.isAdmitted && settings.onStorageError == .open {
      counters.admittedUnrecorded += 1
      if verdict.opensGate { remember(verdict) }
      return verdict
    }
    counters.refusedUnrecorded += 1
    var refused = verdict
    if refused.isAdmitted { refused.reason = .storageError }
    return refused
  }

  private mutating func remember(_ verdict: Verdict) {
    guard let identity = verdict.identity else { return }
    do throws(UsedSetError) {
      try used.recordUse(identity, ordinal: verdict.use, last: verdict.passage)
      used.count(verdict.passage)
      if let override = verdict.override {
        try used.recordUse(override.identity, ordinal: override.use)
      }
    } catch {
      // `record` has asked for room for one: an unrecorded admission can come here, and an override,
      // which the ring remembers.
    }
  }

  private mutating func append(
    _ verdict: Verdict, _ recordClass: RecordClass, at instant: Instant
  ) throws(RingError) -> UInt64 {
    var record = ScanRecord(
      sequence: ring.nextSequence(recordClass), previous: ring.chainHead(recordClass),
      instant: instant, subject: verdict.identity, operation: verdict.operation,
      reason: verdict.reason, event: settings.event, zone: settings.zone,
      use: verdict.opensGate ? verdict.use : 0, entries: verdict.entries,
      clock: KnownClock(height: settling.height), override: verdict.override)
    if verdict.opensGate,
      verdict.passage != Passage.plain(verdict.operation, at: instant.seconds)
    {
      record.passage = verdict.passage.rawValue
    }
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

  // MARK: Overrides and annulled entries

  private func armed(_ now: Now) -> Override? {
    guard let armed, now.elapsed < armed.until else { return nil }
    return armed.override
  }

  /// An override that was accepted counts for the next ticket that needs one.
  private mutating func arm(_ verdict: Verdict, _ now: Now) {
    if verdict.override != nil { armed = nil }
    guard verdict.operation == .validate, verdict.isAdmitted, let identity = verdict.identity
    else { return }
    armed = ArmedOverride(
      override: Override(identity: identity, use: verdict.use),
      until: now.elapsed + Self.overrideMilliseconds)
  }

  /// Nobody has gone through after this verdict, which `takeVerdict` gave: its use is none. Recorded,
  /// as everything.
  /// - Parameter verdict: an admission of a ticket; others are ignored.
  public mutating func annul<D: Disk & ~Copyable>(
    _ verdict: Verdict, now: Now, disk: inout D, into actions: inout Actions
  ) {
    guard verdict.opensGate, verdict.operation == .consume, verdict.use > 0 else { return }
    look(now, into: &actions.notices)
    let instant = self.instant(now)
    var annulled = verdict
    annulled.operation = .annul
    annulled.override = nil
    annulled.passage = Passage(
      .annulled, area: verdict.passage.area,
      entriesOfDay: max(0, verdict.passage.entriesOfDay - 1), at: instant.seconds)
    do throws(RingError) {
      guard used.hasRoomForUse else { throw .full }
      _ = try append(annulled, .admissions, at: instant)
      remember(annulled)
      counters.annulled += 1
    } catch {
      actions.notices.append(Notice(.alarm, "annulled_entry_not_recorded"))
    }
    tend(now, disk: &disk, into: &actions)
  }
}
