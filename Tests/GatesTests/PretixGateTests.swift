// pretix tickets at a gate: the same reasons as for any other, and no way from one format or event
// to another.

import Gates
import Limits
import Records
import Seal
import Testing
import Tickets
import Trust
import Wire

private func key(
  _ number: UInt8, event: UInt32 = 2026, status: KeyStatus = .active
) -> PretixKey {
  PretixKey(event: event, key: Sodium.publicKey(of: secretKey(number)), status: status)
}

private func sell(
  _ seed: String = "aBcDeFgHi", from: UInt64? = nil, until: UInt64? = nil, by number: UInt8 = 11
) throws -> [UInt8] {
  var text = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
  var space = text.mutableSpan
  let claims = PretixClaims(
    seed: BoundedBytes(Array(seed.utf8).span)!, item: 5, validFrom: from, validUntil: until)
  let count = try PretixEnvelope.mint(
    claims, key: secretKey(number), with: Sodium.self, into: &space)
  return Array(text.prefix(count))
}

private func identity(_ seed: String = "aBcDeFgHi", by number: UInt8 = 11) -> TicketIdentity {
  Ticket.identity(
    eventKey: Sodium.publicKey(of: secretKey(number)),
    seed: BoundedBytes(Array(seed.utf8).span)!, with: Sodium.self)
}

@Suite struct PretixGateTests {
  init() throws { try Sodium.start() }

  @Test func `a pretix ticket of the gate's event admits once and is called by its seed`() throws {
    let box = try Box(pretixKeys: [key(11)])
    let verdict = try box.admit(sell())
    #expect(verdict.reason == .valid)
    #expect(verdict.identity == identity())
    #expect(verdict.label == BoundedBytes<64>(Array("aBcDeFgHi".utf8).span))
    #expect(verdict.entries == 1 && verdict.use == 1)
    #expect(try box.admit(sell()).reason == .used)
  }

  @Test func `every key of the event is tried, and a revoked one names itself`() throws {
    let box = try Box(
      pretixKeys: [key(10), key(12, status: .revoked), key(13, event: 2027), key(11)])
    #expect(try box.reason(sell(by: 11)) == .valid)
    #expect(try box.reason(sell(by: 12)) == .revokedKey)
    #expect(try box.reason(sell(by: 13)) == .badSignature)
    #expect(try box.reason(sell(by: 14)) == .badSignature)
  }

  @Test func `without a key for the event no pretix ticket is believed`() throws {
    #expect(try Box().reason(sell()) == .badSignature)
  }

  @Test func `an issuer's key signs no pretix ticket, and an event's key no CWT`() throws {
    let box = try Box(issuers: [issuer(1)], pretixKeys: [key(11)])
    #expect(try box.reason(sell(by: 1)) == .badSignature)
    #expect(try box.reason(mint(claims(), by: secretKey(11))) == .badSignature)
  }

  @Test func `revoked and blocked pretix tickets are refused by name`() throws {
    let box = try Box(
      pretixKeys: [key(11)], revoked: [identity("one")], blocked: [identity("two")])
    #expect(try box.reason(sell("one")) == .revoked)
    #expect(try box.reason(sell("two")) == .blocked)
    #expect(try box.reason(sell("three")) == .valid)
  }

  @Test func `a pretix ticket is valid from its first second through its last`() throws {
    let noon = UInt64(Box.noon)
    let box = try Box(pretixKeys: [key(11)])
    #expect(try box.reason(sell(from: noon + 1)) == .notYetValid)
    #expect(try box.reason(sell(from: noon)) == .valid)
    #expect(try box.reason(sell(until: noon)) == .valid)
    #expect(try box.reason(sell(until: noon - 1)) == .expired)
  }

  @Test func `a revoked pretix ticket has no second spelling`() throws {
    let box = try Box(pretixKeys: [key(11)], revoked: [identity()])
    let good = try sell()
    var respelled: [[UInt8]] = [
      [0x20] + good, good + [0x20], [0x3d] + good, good + good, Array(good.reversed()),
      good + [0x0a], good + [0x09, 0x0d, 0x0a],
    ]
    for i in good.indices {
      var other = good
      other[i] ^= 0x20
      respelled.append(other)
    }
    for text in respelled { #expect(box.reason(text) != .valid) }
  }

  @Test func `what is neither format is bad_encoding, and what is cut is malformed`() throws {
    let box = try Box(pretixKeys: [key(11)])
    #expect(box.reason(Array("abcd".utf8)) == .badEncoding)
    #expect(box.reason(Array("hello, world".utf8)) == .badEncoding)
    // The text stands in reverse: what is missing at its beginning is missing in the signature.
    let text = try sell()
    let cut = Array(text.dropFirst(4))
    #expect(box.reason(cut) == .malformed)
  }

  @Test func `a text of Base45's alphabet that is sig1 all the same is read as sig1`() throws {
    // An all-capital text decodes as Base45, too; what it decodes to is no COSE_Sign1.
    let box = try Box(pretixKeys: [key(11)])
    let text = Array("AAAAAAAQA".utf8)
    #expect(box.reason(text) == .malformed)
    #expect(box.reason(Array("AAAAAAAAEAQA".utf8)) == .malformed)
  }
}
