// `override mint`: signs a supervisor's credential and writes its text, and a QR code if it is wanted.

import Foundation
import Limits
import Seal
import Tickets
import Wire

let overrideMint = Command(
  group: "override", verb: "mint",
  summary: "Signs an override: a supervisor's credential against a gate's rules.",
  options: [
    Option(name: "key", value: "FILE", help: "the supervisor's private key", isRequired: true),
    Option(name: "event", value: "N", help: "the event's number", isRequired: true),
    Option(name: "gate", value: "NODE", help: "the gate that it is for (default: any)"),
    Option(name: "uses", value: "N", help: "how many tickets it admits (default 1)"),
    Option(name: "from", value: "T", help: "valid from (nbf; default: always)"),
    Option(name: "until", value: "T", help: "expired from (exp; default: never)"),
    Option(name: "nonce", value: "HEX", help: "its id, 8 to 16 bytes (default: random)"),
    Option(name: "kid", value: "HEX", help: "key id (default: 4 bytes of the key's SHA-256)"),
  ] + QRPrinter.options + [.json],
  notes: """
    The key is that of a [[supervisor]] of the trust document. A gate that is shown an override admits
    the next ticket that it would refuse for its time, place, uses or rules, within 60 seconds.
    \(timeHelp)
    """
) { (arguments) throws(Failure) in
  let key = try Keys.secret(arguments.required("key"))
  let publicKey = Sodium.publicKey(of: key)
  let keyID = try arguments.bytes("kid", count: 1...Limits.keyIDBytesMax) ?? Keys.keyID(publicKey)
  let nonce =
    try arguments.bytes("nonce", count: Limits.ticketIDBytesMin...Limits.ticketIDBytesMax)
    ?? randomTicketID()
  let now = currentTime()
  let claims = OverrideClaims(
    nonce: BoundedBytes(nonce.span) ?? BoundedBytes(),
    event: try arguments.number("event", in: 0...UInt32.max) ?? 0,
    gate: try arguments.number("gate", in: TrustSource.nodeRange) ?? 0,
    uses: try arguments.number("uses", in: 1...UInt16.max) ?? 1,
    notBefore: try arguments.seconds("from", now: now),
    expires: try arguments.seconds("until", now: now))
  if let from = claims.notBefore, let until = claims.expires, from >= until {
    throw arguments.usage("--until is not after --from: nothing would ever admit by this")
  }
  let printer = try QRPrinter(arguments)
  let text = try signed(claims, keyID: keyID, key: key)
  if arguments.has("json") {
    let identity = Ticket.identity(
      supervisorKey: publicKey, nonce: claims.nonce, with: Sodium.self)
    var object = JSONObject()
    object.put("nonce", hex(nonce))
    object.put("identity", hex(identity.span))
    object.put("text", text)
    try Output.line(object.line)
  } else {
    try Output.line(text)
  }
  if claims.expires == nil {
    Output.error("tollctl: warning: this override never expires: give it an --until")
  }
  try printer?.write(text, named: hex(nonce))
  printer?.report(1)
}

private func signed(
  _ claims: OverrideClaims, keyID: [UInt8], key: SecretKey
) throws(Failure) -> String {
  var output = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
  do throws(TicketError) {
    var target = output.mutableSpan
    let count = try Ticket.mint(
      claims, keyID: keyID.span, key: key, with: Sodium.self, into: &target)
    return String(decoding: output[..<count], as: UTF8.self)
  } catch {
    throw .failed("the override does not fit a code: please report this")
  }
}

/// A new `cti`, which nobody can guess.
func randomTicketID() -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: Limits.ticketIDBytesMin)
  var target = bytes.mutableSpan
  Sodium.random(into: &target)
  return bytes
}
