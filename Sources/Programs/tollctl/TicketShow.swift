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
  options: [
    Option(name: "trust", value: "FILE", help: "signed trust document: ask what a gate would say"),
    Option(name: "authority", value: "FILE.pub", help: "who must have signed it"),
    Option(name: "event", value: "N", help: "the gate's event (default: the ticket's)"),
    Option(name: "zone", value: "MASK", help: "the gate's zones (default: the ticket's)"),
    Option(name: "now", value: "T", help: "when (default: now)"),
    .json,
  ],
  operand: "TEXT",
  notes: """
    Without TEXT, tickets are read from standard input, one a line. Uses are not known here: a ticket
    that was used up is shown as valid. Exit status 1 if one of them is no ticket at all.
    \(timeHelp)
    """
) { (arguments) throws(Failure) in
  let judge = try Judge(arguments)
  var unreadable = 0
  var next = arguments.operand ?? readLine()
  while let text = next {
    let shown = ShownTicket(text, judge)
    unreadable += shown.isReadable ? 0 : 1
    try Output.line(arguments.has("json") ? shown.json : shown.text)
    next = arguments.operand == nil ? readLine() : nil
  }
  if unreadable > 0 { throw .failed("\(counted(unreadable, "line")) cannot be read as a ticket") }
}

/// A gate to ask: a trust document, a place and a time. Without a document it has no opinion.
private final class Judge {
  private var trust = emptyTrust()
  private let event: UInt32?
  private let zone: UInt32?
  private let now: Int64

  init(_ arguments: Arguments) throws(Failure) {
    event = try arguments.number("event", in: 0...UInt32.max)
    zone = try arguments.number("zone", in: 0...UInt32.max)
    let current = currentTime()
    now = try arguments.time("now", now: current) ?? current
    guard let path = arguments.text("trust") else {
      for name in ["authority", "event", "zone", "now"] where arguments.has(name) {
        throw arguments.usage("--\(name) goes with --trust FILE")
      }
      return
    }
    let authority = try arguments.text("authority").map { path throws(Failure) in
      try Keys.publicKey(path)
    }
    if authority == nil {
      Output.error("tollctl: warning: nobody vouches for \(path): give --authority FILE.pub")
    }
    try load(path, authority: authority)
  }

  private func load(_ path: String, authority: PublicKey?) throws(Failure) {
    let bytes = try Files.read(path)
    var scratch = [UInt8](repeating: 0, count: TrustDocument<Sodium>.scratchBytes)
    do throws(TrustError) {
      var target = scratch.mutableSpan
      _ = try trust.load(
        bytes.span, anchor: authority.map(TrustAnchor.pinned) ?? .named, scratch: &target)
    } catch {
      throw .failed("\(path) is refused: \(explanation(error))")
    }
  }

  /// Nil without a trust document.
  func verdict(_ text: [UInt8], _ claims: Claims?) -> Verdict? {
    let place = Place(
      event: event ?? claims?.event ?? 0, zone: zone ?? claims?.zoneMask ?? 0)
    guard trust.isLoaded else { return nil }
    return Gate.examine(
      text.span, trust: trust, place: place, now: Instant(milliseconds: now))
  }
}

/// A trust document that nothing is loaded into yet.
func emptyTrust() -> TrustDocument<Sodium> {
  let count = TrustDocument<Sodium>.memoryBytes
  // For the life of the process, as Memory wants it.
  let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
  unsafe base.initialize(repeating: 0, count: count)
  return unsafe TrustDocument(memory: Memory(unsafe: base, count: count))
}

private func explanation(_ error: TrustError) -> String {
  switch error {
  case .tooLarge: "it is longer than \(Limits.trustBytesMax) bytes"
  case .malformed: "it is no trust document; sign one with tollctl trust sign"
  case .badAlgorithm: "it is not signed with Ed25519"
  case .unknownAuthority: "another key than the one in --authority has signed it"
  case .badSignature: "its signature does not hold: it was changed"
  case .wrongNetwork, .older, .conflict, .noSpace: "it contradicts another one"
  }
}

/// One line of input, taken apart as far as it goes.
private struct ShownTicket {
  private var keyID: [UInt8]?
  private var algorithm: Int64?
  private var claims: Claims?
  private var names: [(name: String, text: String)] = []
  private var problem: TicketError?
  private let verdict: Verdict?

