// What a signed payload must say to be a ticket.

import Seal
import Testing
import Tickets
import Wire

private func parse(_ hex: String) throws(TicketError) -> Claims {
  try Claims(parsing: bytes(hex).span)
}

private let cti = "07480001020304050607"
private let admission = "3a00010000841907ea050103"

/// A map of the two claims that must be there and what else is given, pair by pair.
private func payload(_ pairs: String...) -> String {
  let head = 0xa0 + pairs.count + 2
  return hex([UInt8(head)]) + cti + pairs.joined() + admission
}

@Suite struct ClaimsTests {
  @Test func `the least that a ticket says is its id and whom it admits where`() throws {
    let claims = try parse(payload())
    #expect(array(claims.ticketID.span) == Issuer.ticketID)
    #expect(claims.event == 2026 && claims.zoneMask == 5)
    #expect(claims.ticketClass == 1 && claims.entries == 3)
    #expect(claims.expires == nil && claims.notBefore == nil && claims.issuedAt == nil)
  }

  @Test func `claims are read in any order`() throws {
    let reversed = try parse("a4" + admission + cti + "051a6553f100" + "041a6b49d200")
    #expect(reversed == goldenClaims())
    #expect(try parse("a4" + "041a6b49d200" + "051a6553f100" + cti + admission) == goldenClaims())
  }

