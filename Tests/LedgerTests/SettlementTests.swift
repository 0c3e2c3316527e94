// The rule: the first consumes in ledger order are final, whatever the clocks on the wall say.

import Ledger
import Receipts
import Records
import Testing
import Wire

@Suite struct SettlementTests {
  @Test func `the first consume in ledger order wins whatever its wall clock`() throws {
    var site = Site()
    var late = Gate(1)
    var early = Gate(2)
    late.scan(ticket(1), time: 9_000)
    early.scan(ticket(1), time: 1_000)
    _ = try site.settle(late.batch())
    let intake = try site.settle(early.batch())
    #expect(intake.duplicates == 1)
    let row = try #require(site.duplicates.first)
    #expect(row.final.device.node == 1 && row.final.time == 9_000 && row.final.height == 2)
    #expect(row.duplicate.device.node == 2 && row.duplicate.time == 1_000)
    #expect(row.ticket.identity == ticket(1))
    #expect(site.ledger.deviceRows[1].totals.concurrent == 1)
  }

  @Test func `a consume by a gate that did not know the first is concurrent`() throws {
    var site = Site()
    var first = Gate(1)
    var second = Gate(2)
    first.scan(ticket(1))
    _ = try site.settle(first.batch())
    second.height = 1
    second.scan(ticket(1))
    _ = try site.settle(second.batch())
    #expect(site.duplicates.map { $0.isCausal } == [false])
  }

  @Test func `a consume by a gate that had applied the first's height is causal`() throws {
    var site = Site()
    var first = Gate(1)
    var second = Gate(2)
    first.scan(ticket(1))
    _ = try site.settle(first.batch())
    second.height = 2
    second.scan(ticket(1))
    _ = try site.settle(second.batch())
    #expect(site.duplicates.map { $0.isCausal } == [true])
    #expect(site.ledger.deviceRows[1].totals.causal == 1)
  }

  @Test func `a consume by a gate whose clock names the first's event is causal`() throws {
    var site = Site()
    var first = Gate(1)
    var second = Gate(2)
    first.scan(ticket(1))
    _ = try site.settle(first.batch())
    let other = KnownEvent(node: 1, recordClass: .refusals, sequence: 5)
    let event = KnownEvent(node: 1, recordClass: .admissions, sequence: 1)
    second.scan(ticket(1), knowing: [other])
    second.scan(ticket(1), knowing: [other, event])
    _ = try site.settle(second.batch())
    #expect(site.duplicates.map { $0.isCausal } == [false, true])
  }

  @Test func `a second consume by the same gate is causal`() throws {
    var site = Site()
    var gate = Gate(1)
    gate.scan(ticket(1))
    gate.scan(ticket(1))
    _ = try site.settle(gate.batch())
    #expect(site.duplicates.map { $0.isCausal } == [true])
  }

  @Test func `a ticket of three entries has three final consumes`() throws {
    var site = Site()
    var one = Gate(1)
    var two = Gate(2)
    one.scan(ticket(1), entries: 3)
    one.scan(ticket(1), operation: .enter, entries: 3)
    two.scan(ticket(1), entries: 3)
    two.scan(ticket(1), entries: 3)
    _ = try site.settle(one.batch())
    _ = try site.settle(two.batch())
    #expect(site.duplicates.count == 1)
    // Gate 2 knew its own use, but not those of gate 1: the last of them is what it collides with.
    let row = try #require(site.duplicates.first)
    #expect(!row.isCausal && row.final.device.node == 1 && row.final.sequence == 2)
  }

  @Test func `refusals exits and validations consume nothing and are counted`() throws {
    var site = Site()
    var gate = Gate(1)
    gate.scan(ticket(1), operation: .validate)
    gate.scan(ticket(1), operation: .exit)
    gate.scan(ticket(1), .used)
    gate.scan(nil, .badSignature)
    gate.scan(ticket(1))
    _ = try site.settle(gate.batch())
    #expect(site.duplicates.isEmpty)
    #expect(site.ledger.ticketCount == 1)
    let totals = site.ledger.deviceRows[0].totals
    #expect(totals.scans == 5 && totals.admitted == 3 && totals.refused == 2)
    #expect(totals.reasons[Int(Reason.used.rawValue)] == 1)
    #expect(totals.reasons[Int(Reason.badSignature.rawValue)] == 1)
  }

  @Test func `an annulled entry is no use: the next consume is final`() throws {
    var site = Site()
    var gate = Gate(1)
    gate.scan(ticket(1))
    gate.scan(ticket(1), operation: .annul)
    gate.scan(ticket(1))
    _ = try site.settle(gate.batch())
    #expect(site.duplicates.isEmpty)
    gate.scan(ticket(1))
    _ = try site.settle(gate.batch())
    #expect(site.duplicates.count == 1)
    // What it collides with is the consume that stands, not the annulled one.
    #expect(site.duplicates.first?.final.sequence == 3)
  }

