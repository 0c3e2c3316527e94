// From a scanned text to a verified ticket, and back when minting.

import Limits
import Seal
import Testing
import Tickets
import Wire

/// One ticket, minted by independent implementations of Ed25519, COSE and Base45.
enum Golden {
  /// PyNaCl and cbor2: Ed25519 (-19), kid protected, claims in deterministic order.
  static let tagged =
    "RRQ+D9 60CO0$+AWKB8CKYM4FN0FPDUOQ1T0J C1LUJ-0100KB0*M0DY0/E7V50.20H73EQTY5027BA30 II8YR0M1WG"
    + "AGVOV5IPSR6ZF5BGWOKASB7E5 YP7KVW9Q66N%592303FIR0B%BM.%NKLRKBCIV87CA/MA18E.FE6AJO2G"
  static let untagged =
    "PWGSLKOE6YS8-09R8LI6B3XKDF3/E95007F3ORA700R49X507H0QS05-0100000MVG101LS01J04485II5GM+$I-8PAG"
    + "1*PBGMCLCJ+%QOYGLXHLMVIG16ESBSON4CUI0Q37RHHK21Q*3ZM3-BPY7B7BU1/P*X7RL4H:46TH-K220"
  static let tagged61 =
    "7FRRRQ+D9 60CO0$+AWKB8CKYM4FN0FPDUOQ1T0J C1LUJ-0100KB0*M0DY0/E7V50.20H73EQTY5027BA30 II8YR0M"
    + "1WGAGVOV5IPSR6ZF5BGWOKASB7E5 YP7KVW9Q66N%592303FIR0B%BM.%NKLRKBCIV87CA/MA18E.FE6AJO2G"
  /// python-cwt: EdDSA (-8), kid in the open, claims in the order of insertion, `iss` and `iat`.
  static let pythonCWT =
    "RRQXO8P600GKYS8-0907LC771T0J C1LUFN0FPDUOQJ-0100KB0*M0DY0/E7V50.20H73EQTY50580UPCEEC0G7W:5ZQ"
    + "E%$EUIE7F3ORAT70G68/89DQ5R6D:RB XVQ7PM-GLN3S8F+K67TG5-1BJF KMRN5Z6R*+8ISVI%0$:AO9G-*K*Q2D JB"
    + "%S.R4LZ56XD5EWLF5M1S50"
  /// pycose: EdDSA (-8), kid protected, claims in the order of insertion, `iat`.
  static let pycose =
    "RRQ+D9P60CO0$+AWKB8CK-B51T0J C1LUFN0FPDUOQJ-0100KB0*M0DY0/E7V50.20H73EQTY50WY0WND3RN27B*LUG/"
    + "6S35EPQ7M479FH1M%BEXF7MI73.KFTVR1ITLJWTCKUALAO%/UTUD+ORJ NBKAS/OCB407NHHB:2T1RGRC4P*8QM17CC"
  static let identity = "3b0b4f50eedd4a622f239d80782bdeba"
}

@Suite struct TicketTests {
  @Test(arguments: [
    Golden.tagged, Golden.untagged, Golden.tagged61, Golden.pythonCWT, Golden.pycose,
  ])
  func `a ticket of another implementation says what its issuer meant`(text: String) throws {
    var claims = try admit(text: text)
    // What the libraries add by themselves.
    claims.issuedAt = nil
    claims.issuer = nil
    #expect(claims == goldenClaims())
  }

