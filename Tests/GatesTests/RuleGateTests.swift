// Rules at a gate: entries, days, re-entry, passback, time windows, zones, areas, overrides, exits.

import Gates
import Limits
import Records
import Seal
import Testing
import Tickets
import Trust
import Wire

private let noon = Box.noon

private func rule(
  zones: UInt32 = .max, entries: UInt16? = nil, perDay: UInt8? = nil, dayStart: UInt32 = 0,
  multiple: Bool = true, reentry: Bool = true, passback: UInt32? = nil,
  windows: [(Int64, Int64)] = []
) -> Rule {
  var rule = Rule(
    event: 2026, ticketClass: 3, zones: zones, entries: entries, entriesPerDay: perDay,
    dayStart: dayStart, allowsMultiple: multiple, allowsReentry: reentry,
    passbackMinutes: passback)
  for (from, until) in windows {
    rule.append(Rule.Window(from: UInt64(from), until: UInt64(until)))
  }
  return rule
}

private func supervise(
  _ number: UInt8 = 1, event: UInt32 = 2026, gate: UInt64 = 0, uses: UInt16 = 1,
  from: Int64? = nil, until: Int64? = nil, by key: UInt8 = 50
) throws -> [UInt8] {
  var text = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
  var space = text.mutableSpan
  let claims = OverrideClaims(
    nonce: BoundedBytes<16>([UInt8](repeating: number, count: 8).span)!, event: event, gate: gate,
    uses: uses, notBefore: from.map { UInt64($0) }, expires: until.map { UInt64($0) })
  let count = try Ticket.mint(
    claims, keyID: Array("boss".utf8).span, key: secretKey(key), with: Sodium.self, into: &space)
  return Array(text.prefix(count))
}

private let supervisor = issuer(50, keyID: "boss")

@Suite struct RuleGateTests {
  init() throws { try Sodium.start() }

  // MARK: Entries, days, re-entry, passback

  @Test func `a rule's entries stand in place of the ticket's, for its class alone`() throws {
    let box = try Box(rules: [rule(entries: 2)])
    let one = try mint(claims(1))
    #expect(try (0..<3).map { _ in try box.admit(one).reason } == [.valid, .valid, .used])
    var other = claims(2)
    other.ticketClass = 4
    let two = try mint(other)
    #expect(try (0..<2).map { _ in try box.admit(two).reason } == [.valid, .used])
  }

  @Test func `with re-entry a ticket enters after it has left, and not before`() throws {
    let box = try Box(rules: [rule(entries: 9, multiple: false)])
    let ticket = try mint(claims())
    #expect(try box.admit(ticket).reason == .valid)
    #expect(try box.admit(ticket).reason == .passback)
    #expect(try box.leave(ticket).reason == .valid)
    #expect(try box.admit(ticket).reason == .valid)
    #expect(try box.admit(ticket).reason == .passback)
  }

  @Test func `without re-entry a ticket enters once, even after it has left`() throws {
    let box = try Box(rules: [rule(entries: 9, multiple: false, reentry: false)])
    let ticket = try mint(claims())
    #expect(try box.admit(ticket).reason == .valid)
    #expect(try box.leave(ticket).reason == .valid)
    #expect(try box.admit(ticket).reason == .used)
  }

  @Test func `re-entries count towards the ticket's entries`() throws {
    let box = try Box(rules: [rule(multiple: false)])
    let ticket = try mint(claims(entries: 2))
    for reason in [Reason.valid, .valid, .used] {
      #expect(try box.admit(ticket).reason == reason)
      try box.leave(ticket)
    }
  }

  @Test func `entries of a day are counted from the hour at which a day begins`() throws {
    let four: UInt32 = 4 * 3600
    let box = try Box(rules: [rule(perDay: 2, dayStart: four)])
    let ticket = try mint(claims(entries: 9))
    // 2027-01-15 08:00 UTC is Box.noon; the day ends at 04:00 the next morning.
    let end = (noon / 86_400 + 1) * 86_400 + Int64(four)
    #expect(try box.admit(ticket, at: noon).reason == .valid)
    #expect(try box.admit(ticket, at: noon + 60).reason == .valid)
    #expect(try box.admit(ticket, at: noon + 120).reason == .used)
    #expect(try box.admit(ticket, at: end - 60).reason == .used)
    #expect(try box.admit(ticket, at: end).reason == .valid)
  }

