// Clones and rollbacks: two records with one (device, epoch, class, sequence).

import Ledger
import Records
import Testing
import Wire

@Suite struct EvidenceTests {
  /// A gate whose records 1 to `count` are in the ledger, and a clone that went its own way after
  /// record `fork`.
  private func split(_ count: Int, fork: Int, more: Int) -> (Gate, Gate) {
    var gate = Gate(1)
    for i in 1...count { gate.scan(ticket(i)) }
    var clone = Gate(1)
    if fork > 0 { for i in 1...fork { clone.scan(ticket(i)) } }
    for i in fork + 1...fork + more { clone.scan(ticket(500 + i)) }
    return (gate, clone)
  }

  @Test(arguments: [
    (fork: 7, more: 3), (fork: 7, more: 2), (fork: 7, more: 9), (fork: 0, more: 4),
  ])
  func `a rolled-back device that uses sequences again is quarantined`(fork: Int, more: Int) throws
  {
    var site = Site()
    let (gate, clone) = split(10, fork: fork, more: more)
    _ = try site.settle(gate.batch(1...5))
    _ = try site.settle(gate.batch(6...10))
    let intake = try site.settle(clone.batch(UInt64(fork + 1)...UInt64(fork + more)))
    let evidence = try #require(intake.evidence)
    #expect(intake.fresh == 0)
    #expect(evidence.recordClass == .admissions)
    #expect(evidence.sequence == UInt64(min(10, fork + more)))
    #expect(evidence.known == TransactionPlace(height: fork + more > 5 ? 3 : 2, index: 0))
    #expect(evidence.contradicting == TransactionPlace(height: 4, index: 0))
    #expect(site.ledger.deviceRows[0].isQuarantined == true)
    #expect(throws: Refusal.quarantined) { try site.take(gate.batch()) }
    #expect(throws: Refusal.quarantined) { try site.take(clone.batch()) }
  }

  @Test func `a batch that continues another history is evidence`() throws {
    var site = Site()
    let (gate, clone) = split(10, fork: 9, more: 5)
    _ = try site.settle(gate.batch())
    let intake = try site.take(clone.batch(11...14))
    #expect(intake.evidence?.sequence == 10)
  }

  @Test func `a record far below the newest is compared through the log`() throws {
    var site = Site()
    let (gate, clone) = split(200, fork: 2, more: 1)
    for i in 1...200 { _ = try site.settle(gate.batch(UInt64(i)...UInt64(i))) }
    #expect(try site.take(gate.batch(3...3)).known == 1)
    #expect(site.ledger.hasPending == false)
    let intake = try site.settle(clone.batch(3...3))
    #expect(intake.evidence?.sequence == 3)
    #expect(intake.evidence?.known == TransactionPlace(height: 4, index: 0))
  }

  @Test func `old records are compared with blocks that are pending or being written`() throws {
    var site = Site()
    let (gate, clone) = split(130, fork: 2, more: 1)
    for i in 1...60 { _ = try site.take(gate.batch(UInt64(i)...UInt64(i))) }
    site.ledger.propose(time: 1)
    for i in 61...70 { _ = try site.take(gate.batch(UInt64(i)...UInt64(i))) }
    let intake = try site.take(clone.batch(3...3))
    #expect(intake.evidence?.known == TransactionPlace(height: 2, index: 2))
    #expect(site.effects.count == 1)
  }

  @Test func `a new enrolment ends the quarantine and the old epoch stays out`() throws {
    var site = Site()
    let (gate, clone) = split(3, fork: 1, more: 2)
    _ = try site.settle(gate.batch())
    _ = try site.settle(clone.batch())
    var anew = Gate(1, epoch: 77)
    _ = try site.ledger.adopt(Site.trust(2, [anew]).span)
    anew.scan(ticket(9))
    #expect(try site.settle(anew.batch()).fresh == 1)
    #expect(throws: Refusal.wrongEpoch) { try site.take(gate.batch()) }
    // Somebody enrols the quarantined epoch again: it stays quarantined.
    _ = try site.ledger.adopt(Site.trust(3, [gate]).span)
    #expect(throws: Refusal.quarantined) { try site.take(gate.batch()) }
  }

  @Test func `evidence makes no receipt`() throws {
    var site = Site()
    let (gate, clone) = split(3, fork: 1, more: 2)
    _ = try site.settle(gate.batch())
    _ = try site.settle(clone.batch())
    #expect(site.blocks[2].count == 0)
    #expect(site.effects[2].evidence.count == 1)
  }

  @Test func `a fork in one class spoils the whole batch`() throws {
    var site = Site()
    var gate = Gate(1)
    gate.scan(nil, .malformed)
    _ = try site.settle(gate.batch())
    var clone = Gate(1)
    clone.scan(ticket(1))
    clone.scan(nil, .expired)
    let intake = try site.settle(clone.batch())
    #expect(intake.evidence?.recordClass == .refusals)
    #expect(site.ledger.ticketCount == 0)
  }
}
