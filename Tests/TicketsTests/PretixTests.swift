// pretix's sig1: one spelling, exact lengths, nothing read before the signature holds.

import Limits
import Seal
import Testing
import Tickets
import Wire

/// The protobuf of a ticket by its fields, as bytes.
private func claims(_ hex: String) throws(TicketError) -> PretixClaims {
  try PretixClaims(parsing: bytes(hex).span)
}

private func decode(_ text: String) throws(TicketError) -> [UInt8] {
  var output = [UInt8](repeating: 0, count: Limits.ticketBytesMax)
  var space = output.mutableSpan
  let count = try PretixEnvelope.decode(Array(text.utf8).span, into: &space)
  return Array(output.prefix(count))
}

private func read(
  _ bytes: [UInt8], by key: PublicKey = Issuer.key
) throws(TicketError) -> PretixClaims {
  let envelope = try PretixEnvelope(parsing: bytes.span)
  return try envelope.verify(by: key, with: Sodium.self).claims()
}

/// Base64 of `bytes`, last character first.
private func text(_ bytes: [UInt8]) -> String {
  var output = [UInt8](repeating: 0, count: Base64.encodedCount(bytes.count))
  var space = output.mutableSpan
  let count = try! Base64.encodeReversed(bytes.span, into: &space)
  return String(decoding: output.prefix(count), as: UTF8.self)
}

private func mint(_ claims: PretixClaims) throws -> String {
  var output = [UInt8](repeating: 0, count: 512)
  var space = output.mutableSpan
  let count = try PretixEnvelope.mint(
    claims, key: Issuer.secret, with: Sodium.self, into: &space)
  return String(decoding: output.prefix(count), as: UTF8.self)
}

private func seed(_ text: String) -> BoundedBytes<64> { BoundedBytes(Array(text.utf8).span)! }

@Suite struct PretixTests {
  init() throws { try Sodium.start() }

  @Test func `what is minted reads as it was written, and ends as sig1 texts end`() throws {
    let ticket = PretixClaims(
      seed: seed("aBcDeFgHi"), item: 1637, variation: 7, subevent: 3, validFrom: 1_700_000_000,
      validUntil: 1_800_000_000)
    let text = try mint(ticket)
    #expect(try read(decode(text)) == ticket)
    #expect(text.hasSuffix("QA"))
    #expect("ABCD".contains(text.dropLast(2).last!))
  }

  @Test func `every flipped bit of payload and signature is a bad signature`() throws {
    let good = try decode(mint(PretixClaims(seed: seed("seed"), item: 9)))
    for bit in 8 * 5..<8 * good.count {
      var bad = good
      bad[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: TicketError.badSignature) { try read(bad) }
    }
  }

  @Test func `another key's signature is a bad signature`() throws {
    let other = Sodium.publicKey(of: Sodium.secretKey(seed: Bytes<32>()))
    let ticket = try decode(mint(PretixClaims(seed: seed("seed"))))
    #expect(throws: TicketError.badSignature) { try read(ticket, by: other) }
  }

  @Test func `an envelope cut anywhere, or with a byte behind it, is malformed`() throws {
    let good = try decode(mint(PretixClaims(seed: seed("seed"))))
    for count in 1..<good.count {
      #expect(throws: TicketError.malformed) { try read(Array(good.prefix(count))) }
    }
    #expect(throws: TicketError.malformed) { try read(good + [0]) }
  }

  @Test func `another version in the same form is malformed, and other bytes are no encoding`()
    throws
  {
    var other = try decode(mint(PretixClaims(seed: seed("seed"))))
    other[0] = 2
    #expect(throws: TicketError.malformed) { try read(other) }
    for strange: [UInt8] in [[], [0], [2, 0, 0], [0x80, 1, 2, 3, 4, 5, 6]] {
      #expect(throws: TicketError.badEncoding) { try read(strange) }
    }
  }

  @Test func `only the canonical Base64 of a ticket is decoded`() throws {
    // Sizes with no, one and two padding characters.
    for name in ["a", "ab", "abc"] {
      let good = try mint(PretixClaims(seed: seed(name)))
      let raw = try decode(good)
      #expect(text(raw) == good)
      #expect(try decode(good + "\r\n") == raw)
      for bad in [good + " ", " " + good, "=" + good, String(good.dropFirst()), good + "A"] {
        #expect(throws: TicketError.badEncoding) { try decode(bad) }
      }
      // Bits that stand behind the last byte.
      guard good.hasPrefix("=") else { continue }
      let padding = good.prefix { $0 == "=" }
      let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
      let last = alphabet.firstIndex(of: good.dropFirst(padding.count).first!)!
      for more in 1..<(padding.count == 1 ? 4 : 16) {
        let respelled = padding + String(alphabet[last | more]) + good.dropFirst(padding.count + 1)
        #expect(throws: TicketError.badEncoding) { try decode(String(respelled)) }
      }
    }
    #expect(throws: TicketError.badEncoding) { try decode("-_-_") }
    #expect(throws: TicketError.badEncoding) { try decode("====") }
    #expect(throws: TicketError.badEncoding) { try decode("AA=A") }
  }