  @Test func `an exit does not make room for another entry of the same day`() throws {
    let box = try Box(rules: [rule(perDay: 1)])
    let ticket = try mint(claims(entries: 9))
    #expect(try box.admit(ticket).reason == .valid)
    try box.leave(ticket, at: noon + 60)
    #expect(try box.admit(ticket, at: noon + 120).reason == .used)
  }

  @Test func `passback is refused in the same area, for its time, until the holder leaves`() throws
  {
    let box = try Box(rules: [rule(passback: 30)])
    let ticket = try mint(claims(entries: 9))
    box.place.area = 1
    #expect(try box.admit(ticket).reason == .valid)
    #expect(try box.admit(ticket, at: noon + 29 * 60).reason == .passback)
    box.place.area = 2
    #expect(try box.admit(ticket, at: noon + 29 * 60).reason == .valid)
    box.place.area = 1
    #expect(try box.admit(ticket, at: noon + 29 * 60).reason == .valid)
    try box.leave(ticket, at: noon + 29 * 60)
    #expect(try box.admit(ticket, at: noon + 29 * 60).reason == .valid)
    #expect(try box.admit(ticket, at: noon + 60 * 60).reason == .valid)
  }

  // MARK: Time and zones

  @Test func `a class is admitted in its windows, from inclusive, until exclusive`() throws {
    let box = try Box(rules: [
      rule(windows: [(noon - 100, noon), (noon + 100, noon + 200)])
    ])
    let ticket = try mint(claims())
    for (second, reason) in [
      (-101, .notYetValid), (-100, .valid), (-1, .valid), (0, .notYetValid), (99, .notYetValid),
      (100, .valid), (199, .valid), (200, .expired),
    ] as [(Int64, Reason)] {
      #expect(box.reason(ticket, at: noon + second) == reason, "\(second)")
    }
    // Doubt is on the holder's side, and told.
    let verdict = box.examine(ticket, at: noon + 95, uncertainty: 10_000)
    #expect(verdict.reason == .valid && verdict.isNearBoundary)
    #expect(!box.examine(ticket, at: noon + 150, uncertainty: 10_000).isNearBoundary)
  }

  @Test func `a ticket near its end is admitted for the clock's uncertainty, and it is told`()
    throws
  {
    let box = try Box()
    let ticket = try mint(claims(until: UInt64(noon)))
    #expect(!box.examine(ticket, at: noon - 60, uncertainty: 30_000).isNearBoundary)
    let verdict = box.examine(ticket, at: noon + 10, uncertainty: 30_000)
    #expect(verdict.reason == .valid && verdict.isNearBoundary)
    #expect(box.examine(ticket, at: noon + 60, uncertainty: 30_000).reason == .expired)
  }

  @Test func `uncertainty does not reach below what is known to be past`() throws {
    let box = try Box()
    let ticket = try mint(claims(until: UInt64(noon)))
    let now = Instant(milliseconds: (noon + 10) * 1000, uncertainty: 86_400_000)
    func reason(past: Int64) -> Reason {
      Gate.examine(ticket.span, trust: box.trust, place: box.place, now: now, past: past).reason
    }
    #expect(reason(past: .min) == .valid)
    #expect(reason(past: noon * 1000 - 1) == .valid)
    #expect(reason(past: noon * 1000) == .expired)
  }

  @Test func `a rule cuts a ticket's zones`() throws {
    let box = try Box(rules: [rule(zones: 0b0100)])
    #expect(try box.reason(mint(claims(zones: 0b0101))) == .wrongZone)
    box.place.zone = 0b0100
    #expect(try box.reason(mint(claims(zones: 0b0101))) == .valid)
  }

