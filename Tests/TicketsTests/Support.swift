// What the tests of this module share: one issuer, bytes from hex, random input with a seed, and
// the way of a text from a scanner to its claims.

import Foundation
import Seal
import Testing
import Tickets
import Wire

/// The issuer of all tickets here: the Ed25519 seed 00 01 ... 1f.
enum Issuer {
  static let secret = Sodium.secretKey(seed: Bytes<32>(Array(0..<32).span))
  static let key = Sodium.publicKey(of: secret)
  static let keyID = bytes("56475aa7")
  static let ticketID = bytes("0001020304050607")
}

func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap { $0.hexDigitValue.map { UInt8($0) } }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

func decode(_ text: [UInt8]) throws(TicketError) -> [UInt8] {
  var output = [UInt8](repeating: 0, count: 2048)
  var space = output.mutableSpan
  let count = try TicketEnvelope.decode(text.span, into: &space)
  return Array(output.prefix(count))
}

/// From signed bytes to claims, as a gate goes about it.
func admit(_ ticket: [UInt8], by key: PublicKey = Issuer.key) throws(TicketError) -> Claims {
  let envelope = try TicketEnvelope(parsing: ticket.span)
  return try envelope.verify(by: key, with: Sodium.self).claims()
}

func admit(text: String, by key: PublicKey = Issuer.key) throws(TicketError) -> Claims {
  try admit(decode(Array(text.utf8)), by: key)
}

/// `payload` signed by the issuer, as COSE bytes.
func signed(_ payload: [UInt8], external: StaticString = "") throws -> [UInt8] {
  var output = [UInt8](repeating: 0, count: payload.count + 128)
  var scratch = [UInt8](repeating: 0, count: payload.count + 128)
  var space = output.mutableSpan
  var scratchSpace = scratch.mutableSpan
  let count = try Sign1.sign(
    payload.span, external: external, keyID: Issuer.keyID.span, key: Issuer.secret,
    with: Sodium.self, scratch: &scratchSpace, into: &space)
  return Array(output.prefix(count))
}

func mint(_ claims: Claims, issuer: [UInt8]? = nil, size: Int = 1536) throws -> String {
  var output = [UInt8](repeating: 0, count: size)
  var space = output.mutableSpan
  let count = try Ticket.mint(
    claims, issuer: issuer?.span, keyID: Issuer.keyID.span, key: Issuer.secret, with: Sodium.self,
    into: &space)
  return String(decoding: output.prefix(count), as: UTF8.self)
}

/// What the golden tickets say.
func goldenClaims() -> Claims {
  Claims(
    ticketID: BoundedBytes(Issuer.ticketID.span)!, event: 2026, zoneMask: 5, ticketClass: 1,
    entries: 3, notBefore: 1_700_000_000, expires: 1_800_000_000)
}

/// SplitMix64: the same seed, the same numbers. A new seed at every run, printed so that a failure
/// can be repeated with TOLLKEEPER_SEED.
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(for name: String) {
    let given = ProcessInfo.processInfo.environment["TOLLKEEPER_SEED"].flatMap { UInt64($0) }
    state = given ?? UInt64.random(in: .min ... .max)
    print("seed of \(name): \(state)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
