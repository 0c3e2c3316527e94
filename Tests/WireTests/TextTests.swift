// The alphabets: Base45, Base16, UTF-8, and lines of text.

import Testing
import Wire

private func decode45(_ text: String) throws(WireError) -> [UInt8] {
  try decode45(Array(text.utf8))
}

private func decode45(_ text: [UInt8]) throws(WireError) -> [UInt8] {
  var output = [UInt8](repeating: 0, count: text.count)
  var space = output.mutableSpan
  let count = try Base45.decode(text.span, into: &space)
  return Array(output.prefix(count))
}

private func encode45(_ plain: [UInt8]) throws(WireError) -> [UInt8] {
  var output = [UInt8](repeating: 0, count: Base45.encodedCount(plain.count))
  var space = output.mutableSpan
  let count = try Base45.encode(plain.span, into: &space)
  #expect(count == output.count)
  return output
}

@Suite struct Base45Tests {
  @Test(arguments: [
    ("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581"), ("ietf!", "QED8WEX0"),
  ])
  func `RFC 9285 4.3 and 4.4: an example encodes and decodes`(plain: String, text: String) throws {
    #expect(try encode45(Array(plain.utf8)) == Array(text.utf8))
    #expect(try decode45(text) == Array(plain.utf8))
  }

  @Test func `RFC 9285 4.2: FGW is 65535, and what is larger overflows`() throws {
    #expect(try decode45("FGW") == [0xff, 0xff])
    for text in ["GGW", "GGX", ":::"] {
      #expect(throws: WireError.badText) { try decode45(text) }
    }
  }

  @Test func `RFC 9285 4.2: two last characters beyond 255 overflow, and one alone is refused`()
    throws
  {
    #expect(try decode45("U5") == [0xff])
    #expect(throws: WireError.badText) { try decode45("V5") }
    #expect(throws: WireError.badText) { try decode45("::") }
    for text in ["A", "BB8A"] {
      #expect(throws: WireError.truncated) { try decode45(text) }
    }
  }

  @Test func `each of the 45 characters is a digit and no other byte is`() throws {
    let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".utf8)
    for byte in UInt8.min...UInt8.max {
      if let value = alphabet.firstIndex(of: byte) {
        #expect(try decode45([byte, 0x30, 0x30]) == [0, UInt8(value)])
      } else {
        #expect(throws: WireError.badText) { try decode45([byte, 0x30, 0x30]) }
      }
    }
  }

  @Test func `a space is a digit at both ends of a text`() throws {
    // 36 + 0 * 45, and 36 + 0 * 45 + 13 * 2025.
    #expect(try decode45(" 0") == [36])
    #expect(try decode45(" 0D") == [0x66, 0xf9])
    #expect(throws: WireError.badText) { try decode45(" 0 ") }
  }

  @Test func `any bytes encode to a text that decodes to them`() throws {
    var generator = Generator(for: "Base45 round trip")
    for count in 0..<200 {
      let plain = generator.bytes(count)
      #expect(try decode45(encode45(plain)) == plain)
    }
  }

  @Test func `a text has one spelling: whatever decodes encodes to itself`() throws {
    var generator = Generator(for: "Base45 spelling")
    let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".utf8)
    var decoded = 0
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...8, using: &generator)
      let text = (0..<count).map { _ in alphabet.randomElement(using: &generator)! }
      guard let plain = try? decode45(text) else { continue }
      decoded += 1
      #expect(try encode45(plain) == text)
    }
    #expect(decoded > 1000)
  }

  @Test func `an output that is too small is refused and nothing is written beyond it`() {
    let text = Array("%69 VD92EX0".utf8)
    for size in 0..<7 {
      var output = [UInt8](repeating: 0xee, count: 8)
      var space = output.mutableSpan
      var part = space.part(0..<size)
      #expect(throws: WireError.noSpace) { try Base45.decode(text.span, into: &part) }
      #expect(output.suffix(8 - size).allSatisfy { $0 == 0xee })
    }
  }
}

@Suite struct HexTests {
  private func decode(_ text: String) throws(WireError) -> [UInt8] {
    let text = Array(text.utf8)
    var output = [UInt8](repeating: 0, count: 8)
    var space = output.mutableSpan
    let count = try Hex.decode(text.span, into: &space)
    return Array(output.prefix(count))
  }

  @Test func `RFC 4648 10: the Base 16 test vectors decode in either case`() throws {
    #expect(try decode("") == [])
    #expect(try decode("666F6F626172") == Array("foobar".utf8))
    #expect(try decode("666f6f626172") == Array("foobar".utf8))
  }

