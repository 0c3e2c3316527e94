// A pull parser for the part of TOML 1.0 that configuration files use: comments, tables, arrays of
// tables, bare and quoted keys, basic strings, integers, booleans, flat arrays.
// Invariants: any input gives events or one error with its line; nothing is allocated; what an event
// names is a range of the bytes that were handed in. What a key means is the caller's business, and
// so is refusing one that it does not know; the same key or table twice is refused here.

/// What is wrong, and where.
public struct TOMLError: Error {
  /// From 1.
  public var line: Int
  public var reason: StaticString

  public init(line: Int, _ reason: StaticString) {
    self.line = line
    self.reason = reason
  }
}

/// A basic string as it stands between its quotes.
public struct TOMLText: Sendable, Equatable {
  public var range: Range<Int>
  /// If not, the bytes in `range` are the string.
  public var hasEscapes: Bool
  public var line: Int
}

/// An array, from after its bracket to before the closing one. Its elements were checked.
public struct TOMLArray: Sendable, Equatable {
  public var range: Range<Int>
  public var count: Int
  public var line: Int
}

public enum TOMLValue: Sendable, Equatable {
  case string(TOMLText)
  case integer(Int64)
  case boolean(Bool)
  case array(TOMLArray)
}

public struct TOMLPair: Sendable, Equatable {
  /// The key's bytes, without quotes.
  public var key: Range<Int>
  public var value: TOMLValue
  public var line: Int
}

public enum TOMLEvent: Sendable, Equatable {
  /// `[name]`: pairs that follow belong to it.
  case table(Range<Int>)
  /// `[[name]]`: pairs that follow belong to a new element of it.
  case arrayTable(Range<Int>)
  case pair(TOMLPair)
}

public struct TOMLReader: ~Escapable {
  /// Keys in one table, and tables of different names, that are told apart.
  public static let keysMax = 32
  public static let tablesMax = 16

  var cursor: TOMLCursor
  /// Line of the last event.
  public private(set) var line = 1
  private var keys = InlineArray<32, Range<Int>>(repeating: 0..<0)
  private var keyCount = 0
  private var tables = InlineArray<16, Range<Int>>(repeating: 0..<0)
  private var isArrayTable = InlineArray<16, Bool>(repeating: false)
  private var tableCount = 0

  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>) {
    cursor = TOMLCursor(bytes)
    cursor.skipByteOrderMark()
  }

  public var bytes: Span<UInt8> {
    @_lifetime(copy self)
    get { cursor.bytes }
  }

  /// The next table or pair; nil at the end.
  public mutating func next() throws(TOMLError) -> TOMLEvent? {
    try cursor.skipBlankLines()
    guard let first = cursor.peek() else { return nil }
    line = cursor.line
    return first == 0x5b ? try header() : .pair(try pair())
  }

  /// Whether the name or key in `range` is `text`.
  public func matches(_ range: Range<Int>, _ text: StaticString) -> Bool {
    equal(cursor.bytes.extracting(range), text)
  }

  private mutating func header() throws(TOMLError) -> TOMLEvent {
    cursor.advance()
    let isArray = cursor.take(0x5b)
    cursor.skipSpaces()
    let name = try cursor.key()
    cursor.skipSpaces()
    if cursor.peek() == 0x2e { throw cursor.error("a table in a table is not supported") }
    guard cursor.take(0x5d), !isArray || cursor.take(0x5d) else {
      throw cursor.error("a table's name ends with ]")
    }
    try cursor.endLine()
    try remember(table: name, isArray: isArray)
    keyCount = 0
    return isArray ? .arrayTable(name) : .table(name)
  }

  private mutating func remember(table name: Range<Int>, isArray: Bool) throws(TOMLError) {
    for i in 0..<tableCount
    where equal(cursor.bytes.extracting(tables[i]), cursor.bytes.extracting(name)) {
      if isArray && isArrayTable[i] { return }
      throw TOMLError(line: line, "this table stands twice")
    }
    guard tableCount < Self.tablesMax else { throw TOMLError(line: line, "too many tables") }
    tables[tableCount] = name
    isArrayTable[tableCount] = isArray
    tableCount += 1
  }

  private mutating func pair() throws(TOMLError) -> TOMLPair {
    let key = try cursor.key()
    for i in 0..<keyCount
    where equal(cursor.bytes.extracting(keys[i]), cursor.bytes.extracting(key)) {
      throw TOMLError(line: line, "this key stands twice")
    }
    guard keyCount < Self.keysMax else { throw TOMLError(line: line, "too many keys in one table") }
    keys[keyCount] = key
    keyCount += 1
    cursor.skipSpaces()
    if cursor.peek() == 0x2e { throw cursor.error("dotted keys are not supported") }
    guard cursor.take(0x3d) else { throw cursor.error("= is expected after a key") }
    cursor.skipSpaces()
    let value = try cursor.value()
    try cursor.endLine()
    return TOMLPair(key: key, value: value, line: line)
  }
}

