// What an agent remembers of passages: exits, areas, annulled entries, overrides, through restarts;
// and the time that it goes by.

import Agent
import Gates
import Limits
import Records
import Seal
import Testing
import Tickets
import Trust
import Wire
import World

private let bossKey = Sodium.secretKey(
  seed: Bytes<32>([UInt8](repeating: 77, count: 32).span))

private func document(
  version: UInt64 = 1, rules: [Rule] = [], areas: [Area] = [], issued: UInt64? = nil
) throws -> [UInt8] {
  try organiser.trust(
    version: version, devices: [organiser.enrolment(Desk.node, epoch: Desk.epoch)], issued: issued,
    rules: rules, areas: areas,
    supervisors: [
      Issuer(keyID: BoundedBytes("boss"), key: Organiser<Sodium>.publicKey(of: bossKey))
    ])
}

private func override(uses: UInt16 = 1, nonce: UInt8 = 1) throws -> [UInt8] {
  var text = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
  var space = text.mutableSpan
  let claims = OverrideClaims(
    nonce: BoundedBytes<16>([UInt8](repeating: nonce, count: 8).span)!,
    event: Organiser<Sodium>.event,
    uses: uses)
  let count = try Ticket.mint(
    claims, keyID: Array("boss".utf8).span, key: bossKey, with: Sodium.self, into: &space)
  return Array(text.prefix(count))
}

/// Sends all there is, as the validator reads it.
private func sent(_ desk: Desk) throws -> [ScanRecord] {
  desk.connect()
  return try desk.publishAll().flatMap(\.scans)
}

@Suite struct PassageTests {
  @Test func `a ticket's last passage and an area's count outlive a power cut`() throws {
    let rule = Rule(event: Organiser<Sodium>.event, entries: 9, allowsMultiple: false)
    let trust = try document(rules: [rule], areas: [Area(number: 4, capacity: 3)])
    let desk = try Desk(trust: trust, area: 4)
    #expect(try desk.admit(1...2) == [.valid, .valid])
    #expect(desk.inside(4) == 2)
    try desk.restart()
    #expect(desk.inside(4) == 2)
    #expect(try desk.admit(1...1) == [.passback])
    #expect(try desk.admit(3...4) == [.valid, .areaFull])
    try desk.restart()
    #expect(desk.inside(4) == 3)
  }

