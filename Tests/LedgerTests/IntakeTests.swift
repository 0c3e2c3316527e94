// What becomes of a batch: taken, known, refused, contradicted.

import Ledger
import Receipts
import Records
import Seal
import Testing
import Wire

@Suite struct IntakeTests {
  @Test func `a batch's records are settled and receipted with the hashes that the device holds`()
    throws
  {
    var site = Site()
    var gate = Gate(1)
    gate.scan(ticket(1))
    gate.scan(ticket(2))
    gate.scan(nil, .badSignature)
    let intake = try site.settle(gate.batch())
    #expect(intake.fresh == 3)
    #expect(intake.known == 0)
    let block = site.blocks[1]
    let index = try #require(block.receipt(of: 1))
    let bytes = try Site.verified(block, index)
    let leaf = try ReceiptLeaf(parsing: bytes.span)
    #expect(leaf.node == 1 && leaf.epoch == gate.epoch && leaf.count == 2)
    #expect(leaf[0].recordClass == .admissions && leaf[0].through == 2)
    #expect(leaf[0].hash == gate.chains[RecordClass.admissions.index].previous)
    #expect(leaf[1].recordClass == .refusals && leaf[1].through == 1)
    #expect(leaf[1].hash == gate.chains[RecordClass.refusals.index].previous)
  }

  @Test func `a batch without records changes nothing and is heard`() throws {
    var site = Site()
    let intake = try site.take(Gate(1).batch())
    #expect(intake.fresh == 0 && intake.header.node == 1)
    #expect(site.ledger.hasPending == false)
  }

  @Test func `a batch that comes again is known and makes no block`() throws {
    var site = Site()
    var gate = Gate(1)
    for i in 1...5 { gate.scan(ticket(i)) }
    _ = try site.settle(gate.batch())
    for _ in 1...4 {
      let intake = try site.settle(gate.batch())
      #expect(intake.fresh == 0 && intake.known == 5 && intake.evidence == nil)
    }
    #expect(site.ledger.durableHeight == 2)
    #expect(site.ledger.receiptHeight(of: 1) == 2)
  }

  @Test func `a batch that comes again before its block is durable is known`() throws {
    var site = Site()
    var gate = Gate(1)
    for i in 1...5 { gate.scan(ticket(i)) }
    _ = try site.take(gate.batch())
    #expect(try site.take(gate.batch()).known == 5)
    #expect(site.ledger.receiptHeight(of: 1) == nil)
    site.ledger.propose(time: 1)
    #expect(try site.take(gate.batch()).known == 5)
    #expect(try site.take(gate.batch(1...3)).known == 3)
  }

  @Test func `of a batch that overlaps only what is new is applied`() throws {
    var site = Site()
    var gate = Gate(1)
    for i in 1...5 { gate.scan(ticket(i)) }
    _ = try site.settle(gate.batch(1...3))
    let intake = try site.settle(gate.batch(2...5))
    #expect(intake.fresh == 2 && intake.known == 2)
    #expect(site.ledger.deviceRows[0].totals.scans == 5)
    #expect(site.duplicates.isEmpty)
  }

  @Test func `a run with a hole before it is not applied and the rest of the batch is`() throws {
    var site = Site()
    var gate = Gate(1)
    for i in 1...5 { gate.scan(ticket(i)) }
    gate.scan(nil, .malformed)
    gate.lines.removeAll { $0.recordClass == .admissions && $0.sequence < 3 }
    let intake = try site.settle(gate.batch())
    #expect(intake.holes == 1 && intake.fresh == 1)
    #expect(site.ledger.deviceRows[0].through == [0, 1, 0, 0])
  }

  @Test func `a device that is not enrolled is refused`() {
    var site = Site([Gate(1)])
    #expect(throws: Refusal.notEnrolled) { try site.take(Gate(7).batch()) }
  }

  @Test func `a revoked device is refused`() throws {
    var site = Site([Gate(1)])
    _ = try site.ledger.adopt(Site.trust(2, [Gate(1)], revoked: [1]).span)
    #expect(throws: Refusal.notEnrolled) { try site.take(Gate(1).batch()) }
  }

  @Test func `another epoch than the enrolled one is refused`() {
    var site = Site()
    #expect(throws: Refusal.wrongEpoch) { try site.take(Gate(1, epoch: 5).batch()) }
  }

  @Test func `a signature by another key is refused`() {
    var site = Site()
    var gate = Gate(1)
    gate.scan(ticket(1))
    #expect(throws: Refusal.badSignature) {
      try site.take(gate.batch(signedBy: secret(2)))
    }
    #expect(site.ledger.hasPending == false)
  }

  @Test func `a run whose records do not name their predecessors is refused`() {
    var site = Site()
    var gate = Gate(1)
    var other = Gate(1)
    for i in 1...3 { gate.scan(ticket(i)) }
    for i in 11...13 { other.scan(ticket(i)) }
    gate.lines[2] = other.lines[2]
    #expect(throws: Refusal.brokenChain) { try site.take(gate.batch()) }
  }

  @Test func `a first record that names a predecessor is refused`() {
    var site = Site()
    var gate = Gate(1)
    gate.chains[RecordClass.admissions.index] = RecordChain(last: 0, id: Sodium.hash(gate.key.span))
    gate.scan(ticket(1))
    #expect(throws: Refusal.brokenChain) { try site.take(gate.batch()) }
  }

  @Test func `any flipped bit and any cut of a batch is refused and changes nothing`() throws {
    var site = Site()
    var gate = Gate(1)
    gate.scan(ticket(1))
    let good = gate.batch()
    for i in good.indices {
      var bad = good
      bad[i] ^= 1 << UInt8(i % 8)
      #expect(throws: Refusal.self) { try site.take(bad) }
      #expect(throws: Refusal.self) { try site.take(Array(good[0..<i])) }
    }
    #expect(site.ledger.hasPending == false)
  }

  @Test func `a gap record lets the chain go on after what was evicted`() throws {
    var site = Site()
    var gate = Gate(1)
    for _ in 1...6 { gate.scan(nil, .malformed) }
    _ = try site.settle(gate.batch(1...2))
    gate.evict(.refusals, 3, 4)
    gate.lines.removeAll { $0.recordClass == .refusals && $0.sequence < 3 }
    let intake = try site.settle(gate.batch())
    #expect(intake.fresh == 3 && intake.holes == 0)
    let row = site.ledger.deviceRows[0]
    #expect(row.through == [0, 6, 0, 1])
    #expect(row.totals.scans == 4 && row.totals.gaps == 1)
    // What the gap stands for is not compared with anything, and not taken either.
    var again = Gate(1)
    for _ in 1...6 { again.scan(nil, .malformed) }
    #expect(try site.take(again.batch(3...4)).known == 2)
  }

  @Test func `a block has room for sixty-four batches`() throws {
    var site = Site()
    var gate = Gate(1)
    for i in 1...65 {
      gate.scan(ticket(i))
      if i <= 64 { _ = try site.take(gate.batch(UInt64(i)...UInt64(i))) }
    }
    #expect(site.ledger.hasRoom == false)
    #expect(throws: Refusal.full) { try site.take(gate.batch(65...65)) }
    site.settle()
    #expect(try site.take(gate.batch(65...65)).fresh == 1)
  }
}
