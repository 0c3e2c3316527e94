// `ticket mint`: signs tickets and writes their texts, and QR codes if they are wanted.

import Foundation
import Limits
import Seal
import Tickets
import Wire

let ticketMint = Command(
  group: "ticket", verb: "mint", summary: "Signs tickets: one text a line.",
  options: [
    Option(
      name: "key", value: "FILE", help: "the issuer's or event's private key", isRequired: true),
    Option(name: "format", value: "cwt|sig1", help: "CWT in Base45 (default), or pretix's sig1"),
    Option(name: "event", value: "N", help: "cwt: the event's number, which must be given"),
    Option(name: "zones", value: "MASK", help: "cwt: bit mask of zones that admit, likewise"),
    Option(name: "count", value: "N", help: "how many tickets; must be given, but for --seed"),
    Option(name: "class", value: "N", help: "cwt: class of the ticket, 0 to 255 (default 0)"),
    Option(name: "entries", value: "N", help: "cwt: how often each admits (default 1)"),
    Option(name: "from", value: "T", help: "valid from this second (default: always)"),
    Option(name: "until", value: "T", help: "cwt: expired from; sig1: the last second (or never)"),
  ] + QRPrinter.options + [
    Option(name: "cti", value: "HEX", help: "cwt: the ticket's id, 8 to 16 bytes (or random)"),
    Option(name: "cti-prefix", value: "HEX", help: "cwt: ids are this and a number from 1"),
    Option(name: "iss", value: "TEXT", help: "cwt: issuer's name"),
    Option(name: "sub", value: "TEXT", help: "cwt: subject"),
    Option(name: "aud", value: "TEXT", help: "cwt: audience"),
    Option(name: "iat", value: "T", help: "cwt: issued at"),
    Option(name: "kid", value: "HEX", help: "cwt: key id (default: 4 bytes of the key's SHA-256)"),
    Option(name: "alg", value: "-19|-8", help: "cwt: Ed25519 (default) or EdDSA, its older name"),
    Option(name: "seed", value: "TEXT", help: "sig1: what the event calls it (or 32 at random)"),
    Option(name: "item", value: "N", help: "sig1: number of the product (default 0: none)"),
    Option(name: "variation", value: "N", help: "sig1: number of its variation (default 0: none)"),
    Option(name: "subevent", value: "N", help: "sig1: number of the date (default 0: none)"),
    .json,
  ],
  notes: """
    MASK and N are decimal or 0x.
    \(timeHelp)
    A CWT ticket is expired from --until on; in sig1 --until is the last second at which it is valid.
    A sig1 ticket names no event, zones, class or entries: the trust document's [[pretix_event]] and
    [[product]] do.
    With --cti-prefix the same key, prefix and claims make the same tickets again: the number fills
    the id to 8 bytes, and has at least 4 of them.
    """
) { (arguments) throws(Failure) in
  switch arguments.text("format") ?? "cwt" {
  case "cwt":
    for name in ["seed", "item", "variation", "subevent"] where arguments.has(name) {
      throw arguments.usage("--\(name) goes with --format sig1: a CWT ticket has no such thing")
    }
    for name in ["event", "zones", "count"] where !arguments.has(name) {
      throw arguments.usage("--\(name) is missing")
    }
    try mint(TicketBatch(arguments), arguments)
  case "sig1":
    for name in [
      "event", "zones", "class", "entries", "cti", "cti-prefix", "iss", "sub", "aud", "iat", "kid",
      "alg",
    ] where arguments.has(name) {
      throw arguments.usage("--\(name) has no meaning in sig1, which cannot say it")
    }
    try mint(PretixBatch(arguments), arguments)
  case let other: throw arguments.usage("--format is cwt or sig1, not '\(other)'")
  }
}

/// A ticket, and what it is called.
struct MintedTicket {
  /// What its format calls its name: "cti" or "seed".
  var kind: String
  var name: String
  var identity: TicketIdentity
  var text: String

  /// Its name, if that can be a file's; its identity otherwise.
  var fileName: String {
    let isPlain = name.utf8.allSatisfy {
      0x30...0x39 ~= $0 || 0x41...0x5a ~= $0 || 0x61...0x7a ~= $0 || $0 == 0x2d || $0 == 0x5f
    }
    return isPlain ? name : hex(identity.span)
  }
}

protocol MintedBatch {
  var count: Int { get }
  /// Ticket `number`, from 1.
  func ticket(_ number: Int) throws(Failure) -> MintedTicket
}

