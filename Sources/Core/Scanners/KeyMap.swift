// The US keyboard, which scanners play unless they are told otherwise.
// Invariants: each printable ASCII character (20 to 7E) has exactly one key of the main block; the
// keypad types digits whatever NumLock says, because a scanner has no cursor to move; a key that is
// not here types nothing.

/// What one key types.
public struct KeyCharacters: Sendable, Equatable {
  public var plain: UInt8
  public var shifted: UInt8

  init(_ plain: Unicode.Scalar, _ shifted: Unicode.Scalar) {
    self.plain = UInt8(truncatingIfNeeded: plain.value)
    self.shifted = UInt8(truncatingIfNeeded: shifted.value)
  }

  public var isLetter: Bool { plain >= 0x61 && plain <= 0x7a }
}

public enum KeyMap {
  /// The characters of a key by its code (linux/input-event-codes.h); nil if it types nothing.
  public static func characters(of code: UInt16) -> KeyCharacters? {
    switch code {
    case 2...13, 41, 43: upperRow(code)
    case 16...27: topRow(code)
    case 30...40: homeRow(code)
    case 44...53: bottomRow(code)
    case 57: KeyCharacters(" ", " ")
    case 55, 71...83, 98, 117: keypad(code)
    default: nil
    }
  }

  private static func upperRow(_ code: UInt16) -> KeyCharacters? {
    switch code {
    case 2: KeyCharacters("1", "!")
    case 3: KeyCharacters("2", "@")
    case 4: KeyCharacters("3", "#")
    case 5: KeyCharacters("4", "$")
    case 6: KeyCharacters("5", "%")
    case 7: KeyCharacters("6", "^")
    case 8: KeyCharacters("7", "&")
    case 9: KeyCharacters("8", "*")
    case 10: KeyCharacters("9", "(")
    case 11: KeyCharacters("0", ")")
    case 12: KeyCharacters("-", "_")
    case 13: KeyCharacters("=", "+")
    case 41: KeyCharacters("`", "~")
    case 43: KeyCharacters("\\", "|")
    default: nil
    }
  }

  private static func topRow(_ code: UInt16) -> KeyCharacters? {
    switch code {
    case 16: KeyCharacters("q", "Q")
    case 17: KeyCharacters("w", "W")
    case 18: KeyCharacters("e", "E")
    case 19: KeyCharacters("r", "R")
    case 20: KeyCharacters("t", "T")
    case 21: KeyCharacters("y", "Y")
    case 22: KeyCharacters("u", "U")
    case 23: KeyCharacters("i", "I")
    case 24: KeyCharacters("o", "O")
    case 25: KeyCharacters("p", "P")
    case 26: KeyCharacters("[", "{")
    case 27: KeyCharacters("]", "}")
    default: nil
    }
  }

  private static func homeRow(_ code: UInt16) -> KeyCharacters? {
    switch code {
    case 30: KeyCharacters("a", "A")
    case 31: KeyCharacters("s", "S")
    case 32: KeyCharacters("d", "D")
    case 33: KeyCharacters("f", "F")
    case 34: KeyCharacters("g", "G")
    case 35: KeyCharacters("h", "H")
    case 36: KeyCharacters("j", "J")
    case 37: KeyCharacters("k", "K")
    case 38: KeyCharacters("l", "L")
    case 39: KeyCharacters(";", ":")
    case 40: KeyCharacters("'", "\"")
    default: nil
    }
  }

  private static func bottomRow(_ code: UInt16) -> KeyCharacters? {
    switch code {
    case 44: KeyCharacters("z", "Z")
    case 45: KeyCharacters("x", "X")
    case 46: KeyCharacters("c", "C")
    case 47: KeyCharacters("v", "V")
    case 48: KeyCharacters("b", "B")
    case 49: KeyCharacters("n", "N")
    case 50: KeyCharacters("m", "M")
    case 51: KeyCharacters(",", "<")
    case 52: KeyCharacters(".", ">")
    case 53: KeyCharacters("/", "?")
    default: nil
    }
  }

  private static func keypad(_ code: UInt16) -> KeyCharacters? {
    switch code {
    case 55: KeyCharacters("*", "*")
    case 71: KeyCharacters("7", "7")
    case 72: KeyCharacters("8", "8")
    case 73: KeyCharacters("9", "9")
    case 74: KeyCharacters("-", "-")
    case 75: KeyCharacters("4", "4")
    case 76: KeyCharacters("5", "5")
    case 77: KeyCharacters("6", "6")
    case 78: KeyCharacters("+", "+")
    case 79: KeyCharacters("1", "1")
    case 80: KeyCharacters("2", "2")
    case 81: KeyCharacters("3", "3")
    case 82: KeyCharacters("0", "0")
    case 83: KeyCharacters(".", ".")
    case 98: KeyCharacters("/", "/")
    case 117: KeyCharacters("=", "=")
    default: nil
    }
  }
}
