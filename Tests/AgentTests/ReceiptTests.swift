// Receipts: nothing is released but by one that is this device's own, hash and all.

import Receipts
import Records
import Testing
import Wire
import World

@Suite struct ReceiptTests {
  /// A gate with three admissions on record, and their hashes.
  private func scanned() throws -> (desk: Desk, hashes: [Hash]) {
    let desk = try Desk()
    var hashes: [Hash] = []
    for number in 1...3 {
      #expect(try desk.admit(number...number) == [.valid])
      hashes.append(desk.head(.admissions))
    }
    return (desk, hashes)
  }

  @Test func `a receipt releases what it covers`() throws {
    let (desk, hashes) = try scanned()
    #expect(desk.unreceipted == 3)
    desk.receive(try Notary.receipt(.admissions, through: 2, hashes[1]))
    #expect(desk.acknowledged(.admissions) == 2 && desk.unreceipted == 1)
    #expect(desk.counters.receipts == 1 && desk.counters.receiptsRepeated == 0)
  }

  @Test func `a receipt that comes again, or late, changes nothing`() throws {
    let (desk, hashes) = try scanned()
    desk.receive(try Notary.receipt(.admissions, through: 3, hashes[2]))
    for _ in 0..<4 { desk.receive(try Notary.receipt(.admissions, through: 3, hashes[2])) }
    desk.receive(try Notary.receipt(.admissions, through: 1, hashes[0]))
    #expect(desk.acknowledged(.admissions) == 3)
    #expect(desk.counters.receipts == 6 && desk.counters.receiptsRepeated == 5)
    #expect(desk.counters.receiptsMismatched == 0)
  }

  @Test func `a receipt of another epoch releases nothing`() throws {
    let (desk, hashes) = try scanned()
    desk.receive(
      try Notary.receipt(
        [.init(recordClass: .admissions, through: 3, hash: hashes[2])], epoch: 8))
    #expect(desk.acknowledged(.admissions) == 0 && desk.unreceipted == 3)
    #expect(desk.counters.receiptsForeign == 1 && desk.gate.hasNoticed("receipt_foreign"))
  }

  @Test func `a receipt of another device releases nothing`() throws {
    let (desk, hashes) = try scanned()
    desk.receive(
      try Notary.receipt(
        [.init(recordClass: .admissions, through: 3, hash: hashes[2])], node: 1002))
    #expect(desk.acknowledged(.admissions) == 0 && desk.counters.receiptsForeign == 1)
  }

  @Test func `a receipt with a hash that is not the device's own is an alarm and releases nothing`()
    throws
  {
    let (desk, hashes) = try scanned()
    desk.receive(try Notary.receipt(.admissions, through: 3, hashes[1]))
    #expect(desk.acknowledged(.admissions) == 0 && desk.unreceipted == 3)
    #expect(desk.counters.receiptsMismatched == 1 && desk.gate.hasNoticed("receipt_mismatch"))
  }

  @Test func `a receipt for records that the device does not have releases nothing`() throws {
    let (desk, hashes) = try scanned()
    desk.receive(try Notary.receipt(.admissions, through: 4, hashes[2]))
    desk.receive(try Notary.receipt(.refusals, through: 1, hashes[0]))
    #expect(desk.unreceipted == 3 && desk.counters.receiptsMismatched == 2)
  }

  @Test func `a receipt for what is not durable yet releases nothing`() throws {
    let (desk, _) = try scanned()
    try desk.scan(4)
    let hash = desk.head(.admissions)
    desk.receive(try Notary.receipt(.admissions, through: 4, hash))
    #expect(desk.acknowledged(.admissions) == 0 && desk.counters.receiptsMismatched == 1)
    desk.settle()
    desk.receive(try Notary.receipt(.admissions, through: 4, hash))
    #expect(desk.acknowledged(.admissions) == 4)
  }

