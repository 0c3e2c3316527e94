// The text of a code, as against what a scanner puts before it, and the fault that spoils it.
// Invariants: what is taken away begins with `]` or `\`, which are characters neither of Base45 nor
// of Base64: no ticket is ever changed. It is taken away at most once each, first the AIM symbology
// identifier, then the ECI, and never so that nothing is left. Nothing is repaired.

import Wire

public enum CodeText {
  /// Where the code begins behind an AIM symbology identifier (ISO/IEC 15424: `]`, a letter, a
  /// modifier) and an ECI prefix (AIM ECI: `\` and six digits) of a character set that a ticket can
  /// be in: 1 and 3 ISO 8859-1, 26 UTF-8, 27 ASCII.
  public static func start(of text: Span<UInt8>) -> Int {
    var start = 0
    if text.count > 3 && text[0] == 0x5d && isLetter(text[1])
      && (isLetter(text[2]) || isDigit(text[2]))
    {
      start = 3
    }
    if text.count > start + 7 && isCharacterSet(text.extracting(start..<start + 7)) { start += 7 }
    return start
  }

  /// Whether `text` is a CWT ticket with every letter in the wrong case: CapsLock is on at the
  /// scanner or at the host. Base45 has no small letter, so it certainly is, if it begins as a ticket
  /// does (`rrq`, `qwg`, `7fr`) and is Base45 but for the case.
  ///
  /// It is named and not repaired: a ticket whose case matters (pretix, Base64) comes out of the same
  /// scanner just as wrong, and cannot be told or repaired. A gate that admits the ones and refuses
  /// the others hides a fault that somebody has to mend.
  public static func hasWrongCase(_ text: Span<UInt8>) -> Bool {
    var count = text.count
    // Line ends and tabs may follow a ticket.
    while count > 0 && (text[count - 1] == 0x0d || text[count - 1] == 0x0a || text[count - 1] == 9)
    {
      count -= 1
    }
    guard count > 3 else { return false }
    let mark = text.extracting(first: 3)
    guard equal(mark, "rrq") || equal(mark, "qwg") || equal(mark, "7fr") else { return false }
    for i in 0..<count where !isBase45ButForCase(text[i]) { return false }
    return true
  }

  private static func isCharacterSet(_ prefix: Span<UInt8>) -> Bool {
    equal(prefix, "\\000001") || equal(prefix, "\\000003") || equal(prefix, "\\000026")
      || equal(prefix, "\\000027")
  }

  private static func isBase45ButForCase(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x61...0x7a: true
    // Space, $ % * + - . / :
    case 0x20, 0x24, 0x25, 0x2a, 0x2b, 0x2d, 0x2e, 0x2f, 0x3a: true
    default: false
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
