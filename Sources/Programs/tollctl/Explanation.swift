// Why a gate says what it says, in a sentence for support staff that names the rule, the window, the
// list, or the key and its times.
// Invariants: the verdict is given; what is looked up here only says where it comes from.

import Gates
import Records
import Seal
import Tickets
import Trust
import Wire

struct Explanation {
  private let ticket: ScannedTicket
  private let judge: Judge
  private let place: Place
  private let verdict: Verdict
  /// Who has signed it, as the trust document knows them.
  private let signer: Issuer?
  private let eventKey: PretixKey?
  private let rule: Rule?

  init(_ verdict: Verdict, _ ticket: ScannedTicket, at place: Place, by judge: Judge) {
    self.verdict = verdict
    self.ticket = ticket
    self.place = place
    self.judge = judge
    signer = judge.signer(ticket)
    eventKey = judge.eventKey(ticket, of: place.event)
    rule =
      verdict.operation == .validate
      ? nil : judge.trust.rule(event: place.event, ticketClass: verdict.ticketClass)
  }

  /// The key that has signed the ticket, with its times.
  var key: String? {
    if let signer { return Self.words(signer) }
    return eventKey.map {
      "event \($0.event)'s \(hex($0.key.span)), \($0.status == .active ? "active" : "revoked")"
    }
  }

  private static func words(_ signer: Issuer) -> String {
    var words = "\(hex(signer.keyID.span)), \(signer.status == .active ? "active" : "revoked")"
    if let from = signer.notBefore { words += ", from \(isoTime(seconds: from))" }
    if let until = signer.notAfter { words += ", until before \(isoTime(seconds: until))" }
    if signer.eventCount > 0 { words += ", for \(events(of: signer))" }
    return words
  }

  private static func events(of signer: Issuer) -> String {
    let events = (0..<signer.eventCount).map { "\(signer.event(at: $0))" }
    return "event\(events.count == 1 ? "" : "s") " + events.joined(separator: ", ")
  }

  var sentence: String { reason + (doubt.map { "; \($0)" } ?? "") }

  /// What another instant within the clock's uncertainty would have changed.
  private var doubt: String? {
    guard judge.isNearBoundary(ticket, at: place) else { return nil }
    func shown(_ instant: Instant) -> String {
      let name = judge.verdict(ticket, at: place, now: instant).reason.name
      return "\(name) at \(isoTime(milliseconds: instant.milliseconds))"
    }
    return
      "near a boundary: the clock may be \(judge.now.uncertainty / 1000) s wrong either way, and "
      + "it would be \(shown(judge.early)) and \(shown(judge.late))"
  }

  private var reason: String {
    switch verdict.reason {
    case .valid: admitted
    case .badEncoding:
      "this is neither Base45 nor canonical Base64: something is missing, added or respelled; spaces "
        + "and the case of letters count"
    case .malformed: "the bytes are not those of a ticket of either format"
    case .badAlgorithm: "it is not signed with Ed25519"
    case .unknownKey:
      ticket.keyID.map {
        "no [[issuer]] or [[supervisor]] of the trust document has its key id \(hex($0))"
      } ?? "it names no key"
    case .revokedKey: "the key that signed it is revoked: \(key ?? "")"
    case .badSignature: unsigned
    case .revoked: listed("[[revoked]]")
    case .blocked: listed("[[blocked]]")
    case .expired: expired
    case .notYetValid: early
    case .wrongEvent: elsewhere
    case .wrongZone: wrongZone
    case .noEntries: noEntries
    case .used: "it was used"
    case .usedElsewhere: "it was used at another gate"
    case .passback: "somebody is inside with it"
    case .staleTrust: stale
    case .storageError: "the gate cannot record it"
    case .areaFull: "the area is full"
    }
  }

  // MARK: Admitted

  private var admitted: String {
    if verdict.operation == .validate {
      return
        "the gate would take it, and admit the next ticket that its rules refuse, within 60 s; "
        + "it admits \(counted(Int(verdict.entries), "ticket")), and how many it has is not known here"
    }
    if place.isExit { return "people leave here: neither time nor rules are asked" }
    var words =
      "the gate would admit it, if it was not used up: it admits \(times(verdict.entries))"
    if let rule { words += "; by \(rule.name) \(rule.limits)" }
    if let capacity = judge.trust.capacity(of: place.area) {
      words += "; area \(place.area) takes \(capacity), as the gate counts them"
    }
    return words
  }

  private func times(_ number: UInt16) -> String { number == 1 ? "once" : "\(number) times" }

  // MARK: Keys and lists

  private var unsigned: String {
    if case .pretix = ticket.content {
      let count = judge.keyCount(of: place.event)
      return count == 0
        ? "the trust document has no [[pretix_event]] \(place.event)"
        : "none of the \(counted(count, "key")) of [[pretix_event]] \(place.event) has signed it: it was "
          + "changed, or it is of another event"
    }
    return
      "no key with its key id \(ticket.keyID.map { hex($0) } ?? "") has signed it: it was changed, "
      + "or somebody else has signed it"
  }

