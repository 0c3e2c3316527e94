// The decision about a scanned text, in the order that names the reason of a refusal:
// encoding, form, algorithm, key, signature, key status, claims, revoked, blocked, age of the trust
// document, time, event, zone, entries; and where uses are counted, used.
// Invariants: the first that fails is the reason; no claim is read before the signature holds;
// neither part changes anything. Where the clock is uncertain, doubt is on the holder's side: a
// ticket is refused for the time only if it would be at every instant that the clock may mean.

import Records
import Tickets
public import Trust
public import Wire

public enum Gate {
  /// Examines a ticket on its own: how often it was used is not asked, so the same ticket may be
  /// valid twice.
  /// - An issuer's key outside its own time is `expired` or `notYetValid`, like the ticket; a key
  ///   that may not sign for the ticket's event is `wrongEvent`.
  /// - `staleTrust` comes after the revocation lists: what they name is refused by name however old
  ///   they are; what they do not name can only be believed while the document lasts.
  /// - Parameters:
  ///   - text: as scanned.
  ///   - now: its uncertainty counts.
  /// - Complexity: one signature check for each issuer that shares the ticket's key id.
  public static func examine<P: Primitives>(
    _ text: Span<UInt8>, trust: borrowing TrustDocument<P>, place: Place, now: Instant
  ) -> Verdict {
    var bytes = InlineArray<1024, UInt8>(repeating: 0)
    var space = bytes.mutableSpan
    do throws(TicketError) {
      let count = try TicketEnvelope.decode(text, into: &space)
      let envelope = try TicketEnvelope(parsing: bytes.span.extracting(first: count))
      return issued(envelope, trust: trust, place: place, now: now)
    } catch {
      return Verdict(reason(error))
    }
  }

  /// Examines a ticket and asks how often it was used. If the verdict is `valid`, the caller
  /// records `use` in the ring and then in the used-set, before the next ticket.
  /// - `used` if this device has admitted it before, `usedElsewhere` if only others have;
  ///   `storageError` if the used-set cannot say or could not remember.
  public static func admit<P: Primitives, D: Disk & ~Copyable>(
    _ text: Span<UInt8>, trust: borrowing TrustDocument<P>, place: Place, now: Instant,
    used: inout UsedSet<P>, disk: inout D
  ) -> Verdict {
    var verdict = examine(text, trust: trust, place: place, now: now)
    guard verdict.isAdmitted, let identity = verdict.identity else { return verdict }
    var isCertain = true
    var uses = Uses()
    do throws(UsedSetError) {
      uses = try used.uses(of: identity, disk: &disk)
    } catch {
      uses = used.recentUses(of: identity)
      isCertain = false
    }
    guard uses.total < Int(verdict.entries) else {
      verdict.reason = uses.own > 0 ? .used : .usedElsewhere
      return verdict
    }
    if !isCertain || !used.hasRoomForUse { verdict.reason = .storageError }
    verdict.use = uses.own + 1
    return verdict
  }

  // MARK: Steps

  /// Key and signature. Key ids are hints: several keys may share one.
  private static func issued<P: Primitives>(
    _ envelope: TicketEnvelope, trust: borrowing TrustDocument<P>, place: Place, now: Instant
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
    return Verdict(reason)
  }

  private static func signed<P: Primitives>(
    _ ticket: VerifiedTicket, by issuer: Issuer, trust: borrowing TrustDocument<P>, place: Place,
    now: Instant
  ) -> Verdict {
    if issuer.status == .revoked { return Verdict(.revokedKey) }
    let claims: Claims
    do throws(TicketError) {
      claims = try ticket.claims()
    } catch {
      return Verdict(.malformed)
    }
    let identity = Ticket.identity(
      issuerKey: issuer.key, ticketID: claims.ticketID, with: P.self)
    var verdict = Verdict(.valid)
    verdict.identity = identity
    verdict.label = BoundedBytes(claims.ticketID.span) ?? BoundedBytes()
    verdict.ticketClass = claims.ticketClass
    verdict.entries = claims.entries
    verdict.expires = claims.expires
    verdict.reason = judge(
      claims, identity, by: issuer, trust: trust, place: place, now: ClockRange(now))
    return verdict
  }

  /// From the lists on, all but the uses.
  private static func judge<P: Primitives>(
    _ claims: Claims, _ identity: TicketIdentity, by issuer: Issuer,
    trust: borrowing TrustDocument<P>, place: Place, now: ClockRange
  ) -> Reason {
    if trust.isRevoked(identity) { return .revoked }
    if trust.isBlocked(identity) { return .blocked }
    if trust.age(at: now.earliest) == .expired { return .staleTrust }
    if claims.validity(at: now.earliest) == .expired { return .expired }
    if let notAfter = issuer.notAfter, UInt64(max(now.earliest, 0)) >= notAfter { return .expired }
    if claims.validity(at: now.latest) == .notYetValid { return .notYetValid }
    if let notBefore = issuer.notBefore, UInt64(max(now.latest, 0)) < notBefore {
      return .notYetValid
    }
    if claims.event != place.event || !issuer.allows(event: claims.event) { return .wrongEvent }
    if claims.zoneMask & place.zone == 0 { return .wrongZone }
    return claims.entries == 0 ? .noEntries : .valid
  }

  private static func reason(_ error: TicketError) -> Reason {
    switch error {
    case .badEncoding: .badEncoding
    case .malformed, .noSpace: .malformed
    case .badAlgorithm: .badAlgorithm
    case .noKeyID: .unknownKey
    case .badSignature: .badSignature
    }
  }
}

/// The seconds that an uncertain clock may mean.
private struct ClockRange {
  var earliest: Int64
  var latest: Int64

  init(_ now: Instant) {
    let uncertainty = Int64(now.uncertainty)
    let (low, isBelow) = now.milliseconds.subtractingReportingOverflow(uncertainty)
    let (high, isAbove) = now.milliseconds.addingReportingOverflow(uncertainty)
    // A second short of the ends: rounding down must not overflow either.
    let floor = Int64.min + 1000
    earliest = Instant(milliseconds: isBelow ? floor : max(low, floor)).seconds
    latest = Instant(milliseconds: isAbove ? Int64.max : max(high, floor)).seconds
  }
}