/// The elements of an array, in order.
public struct TOMLElements: ~Escapable {
  private var cursor: TOMLCursor

  @_lifetime(copy bytes)
  init(_ array: TOMLArray, of bytes: Span<UInt8>) {
    cursor = TOMLCursor(bytes.extracting(0..<array.range.upperBound))
    cursor.move(to: array.range.lowerBound, line: array.line)
  }

  public mutating func next() throws(TOMLError) -> TOMLValue? {
    try cursor.skipBlankLines()
    if cursor.peek() == nil { return nil }
    let value = try cursor.scalar()
    try cursor.skipBlankLines()
    _ = cursor.take(0x2c)
    return value
  }
}

// What a caller wants of a pair, or the error that names its line.
extension TOMLReader {
  /// The string of `pair`, decoded into the beginning of `target`; returns its length in bytes.
  @_lifetime(target: copy target)
  public func string(
    _ pair: TOMLPair, into target: inout MutableSpan<UInt8>
  ) throws(TOMLError) -> Int {
    guard case .string(let text) = pair.value else {
      throw TOMLError(line: pair.line, "a string in double quotes is expected")
    }
    return try decode(text, into: &target)
  }

  /// The string of `pair`, of at most `capacity` bytes.
  public func string<let capacity: Int>(
    _ pair: TOMLPair
  ) throws(TOMLError) -> BoundedBytes<capacity> {
    var storage = InlineArray<capacity, UInt8>(repeating: 0)
    var target = storage.mutableSpan
    let count = try string(pair, into: &target)
    guard let value = BoundedBytes<capacity>(storage.span.extracting(first: count)) else {
      throw TOMLError(line: pair.line, "this string is too long")
    }
    return value
  }

  /// The string of `pair` as exactly `size` bytes in hex.
  public func hex<let size: Int>(_ pair: TOMLPair) throws(TOMLError) -> Bytes<size> {
    guard case .string(let text) = pair.value else {
      throw TOMLError(line: pair.line, "hex digits in double quotes are expected")
    }
    do throws(WireError) {
      return try Hex.fixed(cursor.bytes.extracting(text.range))
    } catch .badText {
      throw TOMLError(line: text.line, "hex digits are expected")
    } catch {
      throw TOMLError(line: text.line, "this has the wrong number of hex digits")
    }
  }

  public func integer(
    _ pair: TOMLPair, in range: ClosedRange<Int64>
  ) throws(TOMLError) -> Int64 {
    guard case .integer(let value) = pair.value else {
      throw TOMLError(line: pair.line, "an integer is expected")
    }
    guard range.contains(value) else {
      throw TOMLError(line: pair.line, "this number is out of range")
    }
    return value
  }

  public func boolean(_ pair: TOMLPair) throws(TOMLError) -> Bool {
    guard case .boolean(let value) = pair.value else {
      throw TOMLError(line: pair.line, "true or false is expected")
    }
    return value
  }

  @_lifetime(copy self)
  public func elements(_ pair: TOMLPair) throws(TOMLError) -> TOMLElements {
    guard case .array(let array) = pair.value else {
      throw TOMLError(line: pair.line, "an array is expected")
    }
    return TOMLElements(array, of: cursor.bytes)
  }

  /// Decodes `text` into the beginning of `target`; returns its length in bytes.
  @_lifetime(target: copy target)
  public func decode(
    _ text: TOMLText, into target: inout MutableSpan<UInt8>
  ) throws(TOMLError) -> Int {
    var reader = TOMLCursor(cursor.bytes.extracting(0..<text.range.upperBound))
    reader.move(to: text.range.lowerBound, line: text.line)
    var writer = CBORWriter(target.whole())
    do throws(WireError) {
      while let byte = reader.peek() {
        reader.advance()
        guard byte == 0x5c else {
          try writer.byte(byte)
          continue
        }
        try writer.scalar(reader.escape())
      }
    } catch .noSpace {
      throw TOMLError(line: text.line, "this string is too long")
    } catch {
      throw TOMLError(line: text.line, "this escape is not known")
    }
    return writer.count
  }
}

extension CBORWriter {
  /// A Unicode scalar value as UTF-8 (RFC 3629).
  @_lifetime(self: copy self)
  fileprivate mutating func scalar(_ value: UInt32) throws(WireError) {
    switch value {
    case 0..<0x80: try byte(UInt8(value))
    case 0x80..<0x800:
      try byte(0xc0 | UInt8(value >> 6))
      try byte(0x80 | UInt8(value & 0x3f))
    case 0x800..<0x1_0000:
      try byte(0xe0 | UInt8(value >> 12))
      try byte(0x80 | UInt8(value >> 6 & 0x3f))
      try byte(0x80 | UInt8(value & 0x3f))
    default:
      try byte(0xf0 | UInt8(value >> 18))
      try byte(0x80 | UInt8(value >> 12 & 0x3f))
      try byte(0x80 | UInt8(value >> 6 & 0x3f))
      try byte(0x80 | UInt8(value & 0x3f))
    }
  }
}
