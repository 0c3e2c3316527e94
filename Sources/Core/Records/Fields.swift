// The fields that several formats share, read in their one allowed form (FORMAT.md, "Common").

public import Wire

extension CBORReader {
  /// A device or validator: 1 to 2^53 - 1.
  public mutating func node() throws(WireError) -> UInt64 {
    let node = try unsigned(max: 1 << 53 - 1)
    guard node > 0 else { throw .outOfRange }
    return node
  }

  /// Something that only rises: at most 2^63 - 1, so that adding to it cannot overflow.
  public mutating func counter() throws(WireError) -> UInt64 {
    try unsigned(max: UInt64(Int64.max))
  }

  /// A sequence number or a height that exists: a counter from 1.
  public mutating func ordinal() throws(WireError) -> UInt64 {
    let value = try counter()
    guard value > 0 else { throw .outOfRange }
    return value
  }

  public mutating func uint32() throws(WireError) -> UInt32 {
    UInt32(try unsigned(max: UInt64(UInt32.max)))
  }

  public mutating func uint16() throws(WireError) -> UInt16 {
    UInt16(try unsigned(max: UInt64(UInt16.max)))
  }

  public mutating func recordClass() throws(WireError) -> RecordClass {
    guard let value = RecordClass(rawValue: UInt8(try unsigned(max: 3))) else { throw .outOfRange }
    return value
  }
}