  @Test func `half a byte, another character and too many bytes are refused`() {
    #expect(throws: WireError.truncated) { try decode("6") }
    for text in ["6g", " 6", "6/", "6:", "6@", "6`", "0x"] {
      #expect(throws: WireError.badText) { try decode(text) }
    }
    #expect(throws: WireError.noSpace) { try decode("000000000000000000") }
  }

  @Test func `a fixed value takes exactly its digits`() throws {
    func fixed(_ text: String) throws(WireError) -> Bytes<2> {
      try Hex.fixed(Array(text.utf8).span)
    }
    #expect(try array(fixed("01fF").span) == [1, 0xff])
    #expect(throws: WireError.outOfRange) { try fixed("01f") }
    #expect(throws: WireError.outOfRange) { try fixed("01ff00") }
  }
}

private func holdsUTF8(_ bytes: [UInt8]) -> Bool { isUTF8(bytes.span) }

@Suite struct UTF8Tests {
  @Test(arguments: [
    "", "61", "7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf",
  ])
  func `RFC 3629 4: the first and last of each form are UTF-8`(sample: String) {
    #expect(holdsUTF8(bytes(sample)))
  }

  @Test(arguments: [
    "80", "bf", "c0af", "c1bf", "c2", "c2c0", "e09fbf", "e0a0", "eda080", "edbfbf", "e28241",
    "f08fbfbf", "f0908f", "f4908080", "f5808080", "ff", "6180",
  ])
  func `RFC 3629 3: overlong forms, surrogates and loose bytes are not UTF-8`(sample: String) {
    #expect(!holdsUTF8(bytes(sample)))
  }

  @Test func `it agrees with the standard library on any bytes`() {
    var generator = Generator(for: "UTF-8")
    for _ in 0..<20_000 {
      var sample = generator.bytes(Int.random(in: 1...5, using: &generator))
      // Lead bytes of longer forms are rare among random ones.
      if Bool.random(using: &generator) {
        sample[0] = UInt8.random(in: 0xc0...0xf7, using: &generator)
      }
      for i in sample.indices.dropFirst() where Bool.random(using: &generator) {
        sample[i] = sample[i] & 0x3f | 0x80
      }
      #expect(holdsUTF8(sample) == (String(validating: sample, as: UTF8.self) != nil))
    }
  }
}

@Suite struct TextWriterTests {
  private func written(
    _ size: Int = 200, _ body: (inout TextWriter) -> Void
  ) -> (text: String, isCut: Bool) {
    var output = [UInt8](repeating: 0, count: size)
    var space = output.mutableSpan
    var writer = TextWriter(space.whole())
    body(&writer)
    return (String(decoding: array(writer.written()), as: UTF8.self), writer.isCut)
  }

  @Test func `numbers are decimal to the ends of their types`() {
    let line = written {
      $0.put(UInt64(0))
      $0.put(" ")
      $0.put(UInt64.max)
      $0.put(" ")
      $0.put(Int64.min)
      $0.put(" ")
      $0.put(-7)
    }
    #expect(line.text == "0 18446744073709551615 -9223372036854775808 -7")
    #expect(!line.isCut)
  }

  @Test func `what does not fit is cut, and says so`() {
    let line = written(5) { $0.put("abcdefg") }
    #expect(line.text == "abcde")
    #expect(line.isCut)
  }

  @Test func `an escaped text can neither end its string nor its line`() {
    let line = written { $0.escaped([0x22, 0x5c, 0x0a, 0x00, 0x61, 0x7f, 0xff]) }
    #expect(line.text == #"\"\\\u000a\u0000a\u007f\u00ff"#)
  }

  @Test func `hex is two lower-case digits a byte`() {
    #expect(written { $0.hex([0x00, 0xaf]) }.text == "00af")
  }
}

extension TextWriter {
  fileprivate mutating func escaped(_ text: [UInt8]) { escaped(text.span) }
  fileprivate mutating func hex(_ value: [UInt8]) { hex(value.span) }
}

@Suite struct BytesTests {
  @Test func `bytes are ordered by the first that differs`() {
    let values = ["0000", "0001", "00ff", "0100", "ff00"].map { Bytes<2>(bytes($0).span) }
    for (i, a) in values.enumerated() {
      for (k, b) in values.enumerated() {
        #expect((a < b) == (i < k))
        #expect((a == b) == (i == k))
      }
    }
  }

  @Test func `bounded bytes take what fits and compare what they hold`() {
    #expect(BoundedBytes<2>([1, 2, 3].span) == nil)
    #expect(BoundedBytes<2>([1].span) != BoundedBytes<2>([1, 0].span))
    #expect(BoundedBytes<4>("ab") == BoundedBytes<4>([0x61, 0x62].span))
  }

  @Test func `bytes of another count are a programmer error`() async {
    await #expect(processExitsWith: .failure) {
      let input: [UInt8] = [1]
      _ = Bytes<2>(input.span)
    }
  }
}
