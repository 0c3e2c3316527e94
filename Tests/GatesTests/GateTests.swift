// The decision about a scan: every reason, the order of reasons, and the boundaries.

import Gates
import Limits
import Records
import Seal
import Testing
import Tickets
import Trust
import Wire

@Suite struct GateTests {
  init() throws { try Sodium.start() }

  @Test func `a good ticket is valid and says what it is`() throws {
    let box = try Box()
    let ticket = claims(7, entries: 2, until: UInt64(Box.noon) + 1)
    let verdict = box.examine(try mint(ticket))
    #expect(verdict.reason == .valid)
    #expect(verdict.identity == ticketIdentity(ticket))
    #expect(verdict.label == BoundedBytes<64>([UInt8](repeating: 7, count: 8).span))
    #expect(verdict.entries == 2)
    #expect(verdict.ticketClass == 3)
    #expect(verdict.expires == UInt64(Box.noon) + 1)
    #expect(verdict.use == 0)
  }

  @Test func `examining records nothing, so the same ticket is valid twice`() throws {
    let box = try Box()
    let ticket = try mint(claims())
    #expect(box.reason(ticket) == .valid)
    #expect(box.reason(ticket) == .valid)
  }

  // MARK: Reasons

  @Test(arguments: [
    "", "\r\n", "a", "RRQ0", "GGX", "hello, world", String(repeating: "0", count: 1600),
  ])
  func `what is not Base45 is bad_encoding`(_ code: String) throws {
    #expect(try Box().reason(Array(code.utf8)) == .badEncoding)
  }

  @Test func `what is no COSE_Sign1, or no ticket's claims, is malformed`() throws {
    let box = try Box()
    #expect(box.reason(text([0xa0])) == .malformed)
    #expect(box.reason(text(bytes(try mint(claims())) + [0])) == .malformed)
    // Signed by the issuer, but no claims: {} and {7: 8 bytes}.
    #expect(box.reason(try seal([0xa0])) == .malformed)
    let verdict = box.examine(try seal([0xa1, 0x07, 0x48, 1, 2, 3, 4, 5, 6, 7, 8]))
    #expect(verdict.reason == .malformed)
    #expect(verdict.identity == nil && verdict.label.isEmpty)
  }

  @Test func `another algorithm is bad_algorithm`() throws {
    // 18([h'A2 01 32 04 44 ...': byte 5 is the algorithm, -19; -7 is ES256.
    var ticket = bytes(try mint(claims()))
    #expect(Array(ticket[0..<6]) == [0xd2, 0x84, 0x49, 0xa2, 0x01, 0x32])
    ticket[5] = 0x26
    #expect(try Box().reason(text(ticket)) == .badAlgorithm)
  }

  @Test func `a key id that nobody has is unknown_key, and so is none`() throws {
    let box = try Box()
    #expect(box.reason(try mint(claims(), keyID: "other")) == .unknownKey)
    var scratch = [UInt8](repeating: 0, count: 1024)
    var ticket = [UInt8](repeating: 0, count: 1024)
    var scratchSpace = scratch.mutableSpan
    var space = ticket.mutableSpan
    let none: [UInt8] = []
    let count = try Sign1.sign(
      [0xa0].span, keyID: none.span, key: secretKey(1), with: Sodium.self, scratch: &scratchSpace,
      into: &space)
    #expect(box.reason(text(Array(ticket.prefix(count)))) == .unknownKey)
  }

  @Test func `every flipped bit of payload and signature is bad_signature`() throws {
    let box = try Box()
    let ticket = bytes(try mint(claims()))
    // The payload stands after tag, array, protected header, empty map and its head; the
    // signature's head of two bytes lies between.
    let payload = 1 + 1 + 1 + 9 + 1 + 1
    let signature = ticket.count - 64
    for i in Array(payload..<signature - 2) + Array(signature..<ticket.count) {
      for bit in 0..<8 {
        var forged = ticket
        forged[i] ^= 1 << bit
        let verdict = box.examine(text(forged))
        #expect(verdict.reason == .badSignature, "byte \(i), bit \(bit)")
        #expect(verdict.identity == nil && verdict.entries == 0)
      }
    }
  }

