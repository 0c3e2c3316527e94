// A CBOR writer into the caller's bytes (RFC 8949 4.2: shortest forms, definite lengths; the
// caller writes map keys in order).
// Invariants: it never writes outside its span; `count` bytes from the beginning are written.

public struct CBORWriter: ~Copyable, ~Escapable {
  private var bytes: MutableSpan<UInt8>
  /// Bytes written so far.
  public private(set) var count: Int = 0

  @_lifetime(copy bytes)
  public init(_ bytes: consuming MutableSpan<UInt8>) { self.bytes = bytes }

  public var space: Int { bytes.count - count }

  /// What is written so far, from `start`.
  @_lifetime(borrow self)
  public func written(from start: Int = 0) -> Span<UInt8> {
    bytes.span.extracting(start..<count)
  }

  @_lifetime(self: copy self)
  public mutating func head(_ major: UInt8, _ argument: UInt64) throws(WireError) {
    let lead = major << 5
    let width: Int
    let info: UInt8
    switch argument {
    case 0..<24:
      try byte(lead | UInt8(argument))
      return
    case 24..<0x100: (width, info) = (1, 24)
    case 0x100..<0x1_0000: (width, info) = (2, 25)
    case 0x1_0000..<0x1_0000_0000: (width, info) = (4, 26)
    default: (width, info) = (8, 27)
    }
    guard space > width else { throw .noSpace }
    bytes[count] = lead | info
    for i in 0..<width {
      bytes[count + 1 + i] = UInt8(truncatingIfNeeded: argument >> (8 * UInt64(width - 1 - i)))
    }
    count += 1 + width
  }

  @_lifetime(self: copy self)
  public mutating func unsigned(_ value: UInt64) throws(WireError) { try head(0, value) }

  @_lifetime(self: copy self)
  public mutating func integer(_ value: Int64) throws(WireError) {
    if value >= 0 {
      try head(0, UInt64(value))
    } else {
      try head(1, UInt64(-1 - value))
    }
  }

  @_lifetime(self: copy self)
  public mutating func array(_ count: Int) throws(WireError) { try head(4, UInt64(count)) }

  @_lifetime(self: copy self)
  public mutating func map(_ count: Int) throws(WireError) { try head(5, UInt64(count)) }

  @_lifetime(self: copy self)
  public mutating func tag(_ tag: UInt64) throws(WireError) { try head(6, tag) }

  @_lifetime(self: copy self)
  public mutating func byteString(_ value: Span<UInt8>) throws(WireError) {
    try head(2, UInt64(value.count))
    try raw(value)
  }

  @_lifetime(self: copy self)
  public mutating func text(_ value: Span<UInt8>) throws(WireError) {
    try head(3, UInt64(value.count))
    try raw(value)
  }

  @_lifetime(self: copy self)
  public mutating func text(_ value: StaticString) throws(WireError) {
    try head(3, UInt64(value.utf8CodeUnitCount))
    for byte in TextBytes(value) { try self.byte(byte) }
  }

  @_lifetime(self: copy self)
  public mutating func null() throws(WireError) { try byte(0xf6) }

  @_lifetime(self: copy self)
  public mutating func bool(_ value: Bool) throws(WireError) { try byte(value ? 0xf5 : 0xf4) }

  @_lifetime(self: copy self)
  public mutating func startIndefiniteArray() throws(WireError) { try byte(0x9f) }

  @_lifetime(self: copy self)
  public mutating func endIndefiniteArray() throws(WireError) { try byte(0xff) }

  /// Bytes as they are: an item that is already encoded.
  @_lifetime(self: copy self)
  public mutating func raw(_ value: Span<UInt8>) throws(WireError) {
    guard value.count <= space else { throw .noSpace }
    copy(value, to: &bytes, at: count)
    count += value.count
  }

  @_lifetime(self: copy self)
  public mutating func byte(_ value: UInt8) throws(WireError) {
    guard space > 0 else { throw .noSpace }
    bytes[count] = value
    count += 1
  }

  /// Overwrites what was written at `offset` (a CRC field, once the rest is known).
  @_lifetime(self: copy self)
  public mutating func patch(_ value: Span<UInt8>, at offset: Int) {
    precondition(offset >= 0 && value.count <= count - offset, "patch beyond what is written")
    copy(value, to: &bytes, at: offset)
  }
}
