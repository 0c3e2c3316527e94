// Records: their one encoding, and what is refused. The golden bytes were made from FORMAT.md by a
// program of its own in another language.

import Limits
import Seal
import Testing
import Wire

@testable import Records

let admissionHex =
  "8e010158200000000000000000000000000000000000000000000000000000000000000000071b000001"
  + "977420dc7b18fa50000102030405060708090a0b0c0d0e0f01001907ea010101820080"
let refusalHex =
  "8e010958203333333333333333333333333333333333333333333333333333333333333333071b000001"
  + "977420ddf418faf601061907ea010000820080"
let gapHex =
  "8c020158200000000000000000000000000000000000000000000000000000000000000000080019ea60"
  + "01181818ff58201111111111111111111111111111111111111111111111111111111111111111582022"
  + "2222222222222222222222222222222222222222222222222222222222222201"
/// Extremes: negative time, no subject, the largest numbers, a clock of two events.
let extremeHex =
  "8e010258206dc2af6a1a8733fd4820a97d4b3a747b9be46d47d6653ee27ccb08c99e676a56072000f600"
  + "051affffffff1a8000000000008219012c82831903ea021a00011170831b001fffffffffffff0301"

@Suite struct RecordTests {
  @Test func `an admission has the bytes and the id that the format says`() throws {
    let encoded = try admission.encoded()
    #expect(hex(encoded) == admissionHex)
    #expect(
      hex(array(hash(encoded).span))
        == "6dc2af6a1a8733fd4820a97d4b3a747b9be46d47d6653ee27ccb08c99e676a56")
  }

  @Test func `a refusal and a gap have the bytes that the format says`() throws {
    #expect(hex(try refusal.encoded()) == refusalHex)
    #expect(hex(try gap.encoded()) == gapHex)
  }

  @Test func `a record of extremes parses to its fields`() throws {
    let record = try parseScan(bytes(hex: extremeHex))
    #expect(record.sequence == 2)
    #expect(record.previous == hash(try admission.encoded()))
    #expect(record.instant == Instant(milliseconds: -1, uncertainty: 0, boot: 7))
    #expect(record.subject == nil)
    #expect(record.operation == .validate)
    #expect(record.reason == .revokedKey)
    #expect(record.event == 0xffff_ffff)
    #expect(record.zone == 0x8000_0000)
    #expect(record.clock.height == 300)
    #expect(record.clock.count == 2)
    #expect(
      record.clock[0] == KnownEvent(node: 1002, recordClass: .admissions, sequence: 70000))
    #expect(
      record.clock[1] == KnownEvent(node: 1 << 53 - 1, recordClass: .control, sequence: 1))
    #expect(hex(try record.encoded()) == extremeHex)
  }

  @Test func `passage and override stand behind the clock, and only if they say something`() throws
  {
    var record = admission
    let plain = try record.encoded()
    record.passage = 15
    let passing = try record.encoded()
    // 16 items, the clock, the passage, no override.
    #expect(passing == [0x90] + plain.dropFirst() + [0x0f, 0xf6])
    #expect(try parseScan(passing) == record)
    record.override = Override(identity: ticket, use: 300)
    let whole = try record.encoded()
    let identity: [UInt8] = [0x50] + (0..<16).map { ticket.storage[$0] }
    #expect(whole == [0x90] + plain.dropFirst() + [0x0f, 0x82] + identity + [0x19, 0x01, 0x2c])
    #expect(try parseScan(whole) == record)
    #expect(throws: WireError.notCanonical) {
      try parseScan([0x90] + plain.dropFirst() + [0xf6, 0xf6])
    }
    #expect(throws: WireError.outOfRange) {
      try parseScan([0x90] + plain.dropFirst() + [0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0xf6])
    }
    #expect(throws: WireError.self) { try parseScan([0x8f] + plain.dropFirst() + [0x0f]) }
  }

  @Test func `what is encoded parses to the same record, and fits the limit`() throws {
    var dice = Dice("round trip of records")
    for _ in 0..<2000 {
      let scan = ScanRecord.random(&dice)
      #expect(try parse(scan.encoded()) == .scan(scan))
      let gap = GapRecord.random(&dice)
      #expect(try parse(gap.encoded()) == .gap(gap))
    }
  }

  @Test func `the largest scan fits the limit of a record`() throws {
    var clock = KnownClock(height: UInt64(Int64.max))
    for _ in 0..<KnownClock.capacity {
      try clock.append(
        KnownEvent(node: 1 << 53 - 1, recordClass: .control, sequence: UInt64(Int64.max)))
    }
    #expect(throws: WireError.noSpace) {
      try clock.append(KnownEvent(node: 1, recordClass: .control, sequence: 1))
    }
    var largest = admission
    largest.sequence = UInt64(Int64.max)
    largest.instant = Instant(milliseconds: .min, uncertainty: .max, boot: .max)
    (largest.event, largest.zone, largest.use, largest.entries) = (.max, .max, .max, .max)
    largest.clock = clock
    let encoded = try largest.encoded()
    #expect(encoded.count <= Limits.recordBytesMax)
    #expect(try parseScan(encoded) == largest)
  }

  @Test func `whatever parses encodes to the very bytes that were parsed`() throws {
    var dice = Dice("mutated records")
    let seeds = try [
      admission.encoded(), refusal.encoded(), gap.encoded(), bytes(hex: extremeHex),
    ]
    var parsed = 0
    for _ in 0..<40_000 {
      var mutated = seeds.randomElement(using: &dice)!
      for _ in 0...dice.next() % 3 {
        mutated[Int.random(in: mutated.indices, using: &dice)] = UInt8(dice.next() % 256)
      }
      guard let record = try? parse(mutated) else { continue }
      parsed += 1
      switch record {
      case .scan(let scan): #expect(try scan.encoded() == mutated)
      case .gap(let gap): #expect(try gap.encoded() == mutated)
      }
    }
    #expect(parsed > 1000)
  }

  @Test func `random bytes are refused and nothing worse`() {
    var dice = Dice("random records")
    for _ in 0..<20_000 {
      let noise = (0..<dice.next() % 600).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
      #expect(throws: WireError.self) { try parse(noise) }
    }
  }

  @Test func `every beginning of a record, and a record with a byte more, is refused`() throws {
    for whole in try [admission.encoded(), gap.encoded(), bytes(hex: extremeHex)] {
      for count in 0..<whole.count {
        #expect(throws: WireError.self) { try parse(Array(whole[..<count])) }
      }
      #expect(throws: WireError.trailingBytes) { try parse(whole + [0]) }
    }
  }

  @Test(
    arguments: [
      ("sequence 0", 2, [0x00]), ("sequence 2^63", 2, [0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
      ("sequence not in its shortest form", 2, [0x18, 0x01]), ("kind 3", 1, [0x03]),
      ("kind of a gap", 1, [0x02]), ("13 fields", 0, [0x8d]), ("15 fields", 0, [0x8f]),
    ] as [(String, Int, [UInt8])])
  func `a field beyond its range is refused`(name: String, at place: Int, with: [UInt8]) throws {
    var encoded = try admission.encoded()
    encoded.replaceSubrange(place...place, with: with)
    #expect(throws: WireError.self, "\(name)") { try parse(encoded) }
  }

  @Test func `unknown reasons, operations and causes and an empty range are refused`() throws {
    // The tail of an admission: operation, reason, event (3), zone, use, entries, clock (3).
    let encoded = try admission.encoded()
    let operation = encoded.count - 11
    for (place, value) in [(operation, 7), (operation, 23), (operation + 1, 20)] {
      var wrong = encoded
      wrong[place] = UInt8(value)
      #expect(throws: WireError.outOfRange) { try parse(wrong) }
    }
    for cause: UInt8 in [0, 3] {
      var wrong = try gap.encoded()
      wrong[wrong.count - 1] = cause
      #expect(throws: WireError.outOfRange) { try parse(wrong) }
    }
    var empty = gap
    (empty.first, empty.last) = (25, 24)
    #expect(throws: WireError.outOfRange) { try parseGap(empty.encoded()) }
  }

  @Test func `a record of one kind does not pass for the other`() throws {
    #expect(throws: WireError.unexpectedType) { try parseGap(admission.encoded()) }
    #expect(throws: WireError.unexpectedType) { try parseScan(gap.encoded()) }
  }

  @Test func `a place that is too small gets no record`() throws {
    let size = try admission.encoded().count
    for count in 0..<size {
      var output = [UInt8](repeating: 0, count: count)
      var span = output.mutableSpan
      #expect(throws: WireError.noSpace) { () throws in
        _ = try admission.encode(into: &span)
      }
    }
  }

  @Test func `class follows from content`() {
    #expect(Record.scan(admission).recordClass == .admissions)
    #expect(Record.scan(refusal).recordClass == .refusals)
    #expect(Record.gap(gap).recordClass == .control)
  }
}
