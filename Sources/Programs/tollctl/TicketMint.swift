// `ticket mint`: signs tickets and writes their texts, and QR codes if they are wanted.

import Foundation
import Limits
import Seal
import Tickets
import Wire

let ticketMint = Command(
  group: "ticket", verb: "mint", summary: "Signs tickets: one Base45 text a line.",
  options: [
    Option(name: "key", value: "FILE", help: "the issuer's private key", isRequired: true),
    Option(name: "event", value: "N", help: "the event's number", isRequired: true),
    Option(name: "zones", value: "MASK", help: "bit mask of zones that admit", isRequired: true),
    Option(name: "count", value: "N", help: "how many tickets", isRequired: true),
    Option(name: "class", value: "N", help: "class of the ticket, 0 to 255 (default 0)"),
    Option(name: "entries", value: "N", help: "how often each admits (default 1)"),
    Option(name: "from", value: "T", help: "valid from (nbf; default: always)"),
    Option(name: "until", value: "T", help: "expired from (exp; default: never)"),
    Option(name: "qr", value: "DIR", help: "also one QR code a ticket, DIR/CTI.png"),
    Option(name: "qr-format", value: "png|svg", help: "their format (default png)"),
    Option(name: "cti", value: "HEX", help: "the ticket's id, 8 to 16 bytes (default: random)"),
    Option(name: "cti-prefix", value: "HEX", help: "ids are this and a number from 1"),
    Option(name: "iss", value: "TEXT", help: "issuer's name"),
    Option(name: "sub", value: "TEXT", help: "subject"),
    Option(name: "aud", value: "TEXT", help: "audience"),
    Option(name: "iat", value: "T", help: "issued at"),
    Option(name: "kid", value: "HEX", help: "key id (default: 4 bytes of the key's SHA-256)"),
    Option(name: "alg", value: "-19|-8", help: "Ed25519 (default) or EdDSA, its older name"),
    .json,
  ],
  notes: """
    MASK and N are decimal or 0x.
    \(timeHelp)
    With --cti-prefix the same key, prefix and claims make the same tickets again: the number fills
    the id to 8 bytes, and has at least 4 of them.
    """
) { (arguments) throws(Failure) in
  let batch = try TicketBatch(arguments)
  let printer = try QRPrinter(arguments)
  for number in 1...batch.count {
    let (ticketID, text) = try batch.ticket(number)
    if arguments.has("json") {
      var object = JSONObject()
      object.put("cti", hex(ticketID))
      object.put("identity", batch.identity(ticketID))
      object.put("text", text)
      try Output.line(object.line)
    } else {
      try Output.line(text)
    }
    try printer?.write(text, named: hex(ticketID))
  }
  if let printer {
    Output.error("tollctl: \(counted(batch.count, "QR code")) written to \(printer.folder)")
  }
}

/// Tickets that differ in their ids only.
private struct TicketBatch {
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

  /// The id and text of ticket `number`, from 1.
  func ticket(_ number: Int) throws(Failure) -> (ticketID: [UInt8], text: String) {
    let ticketID = ticketID ?? prefix.map { numbered($0, number) } ?? random()
    var claims = claims
    claims.ticketID = BoundedBytes(ticketID.span) ?? BoundedBytes()
    var output = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
    do throws(TicketError) {
      var target = output.mutableSpan
      let count = try Ticket.mint(
        claims, issuer: issuer?.span, subject: subject?.span, audience: audience?.span,
        algorithm: algorithm, keyID: keyID.span, key: key, with: Sodium.self, into: &target)
      return (ticketID, String(decoding: output[..<count], as: UTF8.self))
    } catch {
      throw .failed(
        "the ticket would be longer than \(Limits.ticketBytesMax) bytes: shorten --iss, --sub, --aud"
      )
    }
  }

  func identity(_ ticketID: [UInt8]) -> String {
    let identity = Ticket.identity(
      issuerKey: Sodium.publicKey(of: key),
      ticketID: BoundedBytes(ticketID.span) ?? BoundedBytes(), with: Sodium.self)
    return hex(identity.span)
  }

  private func numbered(_ prefix: [UInt8], _ number: Int) -> [UInt8] {
    let width = max(Limits.ticketIDBytesMin - prefix.count, 4)
    return prefix
      + (0..<width).map {
        UInt8(truncatingIfNeeded: UInt64(number) >> UInt64(8 * (width - 1 - $0)))
      }
  }

  private func random() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Limits.ticketIDBytesMin)
    var target = bytes.mutableSpan
    Sodium.random(into: &target)
    return bytes
  }
}
