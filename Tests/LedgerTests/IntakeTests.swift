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

  /// Admission 3, and a gap record for 1 and 2 that ends in somebody else's 2.
  private func selfContradiction() -> [Gate.Line] {
    var gate = Gate(1)
    var other = Gate(1)
    for i in 1...3 { gate.scan(ticket(i)) }
    for i in 11...12 { other.scan(ticket(i)) }
    other.evict(.admissions, 1, 2)
    return other.lines.filter { $0.recordClass == .control }
      + gate.lines.filter { $0.sequence == 3 }
  }

  @Test func `a first batch that contradicts its own gap record is refused`() throws {
    var site = Site()
    var gate = Gate(1)
    gate.lines = selfContradiction()
    #expect(throws: Refusal.brokenChain) { try site.take(gate.batch()) }
    #expect(site.ledger.hasPending == false && site.ledger.deviceRows.isEmpty)
  }

  @Test func `a known device that contradicts its own gap record is refused and not quarantined`()
    throws
  {
    var site = Site()
    var gate = Gate(1)
    gate.scan(nil, .malformed)
    _ = try site.settle(gate.batch())
    gate.lines = selfContradiction()
    #expect(throws: Refusal.brokenChain) { try site.take(gate.batch()) }
    #expect(site.ledger.hasPending == false && !site.ledger.deviceRows[0].isQuarantined)
  }

  @Test func `a gap record that changed nothing when it came changes nothing when it comes again`()
    throws
  {
    var site = Site()
    var whole = Gate(1)
    for _ in 1...12 { whole.scan(nil, .malformed) }
    whole.scan(ticket(1))
    let refusals = whole.lines.filter { $0.recordClass == .refusals }
    var gate = whole
    gate.evict(.refusals, 5, 10)
    let gap = gate.lines.filter { $0.recordClass == .control }
    let admission = whole.lines.filter { $0.recordClass == .admissions }
    // 5 to 10 are given up before 3 and 4 have come: the gap record is stored and moves nothing.
    for lines in [Array(refusals[..<2]), gap, Array(refusals[2..<4])] {
      gate.lines = lines
      #expect(try site.settle(gate.batch()).fresh == lines.count)
    }
    #expect(site.ledger.deviceRows[0].through == [0, 4, 0, 1])
    gate.lines = gap + admission + refusals[10...]
    let intake = try site.settle(gate.batch())
    #expect(intake.fresh == 1 && intake.known == 1 && intake.holes == 1)
    #expect(site.ledger.deviceRows[0].through == [0, 4, 1, 1])
    var again = Site.ledger()
    _ = try again.replay(&site.log) { _ in }
    #expect(again.deviceRows[0].through == [0, 4, 1, 1])
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
