// The second part of the decision: how often a ticket was used, where its holder is, and what a
// supervisor may allow against it.
// Invariants: nothing is changed here; a `valid` verdict of a ticket says which use it is and what
// to remember of the passage. An entry is allowed if the ticket has a use left and
//   it was not used yet, or its class may enter again without having left, or its last passage was an
//   exit and its class may enter again after one.

import Limits
public import Records
public import Trust
public import Wire

extension Gate {
  /// Examines a ticket and asks how often it was used. If the verdict is `valid`, the caller records
  /// it in the ring and then `use` and `passage` in the used-set, before the next ticket.
  /// - `used` if this device has admitted it before, `usedElsewhere` if only others have; `passback`
  ///   if its holder should be inside; `storageError` if the used-set cannot say or could not
  ///   remember.
  /// - Parameter override: what a supervisor has allowed: the next ticket that is refused for its
  ///   time, place, uses or rules.
  public static func admit<P: Primitives, D: Disk & ~Copyable>(
    _ text: Span<UInt8>, trust: borrowing TrustDocument<P>, place: Place, now: Instant,
    past: Int64 = .min, override: Override? = nil, used: inout UsedSet<P>, disk: inout D
  ) -> Verdict {
    admit(
      examine(text, trust: trust, place: place, now: now, past: past), trust: trust, place: place,
      now: now, past: past, override: override, used: &used, disk: &disk)
  }

  /// The second part alone, of a verdict that `examine` gave.
  public static func admit<P: Primitives, D: Disk & ~Copyable>(
    _ examined: Verdict, trust: borrowing TrustDocument<P>, place: Place, now: Instant,
    past: Int64 = .min, override: Override? = nil, used: inout UsedSet<P>, disk: inout D
  ) -> Verdict {
    var verdict = examined
    guard let identity = verdict.identity,
      verdict.isAdmitted || override != nil && verdict.canBeOverridden
    else { return verdict }
    var isCertain = true
    var uses = Uses()
    do throws(UsedSetError) {
      uses = try used.uses(of: identity, disk: &disk)
    } catch {
      uses = used.recentUses(of: identity)
      isCertain = false
    }
    if verdict.operation == .validate {
      if uses.total >= Int(verdict.entries) { verdict.reason = uses.reasonIfUsed }
      verdict.use = min(uses.own, .max - 1) + 1
      return verdict
    }
    let seconds = ClockRange(now, past: past).seconds
    let rule = trust.rule(event: place.event, ticketClass: verdict.ticketClass)
    // Where there are no rules nothing is counted that a record would have to say.
    let today = rule.map { uses.entriesOfDay(at: seconds, dayStart: $0.dayStart) } ?? 0
    if place.isExit {
      verdict.passage = Passage(.exit, area: place.area, entriesOfDay: today, at: seconds)
      return verdict
    }
    let isFull =
      trust.capacity(of: place.area).map { used.count(in: place.area).inside >= $0 } ?? false
    if verdict.isAdmitted {
      verdict.reason =
        refusal(uses, of: verdict.entries, rule, today: today, place: place, at: seconds)
        ?? (isFull ? .areaFull : .valid)
    }
    if !verdict.isAdmitted {
      guard let override, verdict.canBeOverridden else { return verdict }
      verdict.reason = .valid
      verdict.override = override
    }
    // What was annulled was no use: this is that one again.
    verdict.use = uses.last.kind == .annulled ? max(uses.own, 1) : min(uses.own, .max - 1) + 1
    verdict.passage = Passage(.entry, area: place.area, entriesOfDay: today + 1, at: seconds)
    if !isCertain || !used.hasRoomForUse { verdict.reason = .storageError }
    return verdict
  }

  /// Why a ticket that was used so may not enter; nil if it may.
  private static func refusal(
    _ uses: Uses, of entries: UInt16, _ rule: Rule?, today: Int, place: Place, at seconds: Int64
  ) -> Reason? {
    let total = uses.total - (uses.last.kind == .annulled ? 1 : 0)
    if total >= Int(entries) { return uses.reasonIfUsed }
    guard let rule, total > 0 else { return nil }
    if !rule.allowsMultiple && !(rule.allowsReentry && uses.last.kind == .exit) {
      return rule.allowsReentry && uses.last.kind == .entry ? .passback : uses.reasonIfUsed
    }
    if let most = rule.entriesPerDay, today >= Int(most) { return uses.reasonIfUsed }
    if let minutes = rule.passbackMinutes, uses.last.kind == .entry,
      uses.last.area == place.area, uses.last.minutes(until: seconds) < Int(minutes)
    {
      return .passback
    }
    return nil
  }
}

extension Uses {
  fileprivate var reasonIfUsed: Reason { own > 0 ? .used : .usedElsewhere }

  /// Entries through this device on the day of `seconds` (Unix time).
  /// - Parameter dayStart: seconds after midnight UTC.
  fileprivate func entriesOfDay(at seconds: Int64, dayStart: UInt32) -> Int {
    guard last.kind != .none else { return 0 }
    let day = (max(seconds, 0) - Int64(dayStart) + 86_400) / 86_400
    let lastDay = (max(last.time(near: seconds), 0) - Int64(dayStart) + 86_400) / 86_400
    return day == lastDay ? last.entriesOfDay : 0
  }
}

extension Verdict {
  /// What is refused for its time, place, uses or rules a supervisor may allow; what is not signed,
  /// revoked or blocked nobody may, and a disk that cannot remember is no rule.
  fileprivate var canBeOverridden: Bool {
    switch reason {
    case .expired, .notYetValid, .wrongEvent, .wrongZone, .noEntries, .used, .usedElsewhere,
      .passback, .areaFull:
      operation == .consume
    default: false
    }
  }
}
