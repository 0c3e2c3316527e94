// A strict CBOR reader (RFC 8949, core deterministic encoding as far as one pass can see it).
// Invariants: it never reads outside its span, never recurses deeper than it is told, never
// allocates; definite lengths only, except where `startIndefiniteArray` asks for one; integers and
// lengths must have their shortest form.

public import Limits

/// What is wrong with bytes from outside.
public enum WireError: Error, Equatable {
  /// The bytes end inside an item.
  case truncated
  /// An item of another type stands here.
  case unexpectedType
  /// A number or length is not in its shortest form, or out of the range that is asked for.
  case notCanonical
  case outOfRange
  /// An indefinite length where RFC 8949 4.2 forbids it.
  case indefiniteLength
  case tooDeep
  /// Bytes follow what should be the end.
  case trailingBytes
  /// A map key stands twice, or keys are out of order where order is demanded.
  case duplicateKey
  /// Text that is not UTF-8, or an alphabet's foreign character.
  case badText
  /// What was to be written does not fit.
  case noSpace
}

/// The major type and argument of the next item.
public struct CBORHead: Equatable {
  public var major: UInt8
  public var argument: UInt64
}

public struct CBORReader: ~Escapable {
  public let bytes: Span<UInt8>
  /// Offset of the next item.
  public private(set) var position: Int