  @Test func `several issuers may share a key id`() throws {
    let box = try Box(issuers: [issuer(1), issuer(2), issuer(3, status: .revoked)])
    #expect(box.reason(try mint(claims(), by: secretKey(1))) == .valid)
    #expect(box.reason(try mint(claims(), by: secretKey(2))) == .valid)
    #expect(box.reason(try mint(claims(), by: secretKey(3))) == .revokedKey)
    #expect(box.reason(try mint(claims(), by: secretKey(4))) == .badSignature)
  }

  @Test func `a revoked ticket is refused however its code is spelled`() throws {
    let box = try Box(revoked: [ticketIdentity(claims(9)), ticketIdentity(claims(8))])
    let code = try mint(claims(9))
    var spellings = [code, code + [0x0d, 0x0a], code + [0x09]]
    // Untagged, and tagged 61.
    spellings.append(text(Array(bytes(code).dropFirst())))
    spellings.append(text([0xd8, 0x3d] + bytes(code)))
    // An unprotected header that says more.
    var padded = bytes(code)
    let empty = 1 + 1 + 1 + 9
    #expect(padded[empty] == 0xa0)
    padded.replaceSubrange(empty...empty, with: [0xa1, 0x18, 0x63, 0x01])
    spellings.append(text(padded))
    for spelling in spellings {
      let verdict = box.examine(spelling)
      #expect(verdict.reason == .revoked)
      #expect(verdict.identity == ticketIdentity(claims(9)))
    }
    #expect(box.reason(try mint(claims(10))) == .valid)
  }

  @Test func `a blocked ticket is blocked, and revoked comes before blocked`() throws {
    let both = ticketIdentity(claims(1))
    let box = try Box(revoked: [both], blocked: [both, ticketIdentity(claims(2))])
    #expect(box.reason(try mint(claims(1))) == .revoked)
    #expect(box.reason(try mint(claims(2))) == .blocked)
  }

  @Test func `the same cti of another issuer is another ticket`() throws {
    let box = try Box(issuers: [issuer(1), issuer(2)], revoked: [ticketIdentity(claims(1))])
    #expect(box.reason(try mint(claims(1), by: secretKey(2))) == .valid)
  }

  // MARK: Time

  @Test func `exp is exclusive and nbf inclusive, to the millisecond`() throws {
    let box = try Box()
    let code = try mint(claims(from: 1000, until: 2000))
    #expect(box.reason(code, at: 999) == .notYetValid)
    #expect(box.reason(code, at: 1000) == .valid)
    #expect(box.reason(code, at: 1999) == .valid)
    #expect(box.reason(code, at: 2000) == .expired)
    let reason = { (milliseconds: Int64) in
      Gate.examine(
        code.span, trust: box.trust, place: box.place, now: Instant(milliseconds: milliseconds)
      ).reason
    }
    #expect(reason(999_999) == .notYetValid)
    #expect(reason(1_999_999) == .valid)
  }

  @Test func `a clock in doubt refuses only what is certainly outside`() throws {
    let box = try Box()
    let code = try mint(claims(from: 1000, until: 2000))
    #expect(box.reason(code, at: 990, uncertainty: 9_999) == .notYetValid)
    #expect(box.reason(code, at: 990, uncertainty: 10_000) == .valid)
    #expect(box.reason(code, at: 2009, uncertainty: 9_000) == .expired)
    #expect(box.reason(code, at: 2009, uncertainty: 9_001) == .valid)
  }

  @Test(arguments: [Int64.min, Int64.min + 1, -1, 0, Int64.max - 1, Int64.max])
  func `no instant is too far to judge`(_ milliseconds: Int64) throws {
    let box = try Box()
    let code = try mint(claims(from: 1000, until: 2000))
    for uncertainty in [0, UInt32.max] {
      let verdict = Gate.examine(
        code.span, trust: box.trust, place: box.place,
        now: Instant(milliseconds: milliseconds, uncertainty: uncertainty))
      if uncertainty == 0 || milliseconds == Int64.max || milliseconds == Int64.min {
        #expect(verdict.reason == (milliseconds > 0 ? .expired : .notYetValid))
      }
    }
  }

  @Test func `a key outside its own time makes its tickets expired or not yet valid`() throws {
    let box = try Box(issuers: [issuer(1, from: 1000, until: 2000)])
    let code = try mint(claims())
    #expect(box.reason(code, at: 999) == .notYetValid)
    #expect(box.reason(code, at: 1000) == .valid)
    #expect(box.reason(code, at: 1999) == .valid)
    #expect(box.reason(code, at: 2000) == .expired)
  }

