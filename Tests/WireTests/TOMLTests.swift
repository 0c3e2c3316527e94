// What the TOML reader takes, what it refuses and on which line, and that nothing makes it trap.

import Testing
import Wire

/// Everything that a document says, one line an event; the error at last, if there is one.
private func read(_ document: String) -> [String] { read(Array(document.utf8)) }

private func read(_ bytes: [UInt8]) -> [String] {
  var lines: [String] = []
  var reader = TOMLReader(bytes.span)
  do throws(TOMLError) {
    while let event = try reader.next() {
      switch event {
      case .table(let name): lines.append("[\(text(bytes, name))]")
      case .arrayTable(let name): lines.append("[[\(text(bytes, name))]]")
      case .pair(let pair):
        lines.append("\(pair.line) \(text(bytes, pair.key)) = \(try show(pair, reader, bytes))")
      }
    }
  } catch {
    lines.append("\(error.line): \(error.reason)")
  }
  return lines
}

private func text(_ bytes: [UInt8], _ range: Range<Int>) -> String {
  String(decoding: bytes[range], as: UTF8.self)
}

private func show(
  _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ bytes: [UInt8]
) throws(TOMLError) -> String {
  guard case .array = pair.value else { return try show(pair.value, reader) }
  var shown: [String] = []
  var elements = try reader.elements(pair)
  while let element = try elements.next() { shown.append(try show(element, reader)) }
  return "[" + shown.joined(separator: ", ") + "]"
}

private func show(
  _ value: TOMLValue, _ reader: borrowing TOMLReader
) throws(TOMLError) -> String {
  switch value {
  case .integer(let number): return "\(number)"
  case .boolean(let flag): return "\(flag)"
  case .array: return "array"
  case .string(let text):
    var decoded = [UInt8](repeating: 0, count: 64)
    var target = decoded.mutableSpan
    let count = try reader.decode(text, into: &target)
    return "\"" + String(decoding: decoded[..<count], as: UTF8.self) + "\""
  }
}

@Test func `tables, arrays of tables and pairs come in order with their lines`() {
  let document = """
    # a gate
    node = 1001   # its number
    "quoted key" = "a"

    [broker]
    host = "127.0.0.1"
    [[device]]
    node=1
    [[device]]
    node=2
    """
  #expect(
    read(document) == [
      "2 node = 1001", "3 quoted key = \"a\"", "[broker]", "6 host = \"127.0.0.1\"", "[[device]]",
      "8 node = 1", "[[device]]", "10 node = 2",
    ])
}

@Test func `integers are decimal or hexadecimal, signed, with underscores between digits`() {
  let document = """
    a = 0
    b = -17
    c = +99
    d = 1_000_000
    e = 0xDEAD_beef
    f = 9223372036854775807
    g = -9223372036854775808
    """
  #expect(
    read(document) == [
      "1 a = 0", "2 b = -17", "3 c = 99", "4 d = 1000000", "5 e = 3735928559",
      "6 f = 9223372036854775807", "7 g = -9223372036854775808",
    ])
}

@Test(arguments: [
  "007", "1__0", "_1", "1_", "0x", "0x_1", "1.5", "1e3", "-0x1", "--1", "+", "0b1", "0o7",
  "9223372036854775808", "-9223372036854775809", "0x1_0000_0000_0000_0000",
  "99999999999999999999999", "2026-07-01", "07:32:00", "nan", "inf", "True",
])
func `what is no integer of the subset is refused on its line`(value: String) {
  let result = read("\n\na = \(value)\n")
  #expect(result.count == 1 && result[0].hasPrefix("3: "), "\(result)")
}

@Test func `strings keep what they hold and decode their escapes`() {
  #expect(
    read(#"a = "x\"\\\n\t\r\b\f\u00e9\U0001F600 # no comment""#) == [
      "1 a = \"x\"\\\n\t\r\u{8}\u{c}\u{e9}\u{1F600} # no comment\""
    ])
  #expect(read("a = \"\"") == ["1 a = \"\""])
  #expect(read("a = \"tab\there\"") == ["1 a = \"tab\there\""])
}

@Test(arguments: [
  #""abc"#, #""\q""#, #""\u12""#, #""\ud800""#, #""\U00110000""#, "\"a\nb\"", #""""a""""#, "'a'",
  "\"a\u{0}b\"", "\"a\u{7f}b\"", #""a" b"#, "\"\\", "\"\\\n\"",
])
func `a string that is not whole, or not of the subset, is refused`(value: String) {
  let result = read("a = \(value)")
  #expect(result.count == 1 && result[0].hasPrefix("1: "), "\(result)")
}

@Test func `a string that is not UTF-8 is refused`() {
  #expect(read(Array("a = \"".utf8) + [0xff] + Array("\"".utf8)) == ["1: this string is not UTF-8"])
}

@Test func `a string longer than its place is refused`() {
  let long = String(repeating: "x", count: 65)
  #expect(read("a = \"\(long)\"") == ["1: this string is too long"])
}

@Test func `flat arrays may span lines, hold comments and end with a comma`() {
  let document = """
    a = []
    b = [ 1, 0x2,3 ]
    c = [
      "x", # the first ]
      "y\\n",
    ]
    d = [true, false]
    """
  #expect(
    read(document) == [
      "1 a = []", "2 b = [1, 2, 3]", "3 c = [\"x\", \"y\n\"]", "7 d = [true, false]",
    ])
}