  @Test func `iss and iat of a python-cwt ticket are read`() throws {
    let ticket = try decode(Array(Golden.pythonCWT.utf8))
    let claims = try admit(ticket)
    #expect(claims.issuedAt == 1_700_000_001)
    let payload = try Sign1(parsing: ticket.span).payload
    let issuer = try #require(claims.issuer)
    #expect(
      Array(ticket[payload][(payload.lowerBound + issuer.lowerBound)...].prefix(issuer.count))
        == Array("coap://issuer".utf8))
  }

  @Test func `a minted ticket is the golden one to the last character`() throws {
    #expect(try mint(goldenClaims()) == Golden.tagged)
  }

  @Test func `the identity is the golden one whatever the spelling`() throws {
    for text in [Golden.tagged, Golden.untagged, Golden.tagged61, Golden.pycose] {
      let claims = try admit(text: text)
      let identity = Ticket.identity(
        issuerKey: Issuer.key, ticketID: claims.ticketID, with: Sodium.self)
      #expect(hex(array(identity.span)) == Golden.identity)
    }
    let other = Ticket.identity(
      issuerKey: PublicKey(), ticketID: goldenClaims().ticketID, with: Sodium.self)
    #expect(hex(array(other.span)) != Golden.identity)
  }

  @Test func `the key id is the one in the ticket, wherever it stands`() throws {
    func keyID(_ text: String) throws -> [UInt8] {
      let ticket = try decode(Array(text.utf8))
      return try array(TicketEnvelope(parsing: ticket.span).keyID)
    }
    #expect(try keyID(Golden.tagged) == Issuer.keyID)
    #expect(try keyID(Golden.pythonCWT) == Issuer.keyID)
  }

  @Test func `any single bit of a ticket's bytes flipped and it is refused`() throws {
    for text in [Golden.tagged, Golden.pycose] {
      let ticket = try decode(Array(text.utf8))
      for bit in 0..<ticket.count * 8 {
        var changed = ticket
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: TicketError.self, "bit \(bit)") { try admit(changed) }
      }
    }
  }

  @Test func `any single bit of a ticket's text flipped and it is refused`() throws {
    let text = Array(Golden.tagged.utf8)
    for bit in 0..<text.count * 8 {
      var changed = text
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: TicketError.self, "bit \(bit)") { try admit(decode(changed)) }
    }
  }

  @Test func `any single bit that another library signed flipped and it is refused`() throws {
    let ticket = try decode(Array(Golden.pythonCWT.utf8))
    let sign1 = try Sign1(parsing: ticket.span)
    for range in [sign1.protectedHeader, sign1.payload, sign1.signature] {
      for bit in range.lowerBound * 8..<range.upperBound * 8 {
        var changed = ticket
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: TicketError.self, "bit \(bit)") { try admit(changed) }
      }
    }
  }

  @Test func `another key's signature is a bad signature`() throws {
    #expect(throws: TicketError.badSignature) { try admit(text: Golden.tagged, by: PublicKey()) }
  }

  @Test func `a trust document's or batch's signature does not pass for a ticket's`() throws {
    let payload = bytes("a207480001020304050607" + "3a00010000" + "8419" + "07ea050103")
    #expect(try admit(signed(payload)).event == 2026)
    for context in ["tollkeeper/trust/1", "tollkeeper/batch/1"] as [StaticString] {
      #expect(throws: TicketError.badSignature) { try admit(signed(payload, external: context)) }
    }
  }

  @Test func `carriage returns, line feeds and tabs at the end are dropped`() throws {
    for end in ["\r\n", "\n", "\t", "\r", "\t\r\n\n"] {
      #expect(try admit(text: Golden.tagged + end) == admit(text: Golden.tagged))
    }
  }

  @Test func `spaces are digits: none is dropped, added or collapsed`() throws {
    for text in [
      " " + Golden.tagged, Golden.tagged + " ", "\t" + Golden.tagged,
      Golden.tagged.replacing(" ", with: "  "), Golden.tagged.replacing(" ", with: ""),
    ] {
      #expect(throws: TicketError.self) { try admit(text: text) }
    }
    // 36 + 45 * 0 is a byte; no text can end in a space, 45 * 36 is too much.
    #expect(try decode(Array("RRQ 0".utf8)) == [0xd2, 0x84, 36])
    #expect(throws: TicketError.badEncoding) { try decode(Array("RRQ0 ".utf8)) }
  }

  @Test(arguments: [
    "", "\r\n", "rrq", "RRQ\0", "GGX", "R", "\u{e9}RQ", "RRQ+D9_60", "https://example.org/?t=1",
    String(repeating: "0", count: 1539), String(repeating: "A", count: 100_000),
  ])
  func `a text that is no Base45, empty or too long is a bad encoding`(text: String) {
    #expect(throws: TicketError.badEncoding) { try admit(text: text) }
  }

  @Test func `bytes that are not UTF-8 are a bad encoding`() {
    #expect(throws: TicketError.badEncoding) { try decode([0xff, 0xfe, 0x41]) }
  }

  @Test func `a text of the greatest length is decoded, with its line end on top`() throws {
    let text = [UInt8](repeating: 0x30, count: Limits.codeTextBytesMax)
    #expect(try decode(text + [0x0d, 0x0a]).count == Limits.ticketBytesMax)
  }

  @Test(arguments: ["00", "RRQ", "000000", "HELLO1"])
  func `Base45 of something else is malformed`(text: String) {
    #expect(throws: TicketError.malformed) { try admit(text: text) }
  }

  @Test func `trailing bytes are malformed`() throws {
    let ticket = try decode(Array(Golden.tagged.utf8))
    #expect(throws: TicketError.malformed) { try admit(ticket + [0]) }
    #expect(throws: TicketError.malformed) { try admit(ticket + ticket) }
  }

  @Test func `another algorithm is a bad algorithm before anything is said about keys`() throws {
    var ticket = try decode(Array(Golden.tagged.utf8))
    // {1: -19, ...}: the third byte of the protected header.
    let algorithm = try Sign1(parsing: ticket.span).protectedHeader.lowerBound + 2
    ticket[algorithm] = 0x26
    #expect(throws: TicketError.badAlgorithm) { try admit(ticket) }
    let noKeyID = bytes("d28443a10126a0404100")
    #expect(throws: TicketError.badAlgorithm) { try admit(noKeyID) }
  }

  @Test func `a ticket without kid names no key`() {
    let zeros = [UInt8](repeating: 0, count: 64)
    #expect(throws: TicketError.noKeyID) { try admit(bytes("d28443a10132a041005840") + zeros) }
  }

  @Test func `claims too long for a ticket are not minted`() throws {
    let long = [UInt8](repeating: 0x61, count: 1024)
    #expect(throws: TicketError.noSpace) { try mint(goldenClaims(), issuer: long) }
    #expect(throws: TicketError.noSpace) { try mint(goldenClaims(), size: 173) }
    let text = try mint(goldenClaims(), issuer: Array(long.prefix(800)))
    #expect(try admit(text: text).issuer?.count == 800)
  }

  @Test func `no bytes and no text make the way to the claims trap`() throws {
    var generator = Generator(for: "tickets never trap")
    let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".utf8)
    let ticket = try decode(Array(Golden.tagged.utf8))
    for _ in 0..<5000 {
      let count = Int.random(in: 0...60, using: &generator)
      let text = (0..<count).map { _ in alphabet.randomElement(using: &generator)! }
      #expect(throws: TicketError.self) { try admit(decode(text)) }
      var changed = ticket
      for _ in 0..<Int.random(in: 1...5, using: &generator) {
        changed[Int.random(in: 0..<changed.count, using: &generator)] =
          UInt8.random(in: .min ... .max, using: &generator)
      }
      if changed != ticket {
        #expect(throws: TicketError.self) { try admit(changed) }
      }
    }
  }
}