  @Test
  func `a pretix product says class, zones and entries, and one that is not named is refused`()
    throws
  {
    let key = PretixKey(event: 2026, key: Sodium.publicKey(of: secretKey(11)))
    let products = [
      Product(event: 2026, item: 5, ticketClass: 3, zones: 1, entries: 2),
      Product(event: 2026, item: 5, variation: 8, zones: 4),
    ]
    let box = try Box(pretixKeys: [key], products: products)
    func sell(_ item: UInt64, _ variation: UInt64 = 0) throws -> [UInt8] {
      var text = [UInt8](repeating: 0, count: 512)
      var space = text.mutableSpan
      let claims = PretixClaims(
        seed: BoundedBytes(Array("\(item)-\(variation)".utf8).span)!, item: item,
        variation: variation)
      let count = try PretixEnvelope.mint(
        claims, key: secretKey(11), with: Sodium.self, into: &space)
      return Array(text.prefix(count))
    }
    let verdict = try box.admit(sell(5))
    #expect(verdict.reason == .valid && verdict.entries == 2 && verdict.ticketClass == 3)
    #expect(try box.admit(sell(5)).reason == .valid)
    #expect(try box.admit(sell(5)).reason == .used)
    #expect(try box.reason(sell(5, 8)) == .wrongZone)
    #expect(try box.reason(sell(6)) == .wrongZone)
  }

  // MARK: Exits, areas, annulled entries

  @Test func `who leaves is not asked for the time, uses or rules`() throws {
    let box = try Box(
      rules: [rule(entries: 1, windows: [(noon - 100, noon + 1)])], expires: UInt64(noon) + 50)
    let ticket = try mint(claims(until: UInt64(noon) + 10))
    #expect(try box.admit(ticket).reason == .valid)
    let verdict = try box.leave(ticket, at: noon + 1_000_000)
    #expect(verdict.reason == .valid && verdict.operation == .exit && verdict.use == 0)
    #expect(try box.leave(ticket, at: noon + 1_000_000).reason == .valid)
    #expect(try box.leave(mint(claims(9, event: 1))).reason == .wrongEvent)
    #expect(try box.leave(mint(claims(9), by: secretKey(2))).reason == .badSignature)
  }

  @Test func `an area that is full lets nobody in until somebody leaves`() throws {
    let box = try Box(areas: [Area(number: 2, capacity: 2)])
    box.place.area = 2
    let tickets = try (1...4).map { try mint(claims($0)) }
    #expect(try box.admit(tickets[0]).reason == .valid)
    #expect(try box.admit(tickets[1]).reason == .valid)
    #expect(try box.admit(tickets[2]).reason == .areaFull)
    try box.leave(tickets[0])
    #expect(box.inside(2) == 1)
    #expect(try box.admit(tickets[2]).reason == .valid)
    box.place.area = 1
    #expect(try box.admit(tickets[3]).reason == .valid)
  }

  @Test func `an entry through which nobody went is no use, and takes no room`() throws {
    let box = try Box(areas: [Area(number: 2, capacity: 1)])
    box.place.area = 2
    let ticket = try mint(claims())
    let first = try box.admit(ticket)
    #expect(first.use == 1)
    try box.annul(first)
    let second = try box.admit(ticket)
    #expect(second.reason == .valid && second.use == 1)
    #expect(try box.admit(ticket).reason == .used)
    #expect(box.inside(2) == 1)
  }

  // MARK: Overrides

  @Test func `an override is judged like a ticket, and admits nobody by itself`() throws {
    let box = try Box(supervisors: [supervisor])
    box.place.node = 1001
    let verdict = try box.admit(supervise(uses: 3))
    #expect(verdict.reason == .valid && verdict.operation == .validate && !verdict.opensGate)
    #expect(verdict.entries == 3)
    #expect(try box.reason(supervise(gate: 1001)) == .valid)
    #expect(try box.reason(supervise(gate: 1002)) == .wrongZone)
    #expect(try box.reason(supervise(event: 1)) == .wrongEvent)
    #expect(try box.reason(supervise(until: noon)) == .expired)
    #expect(try box.reason(supervise(from: noon + 1)) == .notYetValid)
    #expect(try box.reason(supervise(uses: 0)) == .noEntries)
    #expect(try box.reason(supervise(by: 51)) == .badSignature)
    #expect(try Box().reason(supervise()) == .unknownKey)
  }