  @Test func `unknown fields of every wire type are skipped`() throws {
    let known = "0a0161" + "100c"
    let unknown =
      "38" + "ffffffffffffffffff01" + "41" + "0102030405060708" + "4a03010203"
      + "53" + "0801" + "5b5c" + "54" + "5d01020304" + "f8ffffff0f00"
    let expected = PretixClaims(seed: seed("a"), item: 12)
    #expect(try claims(known + unknown) == expected)
    #expect(try claims(unknown + known) == expected)
  }

  static let impossible: [(String, String)] = [
    ("", "nothing"),
    ("0a00", "an empty seed"),
    ("100c", "no seed"),
    ("0a01610a0162", "two seeds"),
    ("0a0161100c100c", "two items"),
    ("0a0361", "a cut seed"),
    ("0a01ff", "a seed that is no text"),
    ("080161", "a number for a seed"),
    ("0a0161120161", "a text for an item"),
    ("0a016110ffffffffffffffffff01", "a negative item"),
    ("0a016128ffffffffffffffffff01", "a negative time"),
    ("0a016110ffffffffffffffffff02", "a number of 65 bits"),
    ("0a016110808080808080808080808000", "a number of 12 bytes"),
    ("0a016110", "a cut number"),
    ("0a01610001", "field 0"),
    ("0a01613f", "wire type 7"),
    ("0a01613e00", "wire type 6"),
    ("0a01613c", "a group that ends and never began"),
    ("0a01613b44", "a group that ends as another"),
    ("0a01613b", "a group without an end"),
    ("0a01613aff01", "a cut unknown field"),
    ("0a0161808080801000", "field 2^29"),
    ("0a01613affffffffffffffffff01", "an unknown field of 2^64 bytes"),
  ]

  @Test(arguments: PretixTests.impossible)
  func `a message that cannot be what it says is malformed`(_ hex: String, _ why: String) {
    #expect(throws: TicketError.malformed, "\(why)") { try claims(hex) }
  }

  @Test func `groups are followed eight deep and no deeper`() throws {
    func nested(_ depth: Int) -> String {
      "0a0161" + String(repeating: "3b", count: depth) + String(repeating: "3c", count: depth)
    }
    #expect(try claims(nested(8)).seed == seed("a"))
    #expect(throws: TicketError.malformed) { try claims(nested(9)) }
    #expect(throws: TicketError.malformed) { try claims(nested(400)) }
  }

  @Test func `a seed has at most 64 bytes`() throws {
    #expect(try claims("0a40" + String(repeating: "61", count: 64)).seed.count == 64)
    #expect(throws: TicketError.malformed) {
      try claims("0a41" + String(repeating: "61", count: 65))
    }
  }

  @Test func `both ends of a pretix ticket's time are inclusive`() throws {
    let sold = PretixClaims(seed: seed("a"), validFrom: 100, validUntil: 200)
    let ticket = Ticket(sold, event: 1, eventKey: Issuer.key, with: Sodium.self)
    #expect(ticket.validity(at: 99) == .notYetValid)
    #expect(ticket.validity(at: 100) == .valid)
    #expect(ticket.validity(at: 200) == .valid)
    #expect(ticket.validity(at: 201) == .expired)
    let endless = try claims("0a0161" + "28" + "00" + "30" + "00")
    let always = Ticket(endless, event: 1, eventKey: Issuer.key, with: Sodium.self)
    #expect(always.validity(at: 0) == .valid && always.validity(at: .max) == .valid)
    let last = PretixClaims(seed: seed("a"), validUntil: UInt64(Int64.max))
    #expect(
      Ticket(last, event: 1, eventKey: Issuer.key, with: Sodium.self).validity(at: .max) == .valid)
  }

  @Test func `a seed and a cti of the same bytes are two tickets, and so are two keys' seeds`() {
    let other = Sodium.publicKey(of: Sodium.secretKey(seed: Bytes<32>()))
    let name = seed("12345678")
    let sold = Ticket.identity(eventKey: Issuer.key, seed: name, with: Sodium.self)
    let issued = Ticket.identity(
      issuerKey: Issuer.key, ticketID: BoundedBytes<16>(name.span)!, with: Sodium.self)
    #expect(sold != issued)
    #expect(sold != Ticket.identity(eventKey: other, seed: name, with: Sodium.self))
  }

  @Test func `random bytes and random changes of a good ticket never trap`() throws {
    var generator = Generator(for: "sig1")
    let good = try decode(mint(PretixClaims(seed: seed("seed"), item: 300, validUntil: 1)))
    for _ in 0..<20_000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = .random(
          in: 0...255, using: &generator)
      }
      if let envelope = try? read(bytes) { #expect(envelope.seed.count > 0) }
      let rest = Array(bytes[5...])
      _ = try? PretixClaims(parsing: rest.span)
    }
  }
}