private func mint(_ batch: some MintedBatch, _ arguments: Arguments) throws(Failure) {
  let printer = try QRPrinter(arguments)
  for number in 1...batch.count {
    let ticket = try batch.ticket(number)
    if arguments.has("json") {
      var object = JSONObject()
      object.put(ticket.kind, ticket.name)
      object.put("identity", hex(ticket.identity.span))
      object.put("text", ticket.text)
      try Output.line(object.line)
    } else {
      try Output.line(ticket.text)
    }
    try printer?.write(ticket.text, named: ticket.fileName)
  }
  printer?.report(batch.count)
}

/// Tickets that differ in their ids only.
private struct TicketBatch: MintedBatch {
  let count: Int
  private let key: SecretKey
  private let keyID: [UInt8]
  private let algorithm: Int64
  private let claims: Claims
  private let issuer: [UInt8]?
  private let subject: [UInt8]?
  private let audience: [UInt8]?
  private let ticketID: [UInt8]?
  private let prefix: [UInt8]?

  init(_ arguments: Arguments) throws(Failure) {
    key = try Keys.secret(arguments.required("key"))
    count = try arguments.number("count", in: 1...10_000_000) ?? 1
    keyID =
      try arguments.bytes("kid", count: 1...Limits.keyIDBytesMax)
      ?? Keys.keyID(Sodium.publicKey(of: key))
    switch arguments.text("alg") ?? "-19" {
    case "-19": algorithm = Sign1.ed25519
    case "-8": algorithm = Sign1.edDSA
    case let other: throw arguments.usage("--alg is -19 or -8, not '\(other)'")
    }
    let now = currentTime()
    claims = Claims(
      ticketID: BoundedBytes(), event: try arguments.number("event", in: 0...UInt32.max) ?? 0,
      zoneMask: try arguments.number("zones", in: 0...UInt32.max) ?? 0,
      ticketClass: try arguments.number("class", in: 0...UInt8.max) ?? 0,
      entries: try arguments.number("entries", in: 0...UInt16.max) ?? 1,
      notBefore: try arguments.seconds("from", now: now),
      expires: try arguments.seconds("until", now: now),
      issuedAt: try arguments.seconds("iat", now: now))
    if let from = claims.notBefore, let until = claims.expires, from >= until {
      throw arguments.usage("--until is not after --from: nothing would ever admit these tickets")
    }
    issuer = arguments.text("iss").map { Array($0.utf8) }
    subject = arguments.text("sub").map { Array($0.utf8) }
    audience = arguments.text("aud").map { Array($0.utf8) }
    ticketID = try arguments.bytes(
      "cti", count: Limits.ticketIDBytesMin...Limits.ticketIDBytesMax)
    prefix = try arguments.bytes("cti-prefix", count: 1...Limits.ticketIDBytesMax - 4)
    if ticketID != nil && (count > 1 || prefix != nil) {
      throw arguments.usage("--cti names one ticket: use --count 1, or --cti-prefix for several")
    }
  }

  func ticket(_ number: Int) throws(Failure) -> MintedTicket {
    let ticketID = ticketID ?? prefix.map { numbered($0, number) } ?? randomTicketID()
    var claims = claims
    claims.ticketID = BoundedBytes(ticketID.span) ?? BoundedBytes()
    var output = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
    do throws(TicketError) {
      var target = output.mutableSpan
      let count = try Ticket.mint(
        claims, issuer: issuer?.span, subject: subject?.span, audience: audience?.span,
        algorithm: algorithm, keyID: keyID.span, key: key, with: Sodium.self, into: &target)
      return MintedTicket(
        kind: "cti", name: hex(ticketID),
        identity: Ticket.identity(
          issuerKey: Sodium.publicKey(of: key), ticketID: claims.ticketID, with: Sodium.self),
        text: String(decoding: output[..<count], as: UTF8.self))
    } catch {
      throw .failed(
        "the ticket would be longer than \(Limits.ticketBytesMax) bytes: shorten --iss, --sub, --aud"
      )
    }
  }

  private func numbered(_ prefix: [UInt8], _ number: Int) -> [UInt8] {
    let width = max(Limits.ticketIDBytesMin - prefix.count, 4)
    return prefix
      + (0..<width).map {
        UInt8(truncatingIfNeeded: UInt64(number) >> UInt64(8 * (width - 1 - $0)))
      }
  }
}