  @Test func `an exit is recorded, uses nothing, and lets the holder in again`() throws {
    let rule = Rule(event: Organiser<Sodium>.event, entries: 9, allowsMultiple: false)
    let desk = try Desk(trust: document(rules: [rule]), area: 2, isExit: true)
    let verdict = try desk.verdict(organiser.ticket(1))
    #expect(verdict.reason == .valid && verdict.operation == .exit)
    try desk.restart()
    let record = try #require(try sent(desk).first)
    #expect(record.operation == .exit && record.use == 0 && record.recordClass == .admissions)
    let passage = Passage(rawValue: try #require(record.passage))
    #expect(passage.kind == .exit && passage.area == 2)
  }

  @Test func `an annulled entry is recorded, and the ticket is good again, once`() throws {
    let desk = try Desk(area: 1)
    let verdict = try desk.verdict(organiser.ticket(1))
    #expect(verdict.reason == .valid && verdict.use == 1)
    desk.annul(verdict)
    #expect(desk.inside(1) == 0 && desk.counters.annulled == 1)
    try desk.restart()
    #expect(desk.inside(1) == 0)
    #expect(try desk.admit(1...1) == [.valid])
    #expect(try desk.admit(1...1) == [.used])
    try desk.restart()
    #expect(try desk.admit(1...1) == [.used])
    let records = try sent(desk).filter { $0.recordClass == .admissions }
    #expect(records.map(\.operation) == [.consume, .annul, .consume])
    #expect(records.map(\.use) == [1, 1, 1])
  }

  @Test func `a gate without rules and areas writes records without a passage`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...3) == [.valid, .valid, .valid])
    #expect(try sent(desk).allSatisfy { $0.passage == nil && $0.override == nil })
  }

  @Test func `a refusal and an override are not annulled`() throws {
    let desk = try Desk(trust: document())
    desk.annul(try desk.verdict(Array("NONSENSE".utf8)))
    desk.annul(try desk.verdict(override()))
    #expect(desk.counters.annulled == 0)
  }

  @Test func `an override admits the next refused ticket, is recorded, and is used up for good`()
    throws
  {
    let desk = try Desk(trust: document())
    #expect(try desk.admit(1...1) == [.valid])
    #expect(try desk.admit(1...1) == [.used])
    let shown = try desk.verdict(override())
    #expect(shown.reason == .valid && shown.operation == .validate && !shown.opensGate)
    // A ticket that needs none leaves it for one that does.
    #expect(try desk.admit(2...2) == [.valid])
    let verdict = try desk.verdict(organiser.ticket(1))
    #expect(verdict.reason == .valid && verdict.use == 2)
    #expect(verdict.override == Override(identity: try #require(shown.identity), use: 1))
    #expect(try desk.admit(1...1) == [.used])
    try desk.restart()
    #expect(try desk.verdict(override()).reason == .used)
    #expect(try desk.admit(1...1) == [.used])
    let records = try sent(desk).filter { $0.override != nil }
    #expect(records.count == 1 && records[0].override == verdict.override)
  }

  @Test func `an override waits a minute for its ticket and no longer, and no restart`() throws {
    let desk = try Desk(trust: document())
    #expect(try desk.admit(1...1) == [.valid])
    _ = try desk.verdict(override(uses: 9))
    desk.wait(60_000)
    #expect(try desk.admit(1...1) == [.used])
    _ = try desk.verdict(override(uses: 9))
    try desk.restart()
    #expect(try desk.admit(1...1) == [.used])
    _ = try desk.verdict(override(uses: 9))
    desk.wait(59_999)
    #expect(try desk.admit(1...1) == [.valid])
  }

  @Test func `an override of two uses admits two, each shown once more`() throws {
    let desk = try Desk(trust: document())
    #expect(try desk.admit(1...1) == [.valid])
    for _ in 0..<2 {
      #expect(try desk.verdict(override(uses: 2)).reason == .valid)
      #expect(try desk.admit(1...1) == [.valid])
    }
    #expect(try desk.verdict(override(uses: 2)).reason == .used)
  }
}

@Suite struct TimeTests {
  @Test func `a clock that jumps is named in the log, and the record says how sure it is`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    desk.skew = 86_400_000
    desk.wait(1_000)
    #expect(desk.gate.hasNoticed("clock_jumped"))
    #expect(try desk.admit(2...2) == [.valid])
    let records = try sent(desk)
    #expect(records[0].instant.uncertainty < 2_000)
    #expect(records[1].instant.uncertainty >= 86_400_000)
  }

  @Test func `a clock that is set back by a day makes no ticket younger`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    desk.wait(10_000)
    desk.skew = -86_400_000
    desk.wait(1_000)
    #expect(desk.gate.hasNoticed("clock_jumped"))
    #expect(abs(desk.instant.milliseconds - desk.now.instant.milliseconds - 86_400_000) < 2_000)
  }

  @Test func `a clock that was never set starts at the document's time, and runs`() throws {
    let issued = UInt64(Desk.noon / 1000) + 7_200
    let desk = try Desk(trust: document(issued: issued))
    #expect(desk.gate.hasNoticed("clock_behind"))
    let before = desk.instant
    #expect(before.milliseconds == Int64(issued) * 1000 && before.uncertainty == .max)
    desk.wait(3_600_000)
    #expect(desk.instant.milliseconds >= before.milliseconds + 3_599_000)
    #expect(desk.clockSource == .past)
  }

  @Test func `the receipt of what was just sent sets the clock by the network's time`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    desk.connect()
    _ = try desk.publishAll()
    desk.wait(500)
    desk.receive(try Notary.receipt(.admissions, through: 1, desk.head(.admissions)))
    #expect(desk.clockSource == .upstream)
    #expect(desk.instant.uncertainty < 2_000)
  }
}
