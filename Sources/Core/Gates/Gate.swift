// The decision about a scanned text, in the order that names the reason of a refusal:
// encoding, form, algorithm, key, signature, key status, claims, revoked, blocked, age of the trust
// document, time, event, zone, entries, the class's time; and where uses are counted, used, re-entry,
// entries of the day, passback, the area's room.
// Invariants: the first that fails is the reason; no claim is read before the signature holds;
// neither part changes anything. Where the clock is uncertain, doubt is on the holder's side: a
// ticket is refused for the time only if it would be at every instant that the clock may mean.

public import Records
public import Tickets
public import Trust
public import Wire

public enum Gate {
  /// Examines a ticket on its own: how often it was used is not asked, so the same ticket may be
  /// valid twice.
  /// - An issuer's key outside its own time is `expired` or `notYetValid`, like the ticket; a key
  ///   that may not sign for the ticket's event is `wrongEvent`.
  /// - `staleTrust` comes after the revocation lists: what they name is refused by name however old
  ///   they are; what they do not name can only be believed while the document lasts.
  /// - Where people leave, what depends on the time and on rules is not asked.
  /// - Parameters:
  ///   - text: as scanned.
  ///   - now: its uncertainty counts.
  ///   - past: an instant that is known to be past, Unix milliseconds: uncertainty does not reach
  ///     below it.
  /// - Complexity: one signature check for each issuer that shares the ticket's key id, or for each
  ///   pretix key of the event.
  public static func examine<P: Primitives>(
    _ text: Span<UInt8>, trust: borrowing TrustDocument<P>, place: Place, now: Instant,
    past: Int64 = .min
  ) -> Verdict {
    let clock = ClockRange(now, past: past)
    var bytes = InlineArray<1024, UInt8>(repeating: 0)
    var problem: TicketError
    do throws(TicketError) {
      var space = bytes.mutableSpan
      let count = try TicketEnvelope.decode(text, into: &space)
      let envelope = try TicketEnvelope(parsing: bytes.span.extracting(first: count))
      return issued(envelope, trust: trust, place: place, now: clock)
    } catch {
      problem = error
    }
    // Decoding decides which format it is. What is no COSE_Sign1 at all may be pretix's.
    guard problem == .badEncoding || problem == .malformed else { return Verdict(problem.reason) }
    do throws(TicketError) {
      var space = bytes.mutableSpan
      let count = try PretixEnvelope.decode(text, into: &space)
      let envelope = try PretixEnvelope(parsing: bytes.span.extracting(first: count))
      return sold(envelope, trust: trust, place: place, now: clock)
    } catch {
      if problem == .badEncoding { problem = error }
      return Verdict(problem.reason)
    }
  }

  // MARK: Key and signature

  /// Key ids are hints: several keys may share one.
  private static func issued<P: Primitives>(
    _ envelope: TicketEnvelope, trust: borrowing TrustDocument<P>, place: Place, now: ClockRange
  ) -> Verdict {
    var reason = Reason.unknownKey
    var last = -1
    while let (index, issuer) = trust.issuer(envelope.keyID, after: last) {
      do throws(TicketError) {
        let ticket = try envelope.verify(by: issuer.key, with: P.self)
        return signed(ticket, by: issuer, trust: trust, place: place, now: now)
      } catch {
        reason = .badSignature
      }
      last = index
    }
    last = -1
    while let (index, supervisor) = trust.supervisor(envelope.keyID, after: last) {
      do throws(TicketError) {
        let ticket = try envelope.verify(by: supervisor.key, with: P.self)
        return credential(ticket, by: supervisor, trust: trust, place: place, now: now)
      } catch {
        reason = .badSignature
      }
      last = index
    }
    return Verdict(reason)
  }