  private func listed(_ list: String) -> String {
    "it stands on \(list) of the trust document, version \(judge.trust.version), as "
      + (verdict.identity.map { hex($0.span) } ?? "")
  }

  private var stale: String {
    let head = judge.trust.head
    let name = "the trust document, version \(head.version),"
    if let expires = head.expires, judge.earliest >= expires {
      return "\(name) has expired at \(isoTime(seconds: expires)): sign a new one"
    }
    let issued = head.issued.map(isoTime(seconds:)) ?? ""
    return "\(name) was issued at \(issued) and is expired after stale_s = "
      + "\(head.staleSeconds ?? 0): sign a new one"
  }

  // MARK: Time

  private var window: (from: UInt64?, until: UInt64?) {
    switch ticket.content {
    case .cwt(let claims): (claims.notBefore, claims.expires)
    case .override(let claims): (claims.notBefore, claims.expires)
    case .pretix(let claims): (claims.validFrom, claims.validUntil.map { $0 + 1 })
    case nil: (nil, nil)
    }
  }

  private var time: String { "at \(isoTime(milliseconds: judge.now.milliseconds))" }

  private var expired: String {
    if let until = window.until, judge.earliest >= until {
      return
        "its time is over: it was valid until before \(isoTime(seconds: until)), and is shown \(time)"
    }
    if let until = signer?.notAfter, judge.earliest >= until {
      return "its key's time is over \(time): \(key ?? "")"
    }
    return "\(rule?.name ?? "") does not admit it any more \(time): \(rule?.windows ?? "")"
  }

  private var early: String {
    if let from = window.from, judge.latest < from {
      return
        "its time has not come: it is valid from \(isoTime(seconds: from)), and is shown \(time)"
    }
    if let from = signer?.notBefore, judge.latest < from {
      return "its key's time has not come \(time): \(key ?? "")"
    }
    return "\(rule?.name ?? "") does not admit it \(time): \(rule?.windows ?? "")"
  }

  // MARK: Place

  private var event: UInt32? {
    switch ticket.content {
    case .cwt(let claims): claims.event
    case .override(let claims): claims.event
    default: nil
    }
  }

  private var elsewhere: String {
    if let event, event != place.event {
      return "it is for event \(event), and the gate's is \(place.event)"
    }
    return "its key \(signer.map { hex($0.keyID.span) } ?? "") may sign for "
      + "\(signer.map(Self.events) ?? "") only, and the gate's event is \(place.event)"
  }

  private var wrongZone: String {
    let gate = "the gate's are \(mask(place.zone))"
    var zones: UInt32 = .max
    var whose = "its"
    switch ticket.content {
    case .override(let claims):
      return "it is for gate \(claims.gate), and this is gate \(place.node)"
    case .cwt(let claims): zones = claims.zoneMask
    case .pretix(let claims):
      guard let product = judge.product(claims, place.event) else {
        return
          "its \(Self.product(claims)) has no [[product]] of event \(place.event), and others have"
      }
      zones = product.zones
      whose = "its [[product]]'s"
    case nil: break
    }
    if zones & place.zone != 0, let rule {
      return
        "\(rule.name) cuts \(whose) zones \(mask(zones)) to \(mask(zones & rule.zones)), and \(gate)"
    }
    return "\(whose) zones are \(mask(zones)), and \(gate)"
  }

  private func mask(_ zones: UInt32) -> String { "0x\(String(zones, radix: 16))" }

  private static func product(_ claims: PretixClaims) -> String {
    "item \(claims.item)" + (claims.variation == 0 ? "" : ", variation \(claims.variation),")
  }

  private var noEntries: String {
    if let rule, rule.entries == 0 { return "\(rule.name) gives it no entries" }
    if case .pretix = ticket.content { return "its [[product]] has no entries" }
    return "it was issued without entries"
  }
}

extension Rule {
  /// How trust.toml's table is found.
  fileprivate var name: String {
    "[[rule]] of event \(event), \(ticketClass.map { "class \($0)" } ?? "all classes"),"
  }

  fileprivate var windows: String {
    let shown = (0..<windowCount).map {
      "\(isoTime(seconds: self[window: $0].from)) until before "
        + isoTime(seconds: self[window: $0].until)
    }
    return "it admits from " + shown.joined(separator: ", and from ")
  }

  /// What depends on uses.
  fileprivate var limits: String {
    var words = [
      allowsMultiple
        ? "it may enter again without having left"
        : allowsReentry ? "it may enter again after it has left" : "it may enter once"
    ]
    if let entriesPerDay { words.append("at most \(entriesPerDay) a day") }
    if let passbackMinutes {
      words.append("the same area only \(passbackMinutes) min after an entry")
    }
    return words.joined(separator: ", ")
  }
}
