// `ticket show`: what a ticket says, and what a gate would say to it.

import Foundation
import Gates
import Limits
import Records
import Seal
import Tickets
import Trust
import Wire

let ticketShow = Command(
  group: "ticket", verb: "show",
  summary: "Shows what tickets say, and why a gate would refuse them.",
  options: Judge.options + [.json],
  operand: "TEXT",
  notes: """
    Takes tickets of both formats, and overrides. Without TEXT they are read from standard input, one a
    line. Uses are not known here: a ticket that was used up is shown as valid. Exit status 1 if one of
    them is no ticket at all. A pretix ticket does not name its event: give --event N to have it judged.
    \(timeHelp)
    """
) { (arguments) throws(Failure) in
  let judge = try Judge(arguments)
  var unreadable = 0
  var next = arguments.operand ?? readLine()
  while let text = next {
    let shown = ShownTicket(ScannedTicket(text), judge)
    unreadable += shown.isReadable ? 0 : 1
    try Output.line(arguments.has("json") ? shown.json : shown.text)
    next = arguments.operand == nil ? readLine() : nil
  }
  if unreadable > 0 { throw .failed("\(counted(unreadable, "line")) cannot be read as a ticket") }
}

/// A ticket and what there is to say about it.
private struct ShownTicket {
  private let ticket: ScannedTicket
  private let verdict: Verdict?
  private let product: Product?
  private let key: String?
  private let explanation: String
  private let isNearBoundary: Bool

  init(_ ticket: ScannedTicket, _ judge: Judge) {
    self.ticket = ticket
    guard judge.trust.isLoaded, let place = judge.place(of: ticket) else {
      verdict = nil
      product = nil
      key = nil
      isNearBoundary = false
      explanation =
        judge.trust.isLoaded
        ? "a pretix ticket does not name its event (give --event N)"
        : ticket.problem.map(Self.words)
          ?? "the signature was not checked (give --trust FILE)"
      return
    }
    let verdict = judge.verdict(ticket, at: place)
    let why = Explanation(verdict, ticket, at: place, by: judge)
    self.verdict = verdict
    key = why.key
    explanation = why.sentence
    isNearBoundary = judge.isNearBoundary(ticket, at: place)
    if case .pretix(let claims) = ticket.content {
      product = judge.product(claims, place.event)
    } else {
      product = nil
    }
  }

  var isReadable: Bool { ticket.content != nil }

  private var reason: Reason? { verdict?.reason ?? ticket.problem?.reason }

  private static func words(_ error: TicketError) -> String {
    switch error {
    case .badEncoding: "this is neither Base45 nor canonical Base64; spaces and case count"
    case .malformed, .noSpace: "the bytes are not those of a ticket of either format"
    case .badAlgorithm: "it is not signed with Ed25519"
    case .noKeyID: "it names no key"
    case .badSignature: "somebody else has signed it"
    }
  }

  // MARK: Text

  var text: String {
    var lines: [String] = []
    func put(_ name: String, _ value: String) {
      lines.append("\(name.padding(toLength: 10, withPad: " ", startingAt: 0)) \(value)")
    }
    switch ticket.content {
    case .cwt(let claims):
      put("cti", hex(claims.ticketID.span))
      for (name, text) in ticket.names { put(name, text) }
      put("event", "\(claims.event)")
      put("zones", "0x\(String(claims.zoneMask, radix: 16))")
      put("class", "\(claims.ticketClass)")
      put("entries", "\(claims.entries)")
      put("from", claims.notBefore.map(isoTime(seconds:)) ?? "always")
      put("until", claims.expires.map { "before \(isoTime(seconds: $0))" } ?? "for ever")
      if let issuedAt = claims.issuedAt { put("issued", isoTime(seconds: issuedAt)) }
    case .override(let claims):
      put("override", hex(claims.nonce.span))
      put("event", "\(claims.event)")
      put("gate", claims.gate == 0 ? "any" : "\(claims.gate)")
      put("uses", "\(claims.uses)")
      put("from", claims.notBefore.map(isoTime(seconds:)) ?? "always")
      put("until", claims.expires.map { "before \(isoTime(seconds: $0))" } ?? "for ever")
    case .pretix(let claims):
      put("seed", utf8Text(claims.seed.span))
      put("item", "\(claims.item)")
      put("variation", claims.variation == 0 ? "none" : "\(claims.variation)")
      put("subevent", claims.subevent == 0 ? "none" : "\(claims.subevent)")
      put("from", claims.validFrom.map(isoTime(seconds:)) ?? "always")
      put("until", claims.validUntil.map { "\(isoTime(seconds: $0)), inclusive" } ?? "for ever")
      if let product {
        put(
          "product",
          "class \(product.ticketClass), zones 0x\(String(product.zones, radix: 16)), "
            + "entries \(product.entries)")
      }
    case nil: break
    }
    if let algorithm = ticket.algorithm {
      put("signed", "\(ticket.keyID.map { "by key \(hex($0))" } ?? "by nobody"), alg \(algorithm)")
    }
    if let key { put("key", key) }
    if let identity = verdict?.identity { put("identity", hex(identity.span)) }
    if let reason {
      put("result", "\(reason.name) (pretix: \(reason.pretixName)): \(explanation)")
    } else {
      put("result", "not asked: \(explanation)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: JSON

  var json: String {
    var object = JSONObject()
    object.put("result", reason.map { "\($0.name)" })
    object.put("pretix", reason.map { "\($0.pretixName)" })
    object.put("explanation", explanation)
    object.put("near_boundary", isNearBoundary)
    object.put("identity", (verdict?.identity).map { hex($0.span) })
    object.put("format", ticket.format)
    object.put("kid", ticket.keyID.map { hex($0) })
    object.put("alg", ticket.algorithm)
    switch ticket.content {
    case .cwt(let claims):
      object.put("cti", hex(claims.ticketID.span))
      object.put("event", claims.event)
      object.put("zones", claims.zoneMask)
      object.put("class", claims.ticketClass)
      object.put("entries", claims.entries)
      object.put("nbf", claims.notBefore)
      object.put("exp", claims.expires)
      object.put("iat", claims.issuedAt)
      for (name, text) in ticket.names { object.put(name, text) }
    case .override(let claims):
      object.put("nonce", hex(claims.nonce.span))
      object.put("event", claims.event)
      object.put("gate", claims.gate)
      object.put("uses", claims.uses)
      object.put("nbf", claims.notBefore)
      object.put("exp", claims.expires)
    case .pretix(let claims):
      object.put("seed", utf8Text(claims.seed.span))
      object.put("item", claims.item)
      object.put("variation", claims.variation)
      object.put("subevent", claims.subevent)
      object.put("valid_from", claims.validFrom)
      object.put("valid_until", claims.validUntil)
      object.put("class", product?.ticketClass)
      object.put("zones", product?.zones)
      object.put("entries", product?.entries)
    case nil: break
    }
    return object.line
  }
}