  private static func signed<P: Primitives>(
    _ ticket: VerifiedTicket, by issuer: Issuer, trust: borrowing TrustDocument<P>, place: Place,
    now: ClockRange
  ) -> Verdict {
    if issuer.status == .revoked { return Verdict(.revokedKey) }
    do throws(TicketError) {
      let claims = try ticket.claims()
      return judge(
        Ticket(claims, issuerKey: issuer.key, with: P.self), by: issuer, trust: trust,
        place: place, now: now)
    } catch {
      return Verdict(.malformed)
    }
  }

  /// A supervisor's override is judged as a ticket is, for its gate in place of zones.
  private static func credential<P: Primitives>(
    _ ticket: VerifiedTicket, by supervisor: Issuer, trust: borrowing TrustDocument<P>,
    place: Place, now: ClockRange
  ) -> Verdict {
    var verdict: Verdict
    if supervisor.status == .revoked {
      verdict = Verdict(.revokedKey)
    } else {
      do throws(TicketError) {
        let claims = try ticket.override()
        var ticket = Ticket(claims, supervisorKey: supervisor.key, with: P.self)
        if claims.gate != 0 && claims.gate != place.node { ticket.zoneMask = 0 }
        var here = place
        here.isExit = false
        here.zone = .max
        let reason = refusal(ticket, nil, by: supervisor, trust: trust, place: here, now: now)
        verdict = Verdict(ticket, reason)
      } catch {
        verdict = Verdict(.malformed)
      }
    }
    verdict.operation = .validate
    return verdict
  }

  /// A pretix ticket names no key, and keys belong to events: those of this gate's event are tried.
  private static func sold<P: Primitives>(
    _ envelope: PretixEnvelope, trust: borrowing TrustDocument<P>, place: Place, now: ClockRange
  ) -> Verdict {
    var last = -1
    while let (index, key) = trust.pretixKey(of: place.event, after: last) {
      do throws(TicketError) {
        let ticket = try envelope.verify(by: key.key, with: P.self)
        if key.status == .revoked { return Verdict(.revokedKey) }
        return sold(ticket, trust: trust, place: place, now: now)
      } catch {
        last = index
      }
    }
    return Verdict(.badSignature)
  }

  private static func sold<P: Primitives>(
    _ ticket: VerifiedPretixTicket, trust: borrowing TrustDocument<P>, place: Place,
    now: ClockRange
  ) -> Verdict {
    do throws(TicketError) {
      let claims = try ticket.claims()
      var ticket = Ticket(claims, event: place.event, eventKey: ticket.eventKey, with: P.self)
      if let product = trust.product(
        event: place.event, item: claims.item, variation: claims.variation)
      {
        ticket.ticketClass = product.ticketClass
        ticket.zoneMask = product.zones
        ticket.entries = product.entries
      } else if trust.namesProducts(of: place.event) {
        ticket.zoneMask = 0
      }
      return judge(ticket, by: nil, trust: trust, place: place, now: now)
    } catch {
      return Verdict(.malformed)
    }
  }

  // MARK: Claims

  /// - Parameter issuer: of a CWT ticket.
  private static func judge<P: Primitives>(
    _ ticket: Ticket, by issuer: Issuer?, trust: borrowing TrustDocument<P>, place: Place,
    now: ClockRange
  ) -> Verdict {
    var ticket = ticket
    let rule = trust.rule(event: place.event, ticketClass: ticket.ticketClass)
    if let rule {
      ticket.zoneMask &= rule.zones
      ticket.entries = rule.entries ?? ticket.entries
    }
    var verdict = Verdict(
      ticket, refusal(ticket, rule, by: issuer, trust: trust, place: place, now: now))
    if place.isExit { verdict.operation = .exit }
    if now.isUncertain {
      // Would either end of what the clock may mean have been decided otherwise?
      let early = refusal(
        ticket, rule, by: issuer, trust: trust, place: place, now: now.at(now.earliest))
      let late = refusal(
        ticket, rule, by: issuer, trust: trust, place: place, now: now.at(now.latest))
      verdict.isNearBoundary = early != late
    }
    return verdict
  }

