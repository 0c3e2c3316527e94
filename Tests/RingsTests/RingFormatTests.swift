// The bytes on flash, against what another program made of FORMAT.md (Python: struct, hashlib, and
// CRC-32C bit by bit).

import Rings
import Seal
import Testing
import Wire

@Suite struct RingFormatTests {
  init() throws { try Sodium.start() }

  enum Part {
    case hex(String)
    case zeros(Int)
  }

  func text(_ parts: [Part]) -> String {
    parts.map {
      switch $0 {
      case .hex(let digits): digits
      case .zeros(let count): String(repeating: "00", count: count)
      }
    }.joined()
  }

  @Test func `the file header is as FORMAT says, twice`() throws {
    var bench = Bench()
    let expected = text([
      .hex("544b524601000000000102030405060708090a0b0c0d0e0fe90300000000000008070605"),
      .hex("04030201100000000010000010"),
      .zeros(75),
      .hex("a3b06e75"),
    ])
    #expect(try hex(bench.file(0, 128)) == expected)
    #expect(try hex(bench.file(61440, 128)) == expected)
    #expect(try bench.file(128, 3968).allSatisfy { $0 == 0 })
    let header = try FileHeader.read(&bench.disk, checkedBy: Sodium.self)
    #expect(
      header
        == FileHeader(
          identity: Bench.identity, node: 1001, epoch: 0x0102_0304_0506_0708, segments: 16))
  }

  @Test func `a block without records is as FORMAT says`() throws {
    var bench = Bench()
    let expected = text([
      .hex("544b5242fdb11725000000000002000001"),
      .zeros(15),
      .hex("01"),
      .zeros(13),
      .hex("03080000000001000000cdab"),
      .zeros(38),
      .hex("01"),
      .zeros(63),
      .hex("01"),
      .zeros(63),
      .hex("01"),
      .zeros(63),
      .hex("01"),
      .zeros(223),
    ])
    #expect(try hex(bench.file(Bench.page(0, 0), 512)) == expected)
  }

  @Test func `a block with a record is as FORMAT says, and the one behind it`() throws {
    var bench = Bench()
    _ = try bench.ring.append(
      Array("tollkeeper".utf8).span, recordClass: .admissions, expires: 1_750_000_000_000)
    bench.commit()
    #expect(
      try hex(bench.file(Bench.page(1, 0), 576))
        == text([
          .hex("544b5242c27c5028c06d3da7400200000200000000000000010000000000000001000000"),
          .hex("0000000001000000010002040000000001000000cdab"),
          .zeros(38),
          .hex("01"),
          .zeros(63),
          .hex("01"),
          .zeros(63),
          .hex("01"),
          .zeros(63),
          .hex("01"),
          .zeros(223),
          .hex("0a0001000000000000dc207497010000bde9ad0f6ec0b1463b765d6d8f51d5032ff62a1a"),
          .hex("f0ed79c708fcc5728846ecc7746f6c6c6b6565706572000000000000"),
        ]))
    #expect(try bench.file(Bench.page(1, 0) + 576, 4096 - 576).allSatisfy { $0 == 0 })

    bench.ring.acknowledge(.admissions, through: 1)
    _ = try bench.ring.append(
      Array("tollkeeper".utf8).span, recordClass: .admissions, expires: 1_750_000_000_000)
    bench.commit()
    #expect(
      try hex(bench.file(Bench.page(1, 1), 576))
        == text([
          .hex("544b524203019f95c06d3da7400200000300000000000000020000000000000002000000"),
          .hex("000000000100000001000204c27c502801000000cdab"),
          .zeros(38),
          .hex("01"),
          .zeros(63),
          .hex("01"),
          .zeros(63),
          .hex("020000000000000001"),
          .zeros(23),
          .hex("bde9ad0f6ec0b1463b765d6d8f51d5032ff62a1af0ed79c708fcc5728846ecc701"),
          .zeros(223),
          .hex("0a0001000000000000dc207497010000bde9ad0f6ec0b1463b765d6d8f51d5032ff62a1a"),
          .hex("f0ed79c708fcc5728846ecc7746f6c6c6b6565706572000000000000"),
        ]))
  }
}
