// Batches: written once, read without copying, and refused for the least change.

import Limits
import Seal
import Testing
import Wire

@testable import Records

typealias Entry = (recordClass: RecordClass, sequence: UInt64, bytes: [UInt8])

let header = BatchHeader(
  node: 1001, epoch: 0x0123_4567_89ab_cdef, boot: 7, height: 0, trust: 3)

/// A gap, an admission and a refusal, signed with the seed 00 01 ... 1f.
let goldenBatchHex =
  "d2844da20132044800000000000003e9a059012287011903e91b0123456789abcdef0700038383030181"
  + "58748c020158200000000000000000000000000000000000000000000000000000000000000000080019"
  + "ea6001181818ff5820111111111111111111111111111111111111111111111111111111111111111158"
  + "2022222222222222222222222222222222222222222222222222222222222222220183020181584d8e01"
  + "0158200000000000000000000000000000000000000000000000000000000000000000071b0000019774"
  + "20dc7b18fa50000102030405060708090a0b0c0d0e0f01001907ea01010182008083010981583d8e0109"
  + "58203333333333333333333333333333333333333333333333333333333333333333071b000001977420"
  + "ddf418faf601061907ea0100008200805840d78ae0a78c3e1352a0ff750dea5e272fc5061c926adfb757"
  + "39e00676117ae4357ec5579940b5c3e790682104be05e922bd91015cad02a7ca25e73391286c6402"
/// No runs, height 12, epoch 1.
let emptyBatchHex =
  "d2844da20132044800000000000003e9a04a87011903e901070c03805840d4cf7443a89ab79b97235d2b"
  + "3ba886c57bd4ef8692dbcc334a292bc2a850226af456973d9c523d1a1eb4c05d534e2d16df0fb533b128"
  + "382edf63fd5af68e9202"

/// A finished batch of these records.
func batch(_ entries: [Entry], header: BatchHeader = header, room: Int = BatchWriter.bytesMax)
  throws -> [UInt8]
{
  var memory = [UInt8](repeating: 0, count: room)
  var place = 0..<0
  do {
    var writer = BatchWriter(memory.mutableSpan, header: header)
    for entry in entries { try append(entry, to: &writer) }
    place = try writer.finish(key: key, with: Sodium.self)
  }
  return Array(memory[place])
}

/// What a reader takes from these bytes.
func read(_ bytes: [UInt8], by key: PublicKey = Sodium.publicKey(of: key)) throws(BatchError)
  -> (BatchHeader, [Entry])
{
  var scratch = [UInt8](repeating: 0, count: bytes.count + 128)
  var scratchSpan = scratch.mutableSpan
  let batch = try Batch(parsing: bytes.span)
  let verified = try batch.verify(by: key, with: Sodium.self, scratch: &scratchSpan)
  var entries: [Entry] = []
  var left = verified.entries
  while let entry = left.next() {
    entries.append((entry.recordClass, entry.sequence, array(verified.record(entry))))
  }
  #expect(entries.count == verified.count)
  return (verified.header, entries)
}

/// `count` records of a class from `first`, as that class has them.
func run(_ recordClass: RecordClass, _ first: UInt64, _ count: Int) throws -> [Entry] {
  try (0..<count).map { i in
    let sequence = first + UInt64(i)
    switch recordClass {
    case .control:
      var record = gap
      record.sequence = sequence
      return (recordClass, sequence, try record.encoded())
    default:
      var record = recordClass == .admissions ? admission : refusal
      record.sequence = sequence
      return (recordClass, sequence, try record.encoded())
    }
  }
}

func expectSame(_ a: [Entry], _ b: [Entry]) {
  #expect(a.map(\.recordClass) == b.map(\.recordClass))
  #expect(a.map(\.sequence) == b.map(\.sequence))
  #expect(a.map(\.bytes) == b.map(\.bytes))
}

@_lifetime(writer: copy writer)
func append(_ entry: Entry, to writer: inout BatchWriter) throws(BatchError) {
  try writer.append(entry.recordClass, sequence: entry.sequence, entry.bytes.span)
}

@_lifetime(writer: copy writer)
func expectRefused(
  _ error: BatchError, _ recordClass: RecordClass, _ sequence: UInt64, _ bytes: [UInt8],
  by writer: inout BatchWriter
) {
  do throws(BatchError) {
    try append((recordClass, sequence, bytes), to: &writer)
    Issue.record("a record that should be refused was taken")
  } catch let found {
    #expect(found == error)
  }
}

private func wantError(_ text: String) -> WireError? {
  let bytes = bytes(hex: text)
  do throws(WireError) {
    var reader = CBORReader(bytes.span)
    _ = try ShardWant(from: &reader)
    return nil
  } catch {
    return error
  }
}

@Suite struct BatchTests {
  static let golden: [Entry] = [
    (.control, 1, bytes(hex: gapHex)), (.admissions, 1, bytes(hex: admissionHex)),
    (.refusals, 9, bytes(hex: refusalHex)),
  ]

  @Test func `a batch of three runs has the bytes that the format says`() throws {
    #expect(hex(try batch(Self.golden)) == goldenBatchHex)
    let (header, entries) = try read(bytes(hex: goldenBatchHex))
    #expect(header == RecordsTests.header)
    expectSame(entries, Self.golden)
  }

  @Test func `a batch without runs has the bytes that the format says`() throws {
    let header = BatchHeader(node: 1001, epoch: 1, boot: 7, height: 12, trust: 3)
    #expect(hex(try batch([], header: header)) == emptyBatchHex)
    let (read, entries) = try read(bytes(hex: emptyBatchHex))
    #expect(read == header)
    #expect(entries.isEmpty)
  }

