// Base45 (RFC 9285), strictly: the alphabet only (SPACE is a digit of it), no overflow, no lone
// character.

public enum Base45 {
  /// Decodes `text` into the beginning of `output`; returns the number of bytes.
  /// - Throws: `badText` for a character outside the alphabet or a group that is too large
  ///   (RFC 9285 4.2: `FGW` is 65535, `GGW` must fail); `truncated` for a lone last character;
  ///   `noSpace` if `output` is too small.
  @_lifetime(output: copy output)
  public static func decode(
    _ text: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    var i = 0
    var count = 0
    while i < text.count {
      let left = text.count - i
      guard left >= 2 else { throw .truncated }
      let low = try digit(text[i]) + 45 * digit(text[i + 1])
      if left == 2 {
        guard low < 0x100 else { throw .badText }
        guard count < output.count else { throw .noSpace }
        output[count] = UInt8(low)
        return count + 1
      }
      let value = try low + 2025 * digit(text[i + 2])
      guard value < 0x1_0000 else { throw .badText }
      guard output.count - count >= 2 else { throw .noSpace }
      output[count] = UInt8(value >> 8)
      output[count + 1] = UInt8(value & 0xff)
      count += 2
      i += 3
    }
    return count
  }

  /// Characters that `count` bytes become.
  public static func encodedCount(_ count: Int) -> Int { count / 2 * 3 + count % 2 * 2 }

  /// Encodes `bytes` into the beginning of `output`; returns the number of characters.
  @_lifetime(output: copy output)
  public static func encode(
    _ bytes: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    guard output.count >= encodedCount(bytes.count) else { throw .noSpace }
    var i = 0
    var count = 0
    while i < bytes.count {
      let pair = bytes.count - i >= 2
      let value = pair ? Int(bytes[i]) << 8 | Int(bytes[i + 1]) : Int(bytes[i])
      output[count] = character(value % 45)
      output[count + 1] = character(value / 45 % 45)
      if pair { output[count + 2] = character(value / 2025) }
      count += pair ? 3 : 2
      i += 2
    }
    return count
  }

  private static func digit(_ character: UInt8) throws(WireError) -> Int {
    guard character < 128, digits[Int(character)] < 45 else { throw .badText }
    return Int(digits[Int(character)])
  }

  private static func character(_ digit: Int) -> UInt8 {
    switch digit {
    case 0..<10: UInt8(0x30 + digit)
    case 10..<36: UInt8(0x41 + digit - 10)
    case 36: 0x20
    case 37: 0x24
    case 38: 0x25
    case 39: 0x2a
    case 40: 0x2b
    case 41: 0x2d
    case 42: 0x2e
    case 43: 0x2f
    default: 0x3a
    }
  }
}

/// The value of each ASCII character, 255 outside the alphabet. A table, because a ticket's characters
/// are as good as random, and every branch on them is guessed wrong.
private let digits: InlineArray<128, UInt8> = [
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  36, 255, 255, 255, 37, 38, 255, 255, 255, 255, 39, 40, 255, 41, 42, 43,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 44, 255, 255, 255, 255, 255,
  255, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
  25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
]
