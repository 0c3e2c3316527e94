// Base64 (RFC 4648 4) from its last character to its first, as pretix writes it, strictly: the
// canonical spelling only, so that no two texts are the same bytes.
// Invariants: padding is complete, unused bits are zero, there is no other character.

public enum Base64 {
  /// Decodes `text`, whose characters stand in reverse, into the beginning of `output`; returns the
  /// number of bytes.
  /// - Throws: `badText` for a character outside the alphabet, padding that is missing or too much,
  ///   or unused bits that are not zero (RFC 4648 3.5); `noSpace` if `output` is too small.
  @_lifetime(output: copy output)
  public static func decodeReversed(
    _ text: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    guard text.count % 4 == 0 else { throw .badText }
    var padding = 0
    while padding < min(2, text.count), text[padding] == padCharacter { padding += 1 }
    let total = text.count / 4 * 3 - padding
    guard total <= output.count else { throw .noSpace }
    var count = 0
    var group: UInt32 = 0
    var digits = 0
    var i = text.count
    while i > padding {
      i -= 1
      group = try group << 6 | UInt32(value(text[i]))
      digits += 1
      if digits == 4 {
        output[count] = UInt8(group >> 16 & 0xff)
        output[count + 1] = UInt8(group >> 8 & 0xff)
        output[count + 2] = UInt8(group & 0xff)
        count += 3
        group = 0
        digits = 0
      }
    }
    switch digits {
    case 3:
      guard group & 0x3 == 0 else { throw .badText }
      output[count] = UInt8(group >> 10 & 0xff)
      output[count + 1] = UInt8(group >> 2 & 0xff)
    case 2:
      guard group & 0xf == 0 else { throw .badText }
      output[count] = UInt8(group >> 4 & 0xff)
    default: break
    }
    return total
  }

  /// Characters that `count` bytes become.
  public static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// Encodes `bytes` into the beginning of `output`, last character first; returns the number of
  /// characters.
  /// - Throws: `noSpace`.
  @_lifetime(output: copy output)
  public static func encodeReversed(
    _ bytes: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    let total = encodedCount(bytes.count)
    guard output.count >= total else { throw .noSpace }
    var i = 0
    var place = total
    while i < bytes.count {
      var group = UInt32(bytes[i]) << 16
      if i + 1 < bytes.count { group |= UInt32(bytes[i + 1]) << 8 }
      if i + 2 < bytes.count { group |= UInt32(bytes[i + 2]) }
      output[place - 1] = character(group >> 18 & 0x3f)
      output[place - 2] = character(group >> 12 & 0x3f)
      output[place - 3] = i + 1 < bytes.count ? character(group >> 6 & 0x3f) : padCharacter
      output[place - 4] = i + 2 < bytes.count ? character(group & 0x3f) : padCharacter
      place -= 4
      i += 3
    }
    return total
  }

  private static var padCharacter: UInt8 { 0x3d }

  private static func value(_ character: UInt8) throws(WireError) -> UInt8 {
    switch character {
    case 0x41...0x5a: character - 0x41
    case 0x61...0x7a: character - 0x61 + 26
    case 0x30...0x39: character - 0x30 + 52
    case 0x2b: 62
    case 0x2f: 63
    default: throw .badText
    }
  }

  private static func character(_ value: UInt32) -> UInt8 {
    switch UInt8(value) {
    case 0..<26: UInt8(value) + 0x41
    case 26..<52: UInt8(value) - 26 + 0x61
    case 52..<62: UInt8(value) - 52 + 0x30
    case 62: 0x2b
    default: 0x2f
    }
  }
}