  /// - Parameter position: where to begin, at most `bytes.count`.
  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>, at position: Int = 0) {
    precondition(position >= 0 && position <= bytes.count, "position beyond the bytes")
    self.bytes = bytes
    self.position = position
  }

  public var isAtEnd: Bool { position == bytes.count }

  /// Throws `trailingBytes` if anything is left.
  public func finish() throws(WireError) {
    if !isAtEnd { throw .trailingBytes }
  }

  /// Major type of the next item, without taking it.
  public func peekMajor() throws(WireError) -> UInt8 {
    guard position < bytes.count else { throw .truncated }
    return bytes[position] >> 5
  }

  /// First byte of the next item, without taking it.
  public func peekByte() throws(WireError) -> UInt8 {
    guard position < bytes.count else { throw .truncated }
    return bytes[position]
  }

  public mutating func head() throws(WireError) -> CBORHead {
    let first = try peekByte()
    let info = first & 0x1f
    let major = first >> 5
    if info < 24 {
      position += 1
      return CBORHead(major: major, argument: UInt64(info))
    }
    if info == 31 { throw .indefiniteLength }
    guard info <= 27 else { throw .notCanonical }
    let width = 1 << Int(info - 24)
    guard bytes.count - position > width else { throw .truncated }
    var argument: UInt64 = 0
    for i in 1...width { argument = argument << 8 | UInt64(bytes[position + i]) }
    if major != 7 {
      let least: UInt64 =
        switch width {
        case 1: 24
        case 2: 0x100
        case 4: 0x1_0000
        default: 0x1_0000_0000
        }
      if argument < least { throw .notCanonical }
    } else if width == 1 && argument < 32 {
      throw .notCanonical
    }
    position += 1 + width
    return CBORHead(major: major, argument: argument)
  }

  public mutating func unsigned() throws(WireError) -> UInt64 {
    let head = try expect(0)
    return head
  }

  /// An unsigned integer of at most `limit`.
  public mutating func unsigned(max limit: UInt64) throws(WireError) -> UInt64 {
    let value = try unsigned()
    if value > limit { throw .outOfRange }
    return value
  }

  /// A signed integer in the range of Int64.
  public mutating func integer() throws(WireError) -> Int64 {
    let start = position
    let item = try head()
    guard item.major <= 1 else {
      position = start
      throw .unexpectedType
    }
    guard item.argument <= UInt64(Int64.max) else { throw .outOfRange }
    return item.major == 0 ? Int64(item.argument) : -1 - Int64(item.argument)
  }

  /// Length of the array that starts here, at most `limit` items.
  public mutating func array(max limit: Int) throws(WireError) -> Int {
    let count = try expect(4)
    // Every item takes at least a byte: a length beyond the bytes left is a lie.
    guard count <= UInt64(bytes.count - position) else { throw .truncated }
    guard count <= UInt64(limit) else { throw .outOfRange }
    return Int(count)
  }

  /// The array that starts here, which must have exactly `count` items.
  public mutating func array(exactly count: Int) throws(WireError) {
    if try array(max: count) != count { throw .outOfRange }
  }

  /// Pairs in the map that starts here, at most `limit`.
  public mutating func map(max limit: Int) throws(WireError) -> Int {
    let count = try expect(5)
    guard count <= UInt64(bytes.count - position) / 2 else { throw .truncated }
    guard count <= UInt64(limit) else { throw .outOfRange }
    return Int(count)
  }

  public mutating func tag() throws(WireError) -> UInt64 { try expect(6) }

  public mutating func bool() throws(WireError) -> Bool {
    let byte = try peekByte()
    guard byte == 0xf4 || byte == 0xf5 else { throw .unexpectedType }
    position += 1
    return byte == 0xf5
  }

  /// Takes a null if one stands here.
  public mutating func null() throws(WireError) -> Bool {
    guard try peekByte() == 0xf6 else { return false }
    position += 1
    return true
  }

  @_lifetime(copy self)
  public mutating func byteString() throws(WireError) -> Span<UInt8> {
    try take(lengthOf: 2)
  }

  /// A byte string of exactly `size` bytes, by value.
  @inlinable
  public mutating func fixed<let size: Int>() throws(WireError) -> Bytes<size> {
    let span = try byteString()
    guard span.count == size else { throw .outOfRange }
    return Bytes<size>(span)
  }

  /// A text string, which must be UTF-8 (RFC 3629).
  @_lifetime(copy self)
  public mutating func text() throws(WireError) -> Span<UInt8> {
    let span = try take(lengthOf: 3)
    if !isUTF8(span) { throw .badText }
    return span
  }

  /// Skips one whole item, nested at most `depth` levels deep.
  public mutating func skip(depth: Int = Limits.cborDepthMax) throws(WireError) {
    guard depth > 0 else { throw .tooDeep }
    let item = try head()
    switch item.major {
    case 0, 1: break
    case 2: try advance(item.argument)
    case 3:
      let start = position
      try advance(item.argument)
      if !isUTF8(bytes.extracting(start..<position)) { throw .badText }
    case 4:
      guard item.argument <= UInt64(bytes.count - position) else { throw .truncated }
      for _ in 0..<item.argument { try skip(depth: depth - 1) }
    case 5:
      guard item.argument <= UInt64(bytes.count - position) / 2 else { throw .truncated }
      for _ in 0..<item.argument {
        try skip(depth: depth - 1)
        try skip(depth: depth - 1)
      }
    case 6: try skip(depth: depth - 1)
    default: break
    }
  }

  /// Takes an indefinite-length array's first byte (bundles are one: RFC 9171 4.1).
  public mutating func startIndefiniteArray() throws(WireError) {
    guard try peekByte() == 0x9f else { throw .unexpectedType }
    position += 1
  }

  /// Takes the "break" that ends an indefinite-length array, if it stands here.
  public mutating func takeBreak() throws(WireError) -> Bool {
    guard try peekByte() == 0xff else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ major: UInt8) throws(WireError) -> UInt64 {
    guard try peekMajor() == major else { throw .unexpectedType }
    return try head().argument
  }

  @_lifetime(copy self)
  private mutating func take(lengthOf major: UInt8) throws(WireError) -> Span<UInt8> {
    let count = try expect(major)
    let start = position
    try advance(count)
    return bytes.extracting(start..<position)
  }

  private mutating func advance(_ count: UInt64) throws(WireError) {
    guard count <= UInt64(bytes.count - position) else { throw .truncated }
    position += Int(count)
  }
}

/// Whether `bytes` are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
public func isUTF8(_ bytes: Span<UInt8>) -> Bool {
  var i = 0
  while i < bytes.count {
    let first = bytes[i]
    if first < 0x80 {
      i += 1
      continue
    }
    let length: Int
    let low: UInt8
    let high: UInt8
    switch first {
    case 0xc2...0xdf: (length, low, high) = (2, 0x80, 0xbf)
    case 0xe0: (length, low, high) = (3, 0xa0, 0xbf)
    case 0xed: (length, low, high) = (3, 0x80, 0x9f)
    case 0xe1...0xef: (length, low, high) = (3, 0x80, 0xbf)
    case 0xf0: (length, low, high) = (4, 0x90, 0xbf)
    case 0xf1...0xf3: (length, low, high) = (4, 0x80, 0xbf)
    case 0xf4: (length, low, high) = (4, 0x80, 0x8f)
    default: return false
    }
    guard bytes.count - i >= length, bytes[i + 1] >= low, bytes[i + 1] <= high else { return false }
    var k = 2
    while k < length {
      if bytes[i + k] & 0xc0 != 0x80 { return false }
      k += 1
    }
    i += length
  }
  return true
}