  @Test func `one of several entries is annulled, and another gate's is not`() throws {
    var site = Site()
    var one = Gate(1)
    var two = Gate(2)
    one.scan(ticket(1), entries: 2)
    two.scan(ticket(1), entries: 2)
    _ = try site.settle(one.batch())
    _ = try site.settle(two.batch())
    one.scan(ticket(1), operation: .annul, entries: 2)
    one.scan(ticket(1), operation: .annul, entries: 2)
    one.scan(ticket(2), operation: .annul)
    one.scan(ticket(1), entries: 2)
    _ = try site.settle(one.batch())
    #expect(site.duplicates.isEmpty)
    one.scan(ticket(1), entries: 2)
    _ = try site.settle(one.batch())
    #expect(site.duplicates.count == 1)
  }

  @Test func `what a supervisor has allowed is no duplicate`() throws {
    var site = Site()
    var gate = Gate(1)
    let by = Override(identity: ticket(9), use: 1)
    gate.scan(ticket(1))
    gate.scan(ticket(1), override: by)
    _ = try site.settle(gate.batch())
    #expect(site.duplicates.isEmpty)
    gate.scan(ticket(1))
    _ = try site.settle(gate.batch())
    #expect(site.duplicates.map { $0.isCausal } == [true])
  }

  @Test func `settlement leaves say how often each gate has consumed each ticket`() throws {
    var site = Site()
    var one = Gate(2)
    var two = Gate(1)
    one.scan(ticket(1))
    one.scan(ticket(2))
    _ = try site.settle(one.batch())
    two.scan(ticket(2))
    _ = try site.settle(two.batch())
    let block = site.blocks[2]
    #expect(block.settlements.count == 1)
    let bytes = try Site.verified(block, block.settlements.lowerBound)
    let leaf = try SettlementLeaf(parsing: bytes.span)
    #expect(leaf.part == SettlementPart(height: 3, index: 0, count: 1, before: 2))
    #expect(leaf.count == 1)
    var entries = leaf.entries
    let first = entries.next()
    let settled = try #require(first)
    #expect(settled.identity == ticket(2))
    #expect(settled.uses(at: 1) == 1 && settled.uses(at: 2) == 1 && settled.count == 2)
    #expect(block.soleNode == nil)
    #expect(site.blocks[1].soleNode == 2)
  }

  @Test func `many settlements are cut into leaves that all verify`() throws {
    var site = Site()
    var gate = Gate(1)
    for i in 1...1200 {
      gate.scan(ticket(i))
      if i % 200 == 0 { _ = try site.take(gate.batch(UInt64(i - 199)...UInt64(i))) }
    }
    site.settle()
    let block = site.blocks[1]
    #expect(block.settlements.count == 3)
    var seen: Set<Int> = []
    for i in block.settlements {
      let bytes = try Site.verified(block, i)
      let leaf = try SettlementLeaf(parsing: bytes.span)
      #expect(leaf.part.count == 3 && leaf.part.index == UInt64(i - block.receipts))
      #expect(leaf.part.before == 0)
      var entries = leaf.entries
      while let settled = entries.next() {
        seen.insert(Int(settled.identity.storage[0]) << 8 | Int(settled.identity.storage[15]))
      }
    }
    #expect(seen == Set(1...1200))
  }

  @Test func `only blocks that consume tickets are heights with settlements`() throws {
    var site = Site()
    var gate = Gate(1)
    for i in 1...4 {
      if i % 2 == 0 { gate.scan(ticket(i)) } else { gate.scan(nil, .malformed) }
      let sequence = UInt64((i + 1) / 2)
      let range = sequence...sequence
      gate.lines.removeAll { $0.sequence < sequence }
      _ = try site.settle(gate.batch(range))
    }
    #expect(site.ledger.settlementHeights == [3, 5])
    #expect(site.ledger.settledHeight == 5)
  }

  @Test func `seventeen gates at one ticket keep the ledger within its formats`() throws {
    let gates = (1...17).map { Gate(UInt64($0)) }
    var site = Site(gates)
    for var gate in gates.reversed() {
      gate.scan(ticket(1))
      _ = try site.settle(gate.batch())
    }
    let block = site.blocks[17]
    let bytes = try Site.verified(block, block.settlements.lowerBound)
    let leaf = try SettlementLeaf(parsing: bytes.span)
    var entries = leaf.entries
    let first = entries.next()
    let settled = try #require(first)
    #expect(settled.count == 16 && settled.uses(at: 1) == 0 && settled.uses(at: 2) == 1)
    #expect(site.duplicates.count == 16)
  }
}