@Test(arguments: ["[1 2]", "[1,,2]", "[,]", "[[1]]", "[1", "[1,", "[{}]", "{a = 1}"])
func `an array that is not flat or not whole is refused`(value: String) {
  let result = read("a = \(value)")
  #expect(result.count == 1 && result[0].hasPrefix("1: "), "\(result)")
}

@Test func `the same key or table twice is refused on the second line`() {
  #expect(read("a = 1\nb = 2\na = 3\n").last == "3: this key stands twice")
  #expect(read("[t]\na = 1\n[u]\na = 2\n[t]\n").last == "5: this table stands twice")
  #expect(read("[[t]]\n[t]\n").last == "2: this table stands twice")
  #expect(read("[t]\n[[t]]\n").last == "2: this table stands twice")
  #expect(read("[[t]]\na = 1\n[[t]]\na = 2\n").last == "4 a = 2")
}

@Test func `more keys or tables than are told apart is an error, not a lapse`() {
  let keys = (0..<TOMLReader.keysMax + 1).map { "k\($0) = 1" }.joined(separator: "\n")
  #expect(read(keys).last == "33: too many keys in one table")
  let tables = (0..<TOMLReader.tablesMax + 1).map { "[t\($0)]" }.joined(separator: "\n")
  #expect(read(tables).last == "17: too many tables")
}

@Test(arguments: [
  "a", "a =", "= 1", "a b = 1", "a.b = 1", "[a.b]", "[a", "[]", "[[a]", "[a] b = 1", "a = 1 b = 2",
  "a = 1\rb = 2", "# \u{1}", "\u{0}", "\"a\\u0041\" = 1",
])
func `a line that is none of the subset is refused`(line: String) {
  let result = read("\n\(line)\n")
  #expect(result.count == 1 && result[0].hasPrefix("2: "), "\(result)")
}

@Test func `a byte order mark, CRLF and a missing last line end are taken`() {
  #expect(
    read("\u{feff}a = 1\r\n# c\r\n[t]\r\nb = [1,\r\n2]") == [
      "1 a = 1", "[t]", "4 b = [1, 2]",
    ])
}

/// The second line of a document, asked for as something; what it gave, or the error.
private func second(
  _ line: String, _ access: (borrowing TOMLReader, TOMLPair) throws(TOMLError) -> String
) -> String {
  let bytes = Array("first = 1\n\(line)\n".utf8)
  var reader = TOMLReader(bytes.span)
  do throws(TOMLError) {
    _ = try reader.next()
    guard case .pair(let pair)? = try reader.next() else { return "no pair" }
    return try access(reader, pair)
  } catch {
    return "\(error.line): \(error.reason)"
  }
}

private func asHex(_ reader: borrowing TOMLReader, _ pair: TOMLPair) throws(TOMLError) -> String {
  let value: Bytes<2> = try reader.hex(pair)
  return "\(value.storage[0]) \(value.storage[1])"
}

private func asText(_ reader: borrowing TOMLReader, _ pair: TOMLPair) throws(TOMLError) -> String {
  let value: BoundedBytes<4> = try reader.string(pair)
  return (0..<value.count).map { "\(value.span[$0])" }.joined(separator: " ")
}

private func asPort(_ reader: borrowing TOMLReader, _ pair: TOMLPair) throws(TOMLError) -> String {
  "\(try reader.integer(pair, in: 1...65535))"
}

private func asFlag(_ reader: borrowing TOMLReader, _ pair: TOMLPair) throws(TOMLError) -> String {
  "\(try reader.boolean(pair))"
}

@Test func `typed access gives the value or names the line of what it did not expect`() {
  #expect(second("a = \"00fF\"", asHex) == "0 255")
  #expect(second("a = \"00f\"", asHex) == "2: this has the wrong number of hex digits")
  #expect(second("a = \"00fg\"", asHex) == "2: hex digits are expected")
  #expect(second("a = 1", asHex) == "2: hex digits in double quotes are expected")
  #expect(second("a = \"abcd\"", asText) == "97 98 99 100")
  #expect(second("a = \"abcde\"", asText) == "2: this string is too long")
  #expect(second("a = true", asText) == "2: a string in double quotes is expected")
  #expect(second("a = 65535", asPort) == "65535")
  #expect(second("a = 65536", asPort) == "2: this number is out of range")
  #expect(second("a = \"1\"", asPort) == "2: an integer is expected")
  #expect(second("a = false", asFlag) == "false")
  #expect(second("a = 0", asFlag) == "2: true or false is expected")
}

@Test func `no bytes make the reader trap or hang`() {
  let seed = UInt64.random(in: 0...UInt64.max)
  print("seed \(seed)")
  var state = seed
  func random(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
  let pieces = [
    "a", "=", "\"", "\\", "u00e9", "[", "]", ",", "#", "\n", "\r", " ", "0x", "_", "1", "-", "true",
    "\u{0}", "é", "'", ".", "{",
  ].map { Array($0.utf8) }
  for _ in 0..<20_000 {
    var bytes: [UInt8] = []
    for _ in 0..<random(24) {
      bytes += random(12) == 0 ? [UInt8(random(256))] : pieces[random(pieces.count)]
    }
    #expect(read(bytes).count <= bytes.count + 1)
  }
}
