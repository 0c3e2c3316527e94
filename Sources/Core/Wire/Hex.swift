// Base 16 (RFC 4648 8): upper or lower case in, lower case out.

public enum Hex {
  /// Decodes `text` into the beginning of `output`; returns the number of bytes.
  /// - Throws: `badText` for another character, `truncated` for an odd count, `noSpace`.
  @_lifetime(output: copy output)
  public static func decode(
    _ text: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    guard text.count % 2 == 0 else { throw .truncated }
    guard output.count >= text.count / 2 else { throw .noSpace }
    for i in 0..<text.count / 2 {
      output[i] = try nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1])
    }
    return text.count / 2
  }

  /// Decodes exactly `size` bytes.
  public static func fixed<let size: Int>(_ text: Span<UInt8>) throws(WireError) -> Bytes<size> {
    guard text.count == 2 * size else { throw .outOfRange }
    var value = Bytes<size>()
    var target = value.mutableSpan
    _ = try decode(text, into: &target)
    return value
  }

  public static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }

  static func nibble(_ character: UInt8) throws(WireError) -> UInt8 {
    switch character {
    case 0x30...0x39: return character - 0x30
    case 0x41...0x46: return character - 0x41 + 10
    case 0x61...0x66: return character - 0x61 + 10
    default: throw .badText
    }
  }
}
