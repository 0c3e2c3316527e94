// Builds a line of text in the caller's bytes: log lines, verdicts, JSON, without a String.
// Invariants: it never writes outside its span; what does not fit is cut, and `isCut` says so.

public struct TextWriter: ~Copyable, ~Escapable {
  private var bytes: MutableSpan<UInt8>
  /// Bytes written so far.
  public private(set) var count: Int = 0
  public private(set) var isCut = false

  @_lifetime(copy bytes)
  public init(_ bytes: consuming MutableSpan<UInt8>) { self.bytes = bytes }

  @_lifetime(borrow self)
  public func written() -> Span<UInt8> { bytes.span.extracting(first: count) }

  @_lifetime(self: copy self)
  public mutating func byte(_ value: UInt8) {
    guard count < bytes.count else {
      isCut = true
      return
    }
    bytes[count] = value
    count += 1
  }

  @_lifetime(self: copy self)
  public mutating func put(_ text: StaticString) {
    for value in TextBytes(text) { byte(value) }
  }

  @_lifetime(self: copy self)
  public mutating func put(_ text: Span<UInt8>) {
    for i in text.indices { byte(text[i]) }
  }

  /// A decimal number.
  @_lifetime(self: copy self)
  public mutating func put(_ number: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var length = 0
    var rest = number
    repeat {
      digits[length] = UInt8(0x30 + rest % 10)
      rest /= 10
      length += 1
    } while rest > 0
    while length > 0 {
      length -= 1
      byte(digits[length])
    }
  }

  @_lifetime(self: copy self)
  public mutating func put(_ number: Int64) {
    if number < 0 { byte(0x2d) }
    put(number.magnitude)
  }

  @_lifetime(self: copy self)
  public mutating func put(_ number: Int) { put(Int64(number)) }

  /// Two lower-case digits a byte.
  @_lifetime(self: copy self)
  public mutating func hex(_ value: Span<UInt8>) {
    for i in value.indices {
      byte(Hex.digit(value[i] >> 4))
      byte(Hex.digit(value[i] & 15))
    }
  }

  /// `text` inside a JSON string or a logfmt value in quotes: quotes, backslashes and everything
  /// outside printable ASCII as escapes (RFC 8259 7; bytes that are not ASCII as \u00XX).
  @_lifetime(self: copy self)
  public mutating func escaped(_ text: Span<UInt8>) {
    for i in text.indices {
      let value = text[i]
      switch value {
      case 0x22, 0x5c:
        byte(0x5c)
        byte(value)
      case 0x20...0x7e: byte(value)
      default:
        put("\\u00")
        byte(Hex.digit(value >> 4))
        byte(Hex.digit(value & 15))
      }
    }
  }

  @_lifetime(self: copy self)
  public mutating func clear() {
    count = 0
    isCut = false
  }
}
