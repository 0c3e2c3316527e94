// RFC 8949: its own samples both ways, and what a strict reader refuses.

import Testing
import Wire

/// Reads one item with `body` and demands that nothing follows.
private func read<T>(
  _ hex: String, _ body: (inout CBORReader) throws(WireError) -> T
) throws(WireError) -> T {
  let input = bytes(hex)
  var reader = CBORReader(input.span)
  let value = try body(&reader)
  try reader.finish()
  return value
}

private func write(
  _ body: (inout CBORWriter) throws(WireError) -> Void
) throws(WireError) -> String {
  var output = [UInt8](repeating: 0xee, count: 64)
  var space = output.mutableSpan
  var writer = CBORWriter(space.whole())
  try body(&writer)
  return hex(array(writer.written()))
}

private func skipError(_ hex: String) -> WireError? {
  do throws(WireError) {
    try read(hex) { (reader: inout CBORReader) throws(WireError) in try reader.skip() }
    return nil
  } catch {
    return error
  }
}

@Suite struct CBORTests {
  @Test(arguments: [
    ("00", 0), ("01", 1), ("0a", 10), ("17", 23), ("1818", 24), ("1819", 25), ("1864", 100),
    ("1903e8", 1000), ("1a000f4240", 1_000_000), ("1b000000e8d4a51000", 1_000_000_000_000),
    ("1bffffffffffffffff", UInt64.max),
  ])
  func `RFC 8949 appendix A: an unsigned integer reads and writes as its sample`(
    sample: String, value: UInt64
  ) throws {
    #expect(
      try read(sample) { (r: inout CBORReader) throws(WireError) in try r.unsigned() } == value)
    #expect(
      try write { (w: inout CBORWriter) throws(WireError) in try w.unsigned(value) } == sample)
  }

  @Test(arguments: [
    ("00", 0), ("1903e8", 1000), ("20", -1), ("29", -10), ("3863", -100), ("3903e7", -1000),
    ("1b7fffffffffffffff", Int64.max), ("3b7fffffffffffffff", Int64.min),
  ])
  func `RFC 8949 appendix A: a signed integer reads and writes as its sample`(
    sample: String, value: Int64
  ) throws {
    #expect(
      try read(sample) { (r: inout CBORReader) throws(WireError) in try r.integer() } == value)
    #expect(try write { (w: inout CBORWriter) throws(WireError) in try w.integer(value) } == sample)
  }

  @Test(arguments: ["1b8000000000000000", "3b8000000000000000", "3bffffffffffffffff"])
  func `an integer beyond Int64 is out of range, not another number`(sample: String) {
    #expect(throws: WireError.outOfRange) {
      try read(sample) { (r: inout CBORReader) throws(WireError) in try r.integer() }
    }
  }

  @Test(arguments: [
    ("60", ""), ("6161", "a"), ("6449455446", "IETF"), ("62225c", "\"\\"), ("62c3bc", "\u{fc}"),
    ("63e6b0b4", "\u{6c34}"), ("64f0908591", "\u{10151}"),
  ])
  func `RFC 8949 appendix A: a text reads and writes as its sample`(
    sample: String, value: String
  ) throws {
    let utf8 = Array(value.utf8)
    #expect(
      try read(sample) { (r: inout CBORReader) throws(WireError) in array(try r.text()) } == utf8)
    #expect(
      try write { (w: inout CBORWriter) throws(WireError) in try w.text(utf8.span) } == sample)
  }

  @Test(arguments: [("40", ""), ("4401020304", "01020304")])
  func `RFC 8949 appendix A: a byte string reads and writes as its sample`(
    sample: String, value: String
  ) throws {
    #expect(
      try read(sample) { (r: inout CBORReader) throws(WireError) in array(try r.byteString()) }
        == bytes(value))
    let plain = bytes(value)
    #expect(
      try write { (w: inout CBORWriter) throws(WireError) in try w.byteString(plain.span) }
        == sample)
  }

  @Test func `RFC 8949 appendix A: arrays, maps, tags, booleans and null read and write`() throws {
    // [1, [2, 3], [4, 5]], {"a": 1, "b": [2, 3]}, 1(1363896240), false, true, null
    let nested = try write { (w: inout CBORWriter) throws(WireError) in
      try w.array(3)
      try w.unsigned(1)
      for pair in [(2, 3), (4, 5)] as [(UInt64, UInt64)] {
        try w.array(2)
        try w.unsigned(pair.0)
        try w.unsigned(pair.1)
      }
    }
    #expect(nested == "8301820203820405")
    let map = try write { (w: inout CBORWriter) throws(WireError) in
      try w.map(2)
      try w.text("a")
      try w.unsigned(1)
      try w.text("b")
      try w.array(2)
      try w.unsigned(2)
      try w.unsigned(3)
    }
    #expect(map == "a26161016162820203")
    let rest = try write { (w: inout CBORWriter) throws(WireError) in
      try w.tag(1)
      try w.unsigned(1_363_896_240)
      try w.bool(false)
      try w.bool(true)
      try w.null()
    }
    #expect(rest == "c11a514b67b0f4f5f6")
    try read(rest) { (r: inout CBORReader) throws(WireError) in
      #expect(try r.tag() == 1)
      #expect(try r.unsigned() == 1_363_896_240)
      #expect(try r.bool() == false)
      #expect(try !r.null())
      #expect(try r.bool() == true)
      #expect(try r.null())
    }
    let count = try read(map + nested) { (r: inout CBORReader) throws(WireError) in
      let pairs = try r.map(max: 2)
      for _ in 0..<pairs {
        _ = try r.text()
        try r.skip()
      }
      return try r.array(max: 3) * 10 + (try skipAll(3, &r))
    }
    #expect(count == 33)
  }

  @Test(arguments: [
    "f90000", "f93c00", "fb3ff199999999999a", "fa47c35000", "f97e00", "f7", "f0", "f8ff",
    "c249010000000000000000", "d74401020304", "d818456449455446", "80", "a0",
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819", "826161a161626163",
  ])
  func `RFC 8949 appendix A: a well-formed definite sample is skipped whole`(sample: String) {
    #expect(skipError(sample) == nil)
  }

  @Test(arguments: [
    "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff",
    "bf61610161629f0203ffff",
    "83018202039f0405ff", "826161bf61626163ff",
  ])
  func `RFC 8949 appendix A: an indefinite length is refused`(sample: String) {
    #expect(skipError(sample) == .indefiniteLength)
  }

  @Test(arguments: [
    // Truncated heads, strings, arrays, maps and tags.
    "18", "19", "1a", "1b", "1901", "1a0102", "1b01020304050607", "38", "58", "78", "98",
    "9a01ff00",
    "b8", "d8", "f8", "f900", "fa0000", "fb000000", "41", "61", "5affffffff00",
    "5bffffffffffffffff010203", "7affffffff00", "7b7fffffffffffffff010203", "81", "818181818181",
    "8200", "a1", "a20102", "a100", "a2000000", "c0",
    // Reserved additional information, reserved simple values, a lone break.
    "1c", "1d", "1e", "3c", "5c", "7c", "9c", "bc", "dc", "fc", "f800", "f818", "f81f", "ff",
    "81ff",
    "8200ff", "a1ff", "a1ff00", "a100ff", "9f81ff",
  ])
  func `RFC 8949 appendix F: what is not well-formed is refused`(sample: String) {
    #expect(skipError(sample) != nil)
  }

  @Test(arguments: [
    "1817", "190018", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3800", "3817", "5800",
    "580101",
    "590001aa", "7800", "780161", "9800", "9900018000", "b800", "ba00000000", "d801f6", "d90017f6",
  ])
  func `RFC 8949 4.2.1: a length or number that is not in its shortest form is refused`(
    sample: String
  ) {
    #expect(skipError(sample) == .notCanonical)
  }

  @Test func `a length beyond the bytes left is refused before anything is counted`() {
    #expect(throws: WireError.truncated) {
      try read("9affffffff0000") { (r: inout CBORReader) throws(WireError) in
        try r.array(max: .max)
      }
    }
    #expect(throws: WireError.truncated) {
      try read("bb7fffffffffffffff0000") { (r: inout CBORReader) throws(WireError) in
        try r.map(max: .max)
      }
    }
  }

  @Test func `an item nested deeper than allowed is refused, and one as deep as allowed is not`() {
    #expect(skipError("81818181818181f6") == nil)
    #expect(skipError("8181818181818181f6") == .tooDeep)
    #expect(skipError("c1c1c1c1c1c1c1c1f6") == .tooDeep)
    #expect(skipError("a100a100a100a100a100a100a100a100f6") == .tooDeep)
    #expect(skipError(String(repeating: "81", count: 100_000) + "00") == .tooDeep)
  }

  @Test func `bytes after the last item are refused`() {
    #expect(skipError("0000") == .trailingBytes)
  }

  @Test func `another type than asked for is refused and left where it is`() throws {
    let input = bytes("6161")
    var reader = CBORReader(input.span)
    var errors: [WireError] = []
    do throws(WireError) { _ = try reader.unsigned() } catch { errors.append(error) }
    do throws(WireError) { _ = try reader.integer() } catch { errors.append(error) }
    do throws(WireError) { _ = try reader.byteString().count } catch { errors.append(error) }
    do throws(WireError) { _ = try reader.array(max: 1) } catch { errors.append(error) }
    do throws(WireError) { _ = try reader.bool() } catch { errors.append(error) }
    #expect(errors == Array(repeating: .unexpectedType, count: 5))
    #expect(try array(reader.text()) == [0x61])
  }

  @Test func `a key that stands twice is found, in any order and of either type`() throws {
    func takes(_ hex: String) -> WireError? {
      let input = bytes(hex)
      var reader = CBORReader(input.span)
      var keys = MapKeys()
      do throws(WireError) {
        for _ in 0..<(try reader.map(max: 100)) {
          _ = try keys.take(&reader)
          try reader.skip()
        }
        return nil
      } catch {
        return error
      }
    }
    #expect(takes("a300f601f620f6") == nil)
    #expect(takes("a300f601f600f6") == .duplicateKey)
    #expect(takes("a26161f66161f6") == .duplicateKey)
    #expect(takes("a26161f64161f6") == .unexpectedType)
    #expect(takes("a23bfffffffffffffffff63bfffffffffffffffff6") == .duplicateKey)
    let many = (0..<33).map { $0 < 24 ? hex([UInt8($0)]) : "18" + hex([UInt8($0)]) }
    #expect(takes("b820" + many.prefix(32).map { $0 + "f6" }.joined()) == nil)
    #expect(takes("b821" + many.map { $0 + "f6" }.joined()) == .outOfRange)
  }

  @Test func `the writer never writes beyond its space`() {
    for size in 0..<9 {
      var output = [UInt8](repeating: 0xee, count: 16)
      var space = output.mutableSpan
      var writer = CBORWriter(space.part(0..<size))
      #expect(throws: WireError.noSpace) { try writer.unsigned(.max) }
      #expect(throws: WireError.noSpace) { try writer.byteString(bytes("0102030405060708").span) }
      #expect(array(space.span).suffix(16 - size).allSatisfy { $0 == 0xee })
    }
  }

  @Test func `whatever the writer wrote, the reader reads back`() throws {
    var generator = Generator(for: "CBOR round trip")
    for _ in 0..<2000 {
      let number =
        UInt64.random(in: .min ... .max, using: &generator)
        >> UInt64.random(in: 0..<64, using: &generator)
      let signed =
        Int64(bitPattern: generator.next())
        >> Int64.random(in: 0..<64, using: &generator)
      let string = generator.bytes(Int.random(in: 0...30, using: &generator))
      let written = try write { (w: inout CBORWriter) throws(WireError) in
        try w.unsigned(number)
        try w.integer(signed)
        try w.byteString(string.span)
      }
      try read(written) { (r: inout CBORReader) throws(WireError) in
        #expect(try r.unsigned() == number)
        #expect(try r.integer() == signed)
        #expect(try array(r.byteString()) == string)
      }
    }
  }

  @Test func `no bytes make the reader trap`() {
    var generator = Generator(for: "CBOR never traps")
    for _ in 0..<20_000 {
      let input = generator.bytes(Int.random(in: 0...48, using: &generator))
      var reader = CBORReader(input.span)
      while !reader.isAtEnd {
        let before = reader.position
        do throws(WireError) {
          switch UInt8.random(in: 0...8, using: &generator) {
          case 0: _ = try reader.unsigned()
          case 1: _ = try reader.integer()
          case 2: _ = try reader.array(max: 100)
          case 3: _ = try reader.map(max: 100)
          case 4: _ = try reader.byteString().count
          case 5: _ = try reader.text().count
          case 6: _ = try reader.tag()
          case 7: _ = try reader.head()
          default: try reader.skip()
          }
        } catch {}
        #expect(reader.position >= before && reader.position <= input.count)
        if reader.position == before {
          reader = CBORReader(input.span, at: before + 1)
        }
      }
    }
  }
}

private func skipAll(_ count: Int, _ reader: inout CBORReader) throws(WireError) -> Int {
  for _ in 0..<count { try reader.skip() }
  return count
}