  @Test func `a revoked supervisor, or a revoked override, allows nothing`() throws {
    let gone = issuer(50, keyID: "boss", status: .revoked)
    #expect(try Box(supervisors: [gone]).reason(supervise()) == .revokedKey)
    let identity = Ticket.identity(
      supervisorKey: Sodium.publicKey(of: secretKey(50)),
      nonce: BoundedBytes<16>([UInt8](repeating: 1, count: 8).span)!, with: Sodium.self)
    #expect(
      try Box(revoked: [identity], supervisors: [supervisor]).reason(supervise()) == .revoked)
  }

  @Test func `a supervisor's key signs no ticket, and an issuer's key no override`() throws {
    let box = try Box(issuers: [issuer(1, keyID: "boss")], supervisors: [supervisor])
    #expect(try box.reason(mint(claims(), by: secretKey(50), keyID: "boss")) == .malformed)
    #expect(try box.reason(supervise(by: 1)) == .malformed)
  }

  @Test func `what a supervisor may allow is admitted with the override that allowed it`() throws {
    let box = try Box(
      revoked: [ticketIdentity(claims(7))], rules: [rule()], areas: [Area(number: 1, capacity: 0)],
      supervisors: [supervisor])
    let by = Override(identity: TicketIdentity([UInt8](repeating: 9, count: 16).span), use: 1)
    func reasons(_ claims: Claims) throws -> [Reason] {
      let ticket = try mint(claims)
      return [box.reason(ticket), try box.admit(ticket, override: by).reason]
    }
    #expect(try reasons(claims(1, until: UInt64(noon))) == [.expired, .valid])
    #expect(try reasons(claims(2, from: UInt64(noon) + 1)) == [.notYetValid, .valid])
    #expect(try reasons(claims(3, zones: 2)) == [.wrongZone, .valid])
    #expect(try reasons(claims(4, entries: 0)) == [.noEntries, .valid])
    #expect(try reasons(claims(7)) == [.revoked, .revoked])
    let used = try mint(claims(5))
    #expect(try box.admit(used).override == nil)
    let verdict = try box.admit(used, override: by)
    #expect(verdict.reason == .valid && verdict.override == by && verdict.use == 2)
    box.place.area = 1
    #expect(try box.admit(mint(claims(6))).reason == .areaFull)
    #expect(try box.admit(mint(claims(6)), override: by).override == by)
    #expect(
      try box.admit(mint(claims(8), by: secretKey(2)), override: by).reason == .badSignature)
  }

  @Test func `an override is used up after its uses, and that outlives a restart`() throws {
    let box = try Box(supervisors: [supervisor])
    let text = try supervise(uses: 1)
    let identity = try #require(try box.admit(text).identity)
    let ticket = try mint(claims(entries: 0))
    #expect(
      try box.admit(ticket, override: Override(identity: identity, use: 1)).reason == .valid)
    #expect(try box.admit(text).reason == .used)
  }
}

@Suite struct PassageTests {
  @Test func `a passage keeps kind, area, entries of the day and minute`() {
    let passage = Passage(.exit, area: 15, entriesOfDay: 14, at: noon + 59)
    #expect(passage.kind == .exit && passage.area == 15 && passage.entriesOfDay == 14)
    #expect(passage.minutes(until: noon + 3_600) == 60)
    #expect(passage.minutes(until: noon - 120) == -2)
    #expect(Passage(.entry, area: 0, entriesOfDay: 99, at: 0).entriesOfDay == 15)
    #expect(Passage().kind == .none && Passage().rawValue == 0)
  }

  @Test func `minutes go round every eight years and differences do not notice`() {
    let turn: Int64 = (1 << 22) * 60
    for start in [noon, turn - 60, 5 * turn - 120] {
      let passage = Passage(.entry, area: 0, entriesOfDay: 1, at: start)
      #expect(passage.minutes(until: start + 600) == 10)
      #expect(passage.time(near: start + 600) == start / 60 * 60)
    }
  }
}
