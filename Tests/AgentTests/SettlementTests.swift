// Settlements: in order, without a hole, and told upward only when durable.

import Records
import Testing
import Wire
import World

@Suite struct SettlementTests {
  @Test func `a ticket that was used at another gate is used_elsewhere here`() throws {
    let desk = try Desk()
    desk.receive(try Notary.settlement([1, 2], height: 3))
    #expect(desk.settledHeight == 3 && desk.counters.ticketsLearned == 2)
    #expect(desk.gate.hasNoticed("settled"))
    #expect(try desk.admit(1...3) == [.usedElsewhere, .usedElsewhere, .valid])
  }

  @Test func `what was learned survives the power, from the checkpoint or from being told again`()
    throws
  {
    let desk = try Desk()
    desk.receive(try Notary.settlement([1], height: 3))
    desk.settle()
    #expect(desk.coveredHeight == 3)
    desk.receive(try Notary.settlement([2], height: 4, after: 3))
    // No flush: the second is lost.
    try desk.restart()
    #expect(desk.settledHeight == 3)
    #expect(try desk.admit(1...1) == [.usedElsewhere])
    desk.receive(try Notary.settlement([2], height: 4, after: 3))
    #expect(try desk.admit(2...2) == [.usedElsewhere])
  }

  @Test func `a settlement that comes early is not applied, and the device asks again`() throws {
    let desk = try Desk()
    desk.connect()
    #expect(try desk.publishAll().map(\.isGreeting) == [true])
    desk.receive(try Notary.settlement([1], height: 9, after: 6))
    #expect(desk.settledHeight == 0 && desk.counters.settlementsDeferred == 1)
    #expect(desk.deadline == desk.now.elapsed + 500)
    desk.wait(499)
    #expect(try desk.publishAll().isEmpty)
    desk.wait(1)
    let asked = try desk.publishAll()
    #expect(asked.map(\.isGreeting) == [true] && asked.first?.header.height == 0)
    // What was missing comes, and then it fits.
    desk.receive(try Notary.settlement([2], height: 6))
    desk.receive(try Notary.settlement([1], height: 9, after: 6))
    #expect(desk.settledHeight == 9)
    #expect(try desk.admit(1...2) == [.usedElsewhere, .usedElsewhere])
  }

  @Test func `leaves of one height are applied in their order, and count when all are there`()
    throws
  {
    let desk = try Desk()
    let leaves = try (0..<3).map {
      try Notary.settlement([$0 + 1], height: 7, index: UInt64($0), of: 3)
    }
    desk.receive(leaves[1])
    #expect(desk.counters.settlementsDeferred == 1)
    desk.receive(leaves[0])
    #expect(desk.settledHeight == 0)
    desk.receive(leaves[2])
    #expect(desk.counters.settlementsDeferred == 2)
    desk.receive(leaves[1])
    desk.receive(leaves[0])
    #expect(desk.counters.settlementsRepeated == 1)
    desk.receive(leaves[2])
    #expect(desk.settledHeight == 7)
    desk.settle()
    #expect(desk.coveredHeight == 7)
    // A higher one does not fit into a height that is not complete.
    desk.receive(try Notary.settlement([4], height: 8, index: 0, of: 2, after: 7))
    desk.receive(try Notary.settlement([5], height: 9, after: 8))
    #expect(desk.settledHeight == 7 && desk.counters.settlementsDeferred == 3)
  }

  @Test func `a settlement that comes again changes nothing`() throws {
    let desk = try Desk()
    for _ in 0..<5 { desk.receive(try Notary.settlement([1], height: 3)) }
    #expect(desk.counters.settlements == 1 && desk.counters.settlementsRepeated == 4)
  }

  @Test func `a settlement that no validator signed is not applied`() throws {
    let desk = try Desk()
    desk.receive(try Notary.settlement([1], height: 3, signedBy: organiser.issuer))
    #expect(desk.settledHeight == 0 && desk.counters.proofsRefused == 1)
    #expect(try desk.admit(1...1) == [.valid])
  }

  @Test func `the height that is told upward is durable`() throws {
    let desk = try Desk()
    desk.connect()
    _ = try desk.publishAll()
    desk.receive(try Notary.settlement([1], height: 3))
    #expect(desk.settledHeight == 3)
    try desk.scan(5)
    // Of the two files the ring alone has been flushed.
    while desk.durable(.admissions) == 0 { desk.gate.perform(desk.now) }
    let before = desk.coveredHeight
    #expect(try desk.publishAll().map(\.header.height) == [before])
    desk.settle()
    #expect(try desk.admit(6...6) == [.valid, .valid])
    #expect(try desk.publishAll().map(\.header.height) == [3])
  }
}