  init(_ line: String, _ judge: Judge) {
    let text = Array(line.utf8)
    var bytes = [UInt8](repeating: 0, count: Limits.ticketBytesMax)
    do throws(TicketError) {
      var target = bytes.mutableSpan
      let count = try TicketEnvelope.decode(text.span, into: &target)
      let ticket = Array(bytes[..<count])
      let sign1: Sign1
      do throws(COSEError) { sign1 = try Sign1(parsing: ticket.span) } catch {
        throw error == .badAlgorithm ? TicketError.badAlgorithm : .malformed
      }
      keyID = sign1.keyID.map { Array(ticket[$0]) }
      algorithm = sign1.algorithm
      let payload = Array(ticket[sign1.payload])
      let claims = try Claims(parsing: payload.span)
      self.claims = claims
      for (name, range) in [
        ("iss", claims.issuer), ("sub", claims.subject), ("aud", claims.audience),
      ] {
        if let range { names.append((name, String(decoding: payload[range], as: UTF8.self))) }
      }
    } catch {
      problem = error
    }
    verdict = judge.verdict(text, claims)
  }

  var isReadable: Bool { problem == nil }

  private var result: String? {
    if let verdict { return "\(verdict.reason.name)" }
    return problem.map { "\(reason($0).name)" }
  }

  var text: String {
    var lines: [String] = []
    if let claims {
      lines.append("cti        \(hex(claims.ticketID.span))")
      lines += names.map { "\($0.name)        \($0.text)" }
      lines.append("event      \(claims.event)")
      lines.append("zones      0x\(String(claims.zoneMask, radix: 16))")
      lines.append("class      \(claims.ticketClass)")
      lines.append("entries    \(claims.entries)")
      lines.append("from       \(claims.notBefore.map(isoTime(seconds:)) ?? "always")")
      lines.append("until      \(claims.expires.map(isoTime(seconds:)) ?? "for ever")")
      if let issuedAt = claims.issuedAt { lines.append("issued     \(isoTime(seconds: issuedAt))") }
    }
    if let algorithm {
      lines.append(
        "signed     \(keyID.map { "by key \(hex($0))" } ?? "by nobody"), alg \(algorithm)")
    }
    if let verdict {
      lines.append("identity   \(verdict.identity.map { hex($0.span) } ?? "-")")
      lines.append("result     \(verdict.reason.name): \(explanation(verdict.reason))")
    } else if let problem {
      lines.append("result     \(reason(problem).name): \(explanation(reason(problem)))")
    } else {
      lines.append("result     not asked: the signature was not checked (give --trust FILE)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  var json: String {
    var object = JSONObject()
    object.put("result", result)
    object.put("identity", (verdict?.identity).map { hex($0.span) })
    object.put("cti", claims.map { hex($0.ticketID.span) })
    object.put("kid", keyID.map { hex($0) })
    object.put("alg", algorithm)
    object.put("event", claims?.event)
    object.put("zones", claims?.zoneMask)
    object.put("class", claims?.ticketClass)
    object.put("entries", claims?.entries)
    object.put("nbf", claims?.notBefore)
    object.put("exp", claims?.expires)
    object.put("iat", claims?.issuedAt)
    for (name, text) in names { object.put(name, text) }
    return object.line
  }

  private func reason(_ error: TicketError) -> Reason {
    switch error {
    case .badEncoding: .badEncoding
    case .malformed, .noSpace: .malformed
    case .badAlgorithm: .badAlgorithm
    case .badSignature: .badSignature
    case .noKeyID: .unknownKey
    }
  }
}

/// A sentence for an operator.
private func explanation(_ reason: Reason) -> String {
  switch reason {
  case .valid: "a gate would admit it, if it was not used up"
  case .badEncoding: "this is no Base45 text; spaces count, and nothing may be missing"
  case .malformed: "the bytes are not those of a ticket"
  case .badAlgorithm: "it is not signed with Ed25519"
  case .unknownKey: "no [[issuer]] of the trust document has its key id"
  case .revokedKey: "its issuer's key is revoked"
  case .badSignature: "it was changed, or somebody else has signed it"
  case .revoked: "it is revoked"
  case .blocked: "it is blocked"
  case .expired: "its time, or its issuer's, is over"
  case .notYetValid: "its time, or its issuer's, has not come"
  case .wrongEvent: "it is for another event, or its issuer may not sign for this one"
  case .wrongZone: "it is for other zones"
  case .noEntries: "it was issued without entries"
  case .used: "it was used"
  case .usedElsewhere: "it was used at another gate"
  case .passback: "somebody is inside with it"
  case .staleTrust: "the trust document has expired: sign a new one"
  case .storageError: "the gate cannot record it"
  case .areaFull: "the area is full"
  }
}
