// Receipt and settlement leaves: their one encoding, and what is refused.

import Limits
import Testing
import Wire

@testable import Receipts

@Suite struct LeafTests {
  static func receipt() throws -> ReceiptLeaf {
    var leaf = ReceiptLeaf(node: 1001, epoch: 0x0123_4567_89ab_cdef)
    try leaf.append(.init(recordClass: .admissions, through: 1, hash: hash([1])))
    try leaf.append(.init(recordClass: .refusals, through: 9, hash: hash([2])))
    return leaf
  }

  static func settled(_ uses: (UInt64, UInt64)...) throws -> Settled {
    var settled = Settled(identity: ticket)
    for (node, count) in uses { try settled.append(.init(node: node, uses: count)) }
    return settled
  }

  @Test func `receipts parse to what was encoded`() throws {
    var leaf = try Self.receipt()
    #expect(try parseReceipt(encoded(leaf)) == leaf)
    #expect(throws: WireError.duplicateKey) {
      try leaf.append(.init(recordClass: .refusals, through: 10, hash: Hash()))
    }
    try leaf.append(
      .init(recordClass: .telemetry, through: UInt64(Int64.max), hash: filled(0xff)))
    #expect(try parseReceipt(encoded(leaf)) == leaf)
    #expect(throws: WireError.duplicateKey) {
      try leaf.append(.init(recordClass: .telemetry, through: 10, hash: Hash()))
    }
  }

  @Test func `the largest receipt fits its limit`() throws {
    var leaf = ReceiptLeaf(node: 1 << 53 - 1, epoch: .max)
    for recordClass in [RecordClass.control, .admissions, .refusals, .telemetry] {
      try leaf.append(
        .init(recordClass: recordClass, through: UInt64(Int64.max), hash: filled(0xff)))
    }
    #expect(try encoded(leaf).count == ReceiptLeaf.bytesMax)
    #expect(try parseReceipt(encoded(leaf)) == leaf)
  }

  @Test func `whatever parses as a receipt encodes to the very bytes that were parsed`() throws {
    var dice = Dice("mutated receipts")
    let whole = try encoded(Self.receipt())
    var parsed = 0
    for _ in 0..<20_000 {
      var mutated = whole
      for _ in 0...dice.next() % 3 {
        mutated[Int.random(in: mutated.indices, using: &dice)] = UInt8(dice.next() % 256)
      }
      guard let leaf = try? parseReceipt(mutated) else { continue }
      parsed += 1
      #expect(try encoded(leaf) == mutated)
    }
    #expect(parsed > 100)
  }

  @Test(arguments: [
    "", "84", "8401010180", "840101018183020140", "850101018100", "8402010180", "8401000180",
    "840101018183040140", "840101018183020040", "84010101858302014083",
  ]) func `what is no receipt is refused`(text: String) {
    #expect(throws: WireError.self) { try parseReceipt(bytes(hex: text)) }
  }

  @Test func `a receipt without classes and one with classes that rise are refused`() throws {
    #expect(throws: WireError.outOfRange) {
      try parseReceipt(encoded(ReceiptLeaf(node: 1, epoch: 1)))
    }
    var bytes = try encoded(Self.receipt())
    let first = bytes.firstIndex(of: 0x83)! + 1
    #expect(bytes[first] == 2)
    bytes[first] = 1
    #expect(throws: WireError.duplicateKey) { try parseReceipt(bytes) }
    bytes[first] = 0
    #expect(throws: WireError.duplicateKey) { try parseReceipt(bytes) }
  }

  @Test func `a receipt does not pass for a settlement, nor the other way`() throws {
    let part = SettlementPart(height: 5, index: 0, count: 1, before: 3)
    #expect(throws: WireError.self) {
      try parseReceipt(settlement(part, [Self.settled((1001, 1))]))
    }
    #expect(throws: WireError.self) { try parseSettlement(encoded(Self.receipt())) }
  }

  @Test(arguments: [1, 2, 23, 24, 255, 256, 512])
  func `settlements of every length parse to what was encoded`(count: Int) throws {
    var dice = Dice("settlements of \(count)")
    let tickets = try (0..<count).map { i in
      var identity: TicketIdentity = filled(UInt8(truncatingIfNeeded: i))
      identity.storage[0] = UInt8(i >> 8)
      var settled = Settled(identity: identity)
      var node: UInt64 = 0
      for _ in 0...dice.next() % 16 {
        node += 1 + dice.next() % (1 << 40)
        try settled.append(.init(node: node, uses: dice.next() >> (dice.next() % 64)))
      }
      return settled
    }
    let part = SettlementPart(height: 1000, index: 3, count: 7, before: 999)
    let (readPart, readTickets) = try parseSettlement(settlement(part, tickets))
    #expect(readPart == part)
    #expect(readTickets == tickets)
  }

  @Test func `a writer takes as many tickets as it was told, and no others`() throws {
    let part = SettlementPart(height: 1, index: 0, count: 1, before: 0)
    #expect(throws: WireError.outOfRange) { try settlement(part, []) }
    let settled = try Self.settled((1, 1))
    let many = [Settled](repeating: settled, count: Limits.settlementEntriesMax + 1)
    #expect(throws: WireError.outOfRange) { try settlement(part, many) }
    #expect(throws: WireError.truncated) { try written(0, of: 1, settled) }
    #expect(try written(1, of: 1, settled) > 0)
    #expect(throws: WireError.outOfRange) { try written(2, of: 1, settled) }
  }

  func written(_ count: Int, of told: Int, _ settled: Settled) throws(WireError) -> Int {
    var output = [UInt8](repeating: 0, count: 4096)
    var writer = try SettlementLeafWriter(
      output.mutableSpan, part: SettlementPart(height: 1, index: 0, count: 1, before: 0),
      entries: told)
    for _ in 0..<count { try writer.append(settled) }
    return try writer.finish()
  }

  @Test func `a part that cannot be is refused`() throws {
    let settled = try Self.settled((1, 1))
    for part in [
      SettlementPart(height: 0, index: 0, count: 1, before: 0),
      SettlementPart(height: 5, index: 1, count: 1, before: 0),
      SettlementPart(height: 5, index: 0, count: 0, before: 0),
      SettlementPart(height: 5, index: 0, count: 1, before: 5),
      SettlementPart(height: 1 << 63, index: 0, count: 1, before: 5),
    ] {
      #expect(throws: WireError.outOfRange) { try parseSettlement(settlement(part, [settled])) }
    }
  }

  @Test func `mutated settlements are refused or read to their end, and nothing worse`() throws {
    var dice = Dice("mutated settlements")
    let part = SettlementPart(height: 5, index: 0, count: 1, before: 3)
    let whole = try settlement(
      part, [Self.settled((1001, 1), (1002, 2)), Self.settled((7, .max))])
    for _ in 0..<20_000 {
      var mutated = whole
      for _ in 0...dice.next() % 3 {
        mutated[Int.random(in: mutated.indices, using: &dice)] = UInt8(dice.next() % 256)
      }
      guard let (part, tickets) = try? parseSettlement(mutated) else { continue }
      #expect(try settlement(part, tickets) == mutated)
    }
  }

  @Test func `uses elsewhere are the sum of the others, and never overflow`() throws {
    let some = try Self.settled((3, 5), (7, 2), (9, 1))
    #expect(some.usesElsewhere(than: 3) == 3)
    #expect(some.usesElsewhere(than: 9) == 7)
    #expect(some.usesElsewhere(than: 4) == 8)
    #expect(some.uses(at: 7) == 2)
    #expect(some.uses(at: 8) == 0)
    let many = try Self.settled((1, .max), (2, 1), (3, .max))
    #expect(many.usesElsewhere(than: 2) == .max)
    #expect(many.usesElsewhere(than: 1) == .max)
    #expect(try Self.settled((1, .max), (2, 0)).usesElsewhere(than: 2) == .max)
  }

  @Test func `a ticket's devices stand in order, each once, sixteen at most`() throws {
    var settled = try Self.settled((3, 1), (7, 1))
    for node: UInt64 in [2, 3, 7] {
      #expect(throws: WireError.duplicateKey) { try settled.append(.init(node: node, uses: 1)) }
    }
    for node: UInt64 in 8..<22 { try settled.append(.init(node: node, uses: 1)) }
    #expect(throws: WireError.noSpace) { try settled.append(.init(node: 22, uses: 1)) }
  }
}