  @Test func `an expired trust document admits nobody and still names what it knows`() throws {
    let expires = UInt64(Box.noon)
    let box = try Box(revoked: [ticketIdentity(claims(2))], expires: expires)
    let code = try mint(claims())
    #expect(box.reason(code, at: Box.noon - 1) == .valid)
    let verdict = box.examine(code)
    #expect(verdict.reason == .staleTrust)
    #expect(verdict.identity == ticketIdentity(claims()))
    #expect(box.reason(try mint(claims(2))) == .revoked)
    #expect(box.reason(try mint(claims(), by: secretKey(5))) == .badSignature)
    let aged = try Box(issued: expires - 100, staleSeconds: 100)
    #expect(aged.reason(code, at: Box.noon - 1) == .valid)
    #expect(aged.reason(code) == .staleTrust)
  }

  // MARK: Place

  @Test func `a zone admits if it shares a bit with the ticket`() throws {
    let box = try Box()
    let cases: [(ticket: UInt32, gate: UInt32, reason: Reason)] = [
      (0b0001, 0b0001, .valid), (0b0010, 0b0001, .wrongZone), (0b0110, 0b0101, .valid),
      (0, 0xffff_ffff, .wrongZone), (0xffff_ffff, 0x8000_0000, .valid), (1, 0, .wrongZone),
    ]
    for each in cases {
      box.place.zone = each.gate
      #expect(box.reason(try mint(claims(zones: each.ticket))) == each.reason)
    }
  }

  @Test func `another event is wrong_event, and so is one that the issuer may not sign`() throws {
    let box = try Box(issuers: [issuer(1), issuer(2, keyID: "two", events: [2025, 2027])])
    #expect(box.reason(try mint(claims(event: 2025))) == .wrongEvent)
    #expect(box.reason(try mint(claims(), by: secretKey(2), keyID: "two")) == .wrongEvent)
    box.place.event = 2027
    #expect(box.reason(try mint(claims(event: 2027), by: secretKey(2), keyID: "two")) == .valid)
  }

  // MARK: Order

  @Test func `the first that fails is the reason`() throws {
    // A ticket with every fault; one fault less each time.
    let late = UInt64(Box.noon) - 10
    let early = UInt64(Box.noon) + 10
    let everything = claims(1, event: 1, zones: 2, entries: 0, from: early, until: late)
    let box = try Box(
      issuers: [issuer(1), issuer(2, keyID: "gone", status: .revoked)],
      revoked: [ticketIdentity(everything)],
      blocked: [ticketIdentity(everything), ticketIdentity(claims(2))])
    var forged = bytes(try mint(everything, by: secretKey(2), keyID: "gone"))
    forged[forged.count - 1] ^= 1
    var wrongAlgorithm = forged
    wrongAlgorithm[5] = 0x26
    #expect(box.reason(text(wrongAlgorithm + [0])) == .malformed)
    #expect(box.reason(text(wrongAlgorithm)) == .badAlgorithm)
    #expect(box.reason(text(forged)) == .badSignature)
    #expect(box.reason(try seal([0xa0], by: secretKey(2), keyID: "gone")) == .revokedKey)
    #expect(box.reason(try mint(everything, by: secretKey(2), keyID: "gone")) == .revokedKey)
    #expect(box.reason(try mint(everything)) == .revoked)
    let faults: [(Claims, Reason)] = [
      (claims(2, event: 1, zones: 2, entries: 0, from: early, until: late), .blocked),
      (claims(3, event: 1, zones: 2, entries: 0, from: early, until: late), .expired),
      (claims(3, event: 1, zones: 2, entries: 0, from: early), .notYetValid),
      (claims(3, event: 1, zones: 2, entries: 0), .wrongEvent),
      (claims(3, zones: 2, entries: 0), .wrongZone),
      (claims(3, entries: 0), .noEntries),
      (claims(3), .valid),
    ]
    for (ticket, reason) in faults { #expect(box.reason(try mint(ticket)) == reason) }
    let stale = try Box(blocked: [ticketIdentity(claims(2))], expires: 1)
    #expect(stale.reason(try mint(claims(2, until: late))) == .blocked)
    #expect(stale.reason(try mint(claims(3, until: late))) == .staleTrust)
  }
}