  /// From the lists on, all but the uses.
  private static func refusal<P: Primitives>(
    _ ticket: Ticket, _ rule: Rule?, by issuer: Issuer?, trust: borrowing TrustDocument<P>,
    place: Place, now: ClockRange
  ) -> Reason {
    if trust.isRevoked(ticket.identity) { return .revoked }
    if trust.isBlocked(ticket.identity) { return .blocked }
    if !place.isExit {
      if trust.age(at: now.earliest) == .expired { return .staleTrust }
      if let reason = untimely(ticket, by: issuer, now: now) { return reason }
    }
    if ticket.event != place.event || !(issuer?.allows(event: ticket.event) ?? true) {
      return .wrongEvent
    }
    if ticket.zoneMask & place.zone == 0 { return .wrongZone }
    if place.isExit { return .valid }
    if ticket.entries == 0 { return .noEntries }
    return rule?.untimely(now) ?? .valid
  }

  private static func untimely(_ ticket: Ticket, by issuer: Issuer?, now: ClockRange) -> Reason? {
    if ticket.validity(at: now.earliest) == .expired { return .expired }
    if let notAfter = issuer?.notAfter, UInt64(max(now.earliest, 0)) >= notAfter {
      return .expired
    }
    if ticket.validity(at: now.latest) == .notYetValid { return .notYetValid }
    if let notBefore = issuer?.notBefore, UInt64(max(now.latest, 0)) < notBefore {
      return .notYetValid
    }
    return nil
  }
}

extension Verdict {
  fileprivate init(_ ticket: Ticket, _ reason: Reason) {
    self.init(reason)
    identity = ticket.identity
    label = ticket.label
    ticketClass = ticket.ticketClass
    entries = ticket.entries
    expires = ticket.expires
  }
}

extension Rule {
  /// Why the class is not admitted at any instant that the clock may mean; nil if it is.
  fileprivate func untimely(_ now: ClockRange) -> Reason? {
    if windowCount == 0 { return nil }
    let earliest = UInt64(max(now.earliest, 0))
    let latest = UInt64(max(now.latest, 0))
    var isEarly = false
    for i in 0..<windowCount {
      let window = self[window: i]
      if latest >= window.from && earliest < window.until { return nil }
      if latest < window.from { isEarly = true }
    }
    return isEarly ? .notYetValid : .expired
  }
}

extension TicketError {
  /// The reason code for it.
  public var reason: Reason {
    switch self {
    case .badEncoding: .badEncoding
    case .malformed, .noSpace: .malformed
    case .badAlgorithm: .badAlgorithm
    case .noKeyID: .unknownKey
    case .badSignature: .badSignature
    }
  }
}

/// The seconds that an uncertain clock may mean.
struct ClockRange {
  var earliest: Int64
  var latest: Int64
  /// The clock's own opinion.
  var seconds: Int64

  var isUncertain: Bool { earliest != latest }

  /// - Parameter past: an instant that is known to be past, Unix milliseconds.
  init(_ now: Instant, past: Int64) {
    let uncertainty = Int64(now.uncertainty)
    let (low, isBelow) = now.milliseconds.subtractingReportingOverflow(uncertainty)
    let (high, isAbove) = now.milliseconds.addingReportingOverflow(uncertainty)
    // A second short of the ends: rounding down must not overflow either.
    let floor = max(Int64.min + 1000, past)
    earliest = Instant(milliseconds: isBelow ? floor : max(low, floor)).seconds
    latest = Instant(milliseconds: isAbove ? Int64.max : max(high, floor)).seconds
    seconds = Instant(milliseconds: max(now.milliseconds, floor)).seconds
  }

  func at(_ seconds: Int64) -> ClockRange {
    var copy = self
    copy.earliest = seconds
    copy.latest = seconds
    return copy
  }
}
