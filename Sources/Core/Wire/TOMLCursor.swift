// The lexer under TOML.swift: a place in the bytes, and the tokens that may stand there.
// Invariants: `position` never passes the end; `line` is the number of line feeds before it, plus 1.

struct TOMLCursor: ~Escapable {
  let bytes: Span<UInt8>
  private(set) var position = 0
  private(set) var line = 1

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  func error(_ reason: StaticString) -> TOMLError { TOMLError(line: line, reason) }

  func peek(_ ahead: Int = 0) -> UInt8? {
    bytes.count - position > ahead ? bytes[position + ahead] : nil
  }

  /// Steps over the byte that `peek` showed.
  mutating func advance() {
    precondition(position < bytes.count, "advance beyond the end")
    if bytes[position] == 0x0a { line += 1 }
    position += 1
  }

  mutating func move(to position: Int, line: Int) {
    self.position = position
    self.line = line
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    advance()
    return true
  }

  mutating func skipByteOrderMark() {
    if peek() == 0xef && peek(1) == 0xbb && peek(2) == 0xbf { position = 3 }
  }

  mutating func skipSpaces() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 { advance() }
  }

  /// Skips spaces, comments and line ends.
  mutating func skipBlankLines() throws(TOMLError) {
    skipSpaces()
    while peek() != nil {
      guard try takeLineEnd() else { return }
      skipSpaces()
    }
  }

  /// Nothing but a comment may follow on this line.
  mutating func endLine() throws(TOMLError) {
    skipSpaces()
    guard try takeLineEnd() else { throw error("only a comment may follow on this line") }
  }

  /// Takes a comment, if one stands here, and the line's end or the end of all.
  private mutating func takeLineEnd() throws(TOMLError) -> Bool {
    if peek() == 0x23 {
      while let byte = peek(), byte != 0x0a {
        if byte == 0x0d && peek(1) == 0x0a { break }
        if isControl(byte) { throw error("a control character stands in a comment") }
        advance()
      }
    }
    if peek() == nil { return true }
    if peek() == 0x0d && peek(1) == 0x0a { advance() }
    return take(0x0a)
  }

  /// A bare or quoted key; its bytes without quotes.
  mutating func key() throws(TOMLError) -> Range<Int> {
    if peek() == 0x22 {
      let text = try string()
      if text.hasEscapes { throw error("escapes in a key are not supported") }
      return text.range
    }
    let start = position
    while let byte = peek(), isBare(byte) { advance() }
    if position == start { throw error("a key is expected") }
    return start..<position
  }

  mutating func value() throws(TOMLError) -> TOMLValue {
    guard peek() == 0x5b else { return try scalar() }
    advance()
    let start = position
    let first = line
    var count = 0
    while true {
      try skipBlankLines()
      if peek() == 0x5d { break }
      _ = try scalar()
      count += 1
      try skipBlankLines()
      guard peek() == 0x5d || take(0x2c) else {
        throw error("a comma or ] is expected in an array")
      }
    }
    let range = start..<position
    advance()
    return .array(TOMLArray(range: range, count: count, line: first))
  }

  mutating func scalar() throws(TOMLError) -> TOMLValue {
    guard let first = peek() else { throw error("a value is expected") }
    switch first {
    case 0x22: return .string(try string())
    case 0x27: throw error("strings stand in double quotes")
    case 0x5b: throw error("an array in an array is not supported")
    case 0x7b: throw error("inline tables are not supported")
    case 0x2b, 0x2d, 0x30...0x39: return .integer(try integer())
    default:
      let start = position
      while let byte = peek(), isBare(byte) { advance() }
      if equal(bytes.extracting(start..<position), "true") { return .boolean(true) }
      if equal(bytes.extracting(start..<position), "false") { return .boolean(false) }
      throw error("a string, an integer, true, false or an array is expected")
    }
  }

  private mutating func string() throws(TOMLError) -> TOMLText {
    if peek(1) == 0x22 && peek(2) == 0x22 {
      throw error("strings over several lines are not supported")
    }
    advance()
    let start = position
    var hasEscapes = false
    while let byte = peek(), byte != 0x22 {
      if isControl(byte) { throw error("a string ends on its line, with a double quote") }
      advance()
      guard byte == 0x5c else { continue }
      hasEscapes = true
      do throws(WireError) { _ = try escape() } catch {
        throw self.error("this escape is not known")
      }
    }
    let range = start..<position
    guard take(0x22) else { throw error("a string ends on its line, with a double quote") }
    guard isUTF8(bytes.extracting(range)) else { throw error("this string is not UTF-8") }
    return TOMLText(range: range, hasEscapes: hasEscapes, line: line)
  }

  /// What stands after a backslash, as a Unicode scalar value.
  mutating func escape() throws(WireError) -> UInt32 {
    guard let byte = peek(), byte != 0x0a else { throw .badText }
    advance()
    switch byte {
    case 0x22, 0x5c: return UInt32(byte)
    case 0x62: return 0x08
    case 0x74: return 0x09
    case 0x6e: return 0x0a
    case 0x66: return 0x0c
    case 0x72: return 0x0d
    case 0x75: return try hexScalar(digits: 4)
    case 0x55: return try hexScalar(digits: 8)
    default: throw .badText
    }
  }

  private mutating func hexScalar(digits: Int) throws(WireError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = peek() else { throw .badText }
      value = value << 4 | UInt32(try Hex.nibble(byte))
      advance()
    }
    guard value <= 0x10_ffff, !(0xd800...0xdfff).contains(value) else { throw .badText }
    return value
  }

  private mutating func integer() throws(TOMLError) -> Int64 {
    let isNegative = peek() == 0x2d
    let isSigned = isNegative || peek() == 0x2b
    if isSigned { advance() }
    let isHex = !isSigned && peek() == 0x30 && peek(1) == 0x78
    if isHex {
      advance()
      advance()
    }
    let start = position
    var magnitude: UInt64 = 0
    var digitBefore = false
    while let byte = peek(), isBare(byte) || byte == 0x2e || byte == 0x3a {
      if byte == 0x5f {
        guard digitBefore else { throw error("this is no number") }
        digitBefore = false
      } else {
        magnitude = try append(byte, to: magnitude, isHex: isHex)
        digitBefore = true
      }
      advance()
    }
    guard digitBefore, isHex || bytes[start] != 0x30 || position - start == 1 else {
      throw error("this is no number")
    }
    let limit = UInt64(Int64.max) + (isNegative ? 1 : 0)
    guard magnitude <= limit else { throw error("this number is too large") }
    return isNegative ? 0 &- Int64(truncatingIfNeeded: magnitude) : Int64(magnitude)
  }

  private func append(
    _ byte: UInt8, to magnitude: UInt64, isHex: Bool
  ) throws(TOMLError) -> UInt64 {
    let digit: UInt8
    do throws(WireError) { digit = try Hex.nibble(byte) } catch {
      throw self.error("this is no integer")
    }
    guard isHex || digit < 10 else { throw error("this is no integer") }
    let (product, high) = magnitude.multipliedReportingOverflow(by: isHex ? 16 : 10)
    let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
    if high || carry { throw error("this number is too large") }
    return sum
  }

  /// What TOML forbids outside line ends: everything below space but the tab, and DEL.
  private func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != 0x09 || byte == 0x7f }

  private func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: true
    default: false
    }
  }
}