  @Test func `a batch that asks for shards is read as it was written, however long`() throws {
    var header = BatchHeader(
      node: 1 << 53 - 1, epoch: .max, boot: .max, height: UInt64(Int64.max), trust: .max)
    var want = ShardWant(bits: 10)
    for place in 0..<16 {
      let held = Bytes<16>([UInt8](repeating: UInt8(place), count: 16).span)
      want.append(1008 + place, held: place == 3 ? nil : held)
      header.want = want
      let (empty, none) = try read(batch([], header: header))
      #expect(empty == header && none.isEmpty)
      let (full, entries) = try read(batch(Self.golden, header: header))
      #expect(full == header)
      expectSame(entries, Self.golden)
    }
    #expect(want.isFull)
  }

  @Test(arguments: [
    // No shard; bits of 0 and 11; an index too high; out of order; twice; a short hash; too many.
    "820480", "82008182" + "00f6", "820b818200f6", "8204818210f6", "8204828202f68201f6",
    "8204828201f68201f6", "82048182014100", "820491" + String(repeating: "8201f6", count: 17),
  ])
  func `a want that breaks a rule is refused`(text: String) {
    #expect(wantError("820481820ff6") == nil)
    #expect(wantError(text) != nil)
  }

  @Test(arguments: [1, 2, 22, 23, 24, 25, 100, 255, 256])
  func `runs of every length of head are read as they were written`(count: Int) throws {
    for first: UInt64 in [1, 23, 255, 65_500, 4_294_967_200, UInt64(Int64.max) - 300] {
      let one = try run(.admissions, first, count)
      expectSame(try read(batch(one)).1, one)
      let two = try run(.control, 1, 1) + run(.refusals, first, min(count, 255))
      expectSame(try read(batch(two)).1, two)
    }
  }

  @Test func `any runs are read as they were written`() throws {
    var dice = Dice("batches")
    for _ in 0..<200 {
      var entries: [Entry] = []
      for recordClass in [RecordClass.control, .admissions, .refusals] {
        let count = Int(dice.number(max: 85))
        entries += try run(recordClass, 1 + dice.number(max: 1 << 40), count)
      }
      let header = BatchHeader(
        node: 1 + dice.number(max: 1 << 53 - 2), epoch: dice.next(),
        boot: UInt32(dice.number(max: UInt64(UInt32.max))),
        height: dice.number(max: UInt64(Int64.max)), trust: dice.next())
      let (read, got) = try read(batch(entries, header: header))
      #expect(read == header)
      expectSame(got, entries)
    }
  }

  @Test func `the record after the 256th goes to another batch`() throws {
    let entries = try run(.admissions, 1, 257)
    #expect(throws: BatchError.full) { try batch(entries) }
    #expect(try read(batch(Array(entries[..<256]))).1.count == 256)
  }

  @Test func `no batch is longer than its limit, or than its place`() throws {
    // Records of any bytes do for a writer.
    let large = [UInt8](repeating: 1, count: Limits.recordBytesMax)
    for room in [300, 1000, 20_000, BatchWriter.bytesMax, 2 * BatchWriter.bytesMax] {
      var memory = [UInt8](repeating: 0xee, count: room)
      var place = 0..<0
      var isFull = false
      do {
        var writer = BatchWriter(memory.mutableSpan, header: header)
        for i in 1...256 {
          do throws(BatchError) {
            try writer.append(.admissions, sequence: UInt64(i), large.span)
          } catch {
            #expect(error == .full)
            isFull = true
            break
          }
        }
        place = try writer.finish(key: key, with: Sodium.self)
      }
      #expect(isFull)
      #expect(place.upperBound <= room)
      #expect(place.count <= Limits.batchBytesMax)
      #expect(place.lowerBound >= Message.headBytesMax)
      _ = try Batch(parsing: Array(memory[place]).span)
    }
  }

  @Test func `a refused record leaves the batch as it was`() throws {
    let entries = try run(.admissions, 5, 2)
    let empty: [UInt8] = []
    let long = [UInt8](repeating: 0, count: Limits.recordBytesMax + 1)
    var memory = [UInt8](repeating: 0, count: BatchWriter.bytesMax)
    var place = 0..<0
    do {
      var writer = BatchWriter(memory.mutableSpan, header: header)
      expectRefused(.badRecord, .admissions, 5, empty, by: &writer)
      expectRefused(.badRecord, .admissions, 5, long, by: &writer)
      try append(entries[0], to: &writer)
      expectRefused(.notNext, .admissions, 5, entries[0].bytes, by: &writer)
      expectRefused(.notNext, .admissions, 7, entries[1].bytes, by: &writer)
      expectRefused(.notNext, .control, 1, entries[1].bytes, by: &writer)
      try append(entries[1], to: &writer)
      place = try writer.finish(key: key, with: Sodium.self)
    }
    expectSame(try read(Array(memory[place])).1, entries)
  }

  @Test func `a finished batch is wrapped to a message in place`() throws {
    var memory = [UInt8](repeating: 0, count: BatchWriter.bytesMax)
    var place = 0..<0
    do {
      var writer = BatchWriter(memory.mutableSpan, header: header)
      for entry in try run(.admissions, 1, 200) {
        try append(entry, to: &writer)
      }
      place = try writer.finish(key: key, with: Sodium.self)
    }
    var span = memory.mutableSpan
    let whole = try Message.wrap(.batch, body: place, in: &span)
    let message = Array(memory[whole])
    let parsed = try parseMessage(message)
    #expect(parsed.kind == .batch)
    #expect(try read(Array(message[parsed.body])).1.count == 200)
  }
}