  @Test func `of two classes the right one is released and the wrong one is not`() throws {
    let (desk, hashes) = try scanned()
    desk.scan(Array("no ticket".utf8))
    desk.settle()
    desk.receive(
      try Notary.receipt([
        .init(recordClass: .admissions, through: 3, hash: hashes[0]),
        .init(recordClass: .refusals, through: 1, hash: desk.head(.refusals)),
      ]))
    #expect(desk.acknowledged(.admissions) == 0 && desk.acknowledged(.refusals) == 1)
    #expect(desk.counters.receiptsMismatched == 1)
  }

  @Test func `a proof that no validator signed releases nothing`() throws {
    let (desk, hashes) = try scanned()
    desk.receive(
      try Notary.receipt(
        [.init(recordClass: .admissions, through: 3, hash: hashes[2])],
        signedBy: organiser.authority))
    #expect(desk.acknowledged(.admissions) == 0)
    #expect(desk.counters.proofsRefused == 1 && desk.gate.hasNoticed("proof_refused"))
  }

  @Test func `a proof with any bit flipped releases nothing`() throws {
    let (desk, hashes) = try scanned()
    let good = try Notary.receipt(.admissions, through: 3, hashes[2])
    // In a bundle whose own checksums hold: the proof must stand by itself.
    let start = 60
    for bit in stride(from: start * 8, to: good.count * 8, by: 7) {
      var changed = good
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      desk.receive(changed)
      #expect(desk.acknowledged(.admissions) == 0, "bit \(bit)")
    }
    desk.receive(good)
    #expect(desk.acknowledged(.admissions) == 3)
  }

  @Test func `a proof whose leaf is no receipt, and garbage, are counted and nothing worse`() throws
  {
    let (desk, _) = try scanned()
    desk.receive(try Notary.bundle(.receipt, [0x80]))
    desk.receive(Notary.bundle(.receipt, body: [1, 2, 3]))
    desk.receive(Notary.bundle(.batch, body: [1, 2, 3]))
    desk.receive([])
    desk.receive([UInt8](repeating: 0x9f, count: 300))
    #expect(desk.counters.proofsRefused == 2 && desk.counters.bundlesRefused == 3)
    #expect(desk.counters.bundlesReceived == 5 && desk.unreceipted == 3)
  }

  @Test func `a bundle for another node is refused`() throws {
    let (desk, hashes) = try scanned()
    var leaf = ReceiptLeaf(node: Desk.node, epoch: Desk.epoch)
    try leaf.append(.init(recordClass: .admissions, through: 3, hash: hashes[2]))
    var bytes = [UInt8](repeating: 0, count: ReceiptLeaf.bytesMax)
    var space = bytes.mutableSpan
    let count = try leaf.encode(into: &space)
    desk.receive(try Notary.bundle(.receipt, Array(bytes[..<count]), for: 1002))
    #expect(desk.acknowledged(.admissions) == 0 && desk.counters.bundlesRefused == 1)
  }

  @Test func `receipts are durable within half a second, and survive the power`() throws {
    let (desk, hashes) = try scanned()
    desk.receive(try Notary.receipt(.admissions, through: 3, hashes[2]))
    desk.settle()
    #expect(desk.deadline == desk.now.elapsed + 500)
    desk.wait(499)
    #expect(desk.gate.queue.isEmpty)
    desk.wait(1)
    #expect(!desk.gate.queue.isEmpty)
    desk.settle()
    try desk.restart()
    #expect(desk.acknowledged(.admissions) == 3 && desk.unreceipted == 0)
  }

  @Test func `a receipt that the power took is asked for again by sending again`() throws {
    let (desk, hashes) = try scanned()
    desk.receive(try Notary.receipt(.admissions, through: 3, hashes[2]))
    try desk.restart()
    #expect(desk.unreceipted == 3)
    desk.connect()
    #expect(try desk.publishAll().compactMap { $0.runs[.admissions] } == [1...3])
  }
}
