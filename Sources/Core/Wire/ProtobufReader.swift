// Fields of a Protocol Buffers message (protobuf.dev, "Encoding"), one after another.
// Invariants: it never reads outside its span, never allocates, and follows groups no deeper than
// `Limits.protobufDepthMax`; whatever the bytes are, it ends.

public import Limits

/// The head of a field.
public struct ProtobufTag: Equatable {
  /// 1 to 2^29 - 1.
  public var field: UInt64
  /// 0 varint, 1 eight bytes, 2 length-delimited, 3 and 4 begin and end of a group, 5 four bytes.
  public var wireType: UInt8
}

public struct ProtobufReader: ~Escapable {
  private let bytes: Span<UInt8>
  /// Offset of what comes next.
  public private(set) var position = 0

  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  public var isAtEnd: Bool { position == bytes.count }

  /// - Throws: `truncated`; `outOfRange` for a field or wire type that does not exist.
  public mutating func tag() throws(WireError) -> ProtobufTag {
    let value = try varint()
    let tag = ProtobufTag(field: value >> 3, wireType: UInt8(value & 7))
    guard tag.field >= 1, tag.field < 1 << 29, tag.wireType <= 5 else { throw .outOfRange }
    return tag
  }

  /// A number of at most 64 bits. Leading zero groups are allowed, as the format allows them.
  /// - Throws: `truncated`; `outOfRange` beyond ten bytes or 64 bits.
  public mutating func varint() throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    for i in 0..<10 {
      guard position < bytes.count else { throw .truncated }
      let byte = bytes[position]
      position += 1
      if i == 9 && byte > 1 { throw .outOfRange }
      value |= UInt64(byte & 0x7f) << UInt64(7 * i)
      if byte & 0x80 == 0 { return value }
    }
    throw .outOfRange
  }

  /// A length and so many bytes.
  /// - Throws: `truncated`, `outOfRange`.
  @_lifetime(copy self)
  public mutating func lengthDelimited() throws(WireError) -> Span<UInt8> {
    let count = try varint()
    let start = position
    try advance(count)
    return bytes.extracting(start..<position)
  }

  /// Skips what follows `tag`.
  /// - Throws: `truncated`, `outOfRange`, `tooDeep`; `unexpectedType` for the end of a group that
  ///   has not begun.
  public mutating func skip(
    _ tag: ProtobufTag, depth: Int = Limits.protobufDepthMax
  ) throws(WireError) {
    switch tag.wireType {
    case 0: _ = try varint()
    case 1: try advance(8)
    case 2: try advance(try varint())
    case 3:
      guard depth > 0 else { throw .tooDeep }
      while true {
        let inner = try self.tag()
        if inner.wireType == 4 {
          guard inner.field == tag.field else { throw .unexpectedType }
          return
        }
        try skip(inner, depth: depth - 1)
      }
    case 5: try advance(4)
    default: throw .unexpectedType
    }
  }

  private mutating func advance(_ count: UInt64) throws(WireError) {
    guard count <= UInt64(bytes.count - position) else { throw .truncated }
    position += Int(count)
  }
}