  @Test func `what is encoded parses back, with texts`() throws {
    var claims = goldenClaims()
    claims.issuedAt = .max
    let whole = try encode(claims, size: 256)
    var parsed = try Claims(parsing: whole.span)
    let ranges = try [parsed.issuer, parsed.subject, parsed.audience].map { try #require($0) }
    #expect(ranges.map { Array(whole[$0]) } == [issuer, subject, audience])
    (parsed.issuer, parsed.subject, parsed.audience) = (nil, nil, nil)
    #expect(parsed == claims)
    for size in 0..<whole.count {
      #expect(throws: TicketError.noSpace) { try encode(claims, size: size) }
    }
  }

  private let issuer = Array("issuer".utf8)
  private let subject = Array("subject".utf8)
  private let audience = Array("audience".utf8)

  private func encode(_ claims: Claims, size: Int) throws(TicketError) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: size)
    var space = output.mutableSpan
    let count = try claims.encode(
      issuer: issuer.span, subject: subject.span, audience: audience.span, into: &space)
    return Array(output.prefix(count))
  }

  @Test func `a payload without cti or without claim -65537 is malformed`() {
    #expect(throws: TicketError.malformed) { try parse("a1" + admission) }
    #expect(throws: TicketError.malformed) { try parse("a1" + cti) }
    #expect(throws: TicketError.malformed) { try parse("a0") }
    #expect(throws: TicketError.malformed) { try parse("") }
  }

  @Test func `a cti has 8 to 16 bytes`() throws {
    for count in 0..<24 {
      let id = "07" + hex([0x40 + UInt8(count)]) + String(repeating: "ab", count: count)
      if (8...16).contains(count) {
        #expect(try parse("a2" + id + admission).ticketID.count == count)
      } else {
        #expect(throws: TicketError.malformed) { try parse("a2" + id + admission) }
      }
    }
    #expect(throws: TicketError.malformed) { try parse("a2" + "07683031323334353637" + admission) }
  }

  @Test(arguments: [
    // Floats, a tagged date, negative, text, null.
    "04fb41dac9a7b3b7302f", "04fa4ed693a7", "04f97e00", "04c11a6b49d200", "0420", "046130", "04f6",
    "05fb41dac9a7b3b7302f", "05c11a6b49d200", "0520", "06fb41dac9a7b3b7302f", "0620",
    // iss, sub and aud that are not text, or not UTF-8.
    "0101", "024161", "0381616100", "0161ff",
  ])
  func `a claim of another type is malformed`(pair: String) {
    #expect(throws: TicketError.malformed) { try parse(payload(pair)) }
  }

  @Test(arguments: [
    "3a000100008319" + "07ea0501", "3a000100008519" + "07ea05010300", "3a00010000a0",
    "3a00010000841b" + "0000000100000000" + "050103",
    "3a000100008419" + "07ea1b0000000100000000"
      + "0103",
    "3a000100008419" + "07ea0519010003", "3a000100008419" + "07ea05011a00010000",
    "3a000100008420" + "050103", "3a00010000841907ea0501f93c00",
    "3a000100009f1907ea050103ff",
  ])
  func `a claim -65537 that is not four numbers in their ranges is malformed`(pair: String) {
    #expect(throws: TicketError.malformed) { try parse("a2" + cti + pair) }
  }

  @Test func `the greatest numbers of claim -65537 are read`() throws {
    let claims = try parse("a2" + cti + "3a00010000841affffffff1affffffff18ff19ffff")
    #expect(claims.event == .max && claims.zoneMask == .max)
    #expect(claims.ticketClass == .max && claims.entries == .max)
  }

  @Test func `a claim that stands twice is malformed, known or not`() {
    for pairs in [
      [cti], [admission], ["0400", "0400"], ["1864f6", "1864f6"], ["6178f6", "6178f6"],
    ] {
      let head = hex([UInt8(0xa2 + pairs.count)])
      #expect(throws: TicketError.malformed) {
        try parse(head + cti + admission + pairs.joined())
      }
    }
  }

  @Test func `unknown claims are skipped, cnf among them`() throws {
    let unknown = ["08a101a20102200f", "1864f6", "3903e7fb3ff199999999999a", "6178826179c100"]
    #expect(try parse(payload(unknown[0], unknown[1], unknown[2], unknown[3])).event == 2026)
  }

  @Test func `an unknown claim nested too deep is malformed`() throws {
    #expect(try parse(payload("1864" + String(repeating: "81", count: 7) + "00")).event == 2026)
    #expect(throws: TicketError.malformed) {
      try parse(payload("1864" + String(repeating: "81", count: 8) + "00"))
    }
    #expect(throws: TicketError.malformed) {
      try parse(payload("1864" + String(repeating: "81", count: 800) + "00"))
    }
  }

  @Test(arguments: [
    "bf" + cti + admission + "ff", "80", "01", "43a10400", "b802" + cti + admission,
  ])
  func `a payload that is not a definite map in shortest form is malformed`(hex: String) {
    #expect(throws: TicketError.malformed) { try parse(hex) }
  }

  @Test func `bytes after the claims are malformed`() {
    #expect(throws: TicketError.malformed) { try parse(payload() + "00") }
  }

  @Test func `a truncated payload is malformed wherever it ends`() {
    let whole = bytes(payload("0400", "1864820102"))
    for count in 0..<whole.count {
      #expect(throws: TicketError.malformed) { try parse(hex(Array(whole.prefix(count)))) }
    }
  }

  @Test func `exp is exclusive and nbf inclusive`() {
    let ticket = Ticket(goldenClaims(), issuerKey: Issuer.key, with: Sodium.self)
    #expect(ticket.validity(at: 1_699_999_999) == .notYetValid)
    #expect(ticket.validity(at: 1_700_000_000) == .valid)
    #expect(ticket.validity(at: 1_799_999_999) == .valid)
    #expect(ticket.validity(at: 1_800_000_000) == .expired)
  }

  @Test func `a ticket without times is valid at any, and one with the latest never expires`() {
    var ticket = Ticket(goldenClaims(), issuerKey: Issuer.key, with: Sodium.self)
    ticket.notBefore = nil
    ticket.expires = nil
    for seconds in [Int64.min, -1, 0, .max] { #expect(ticket.validity(at: seconds) == .valid) }
    ticket.expires = .max
    #expect(ticket.validity(at: .max) == .valid)
    ticket.expires = 0
    #expect(ticket.validity(at: .min) == .expired)
  }

  @Test func `a ticket that ends before it begins is expired, then never valid`() {
    var ticket = Ticket(goldenClaims(), issuerKey: Issuer.key, with: Sodium.self)
    ticket.expires = 10
    ticket.notBefore = 20
    #expect(ticket.validity(at: 9) == .notYetValid)
    #expect(ticket.validity(at: 15) == .expired)
    #expect(ticket.validity(at: 25) == .expired)
  }
}
