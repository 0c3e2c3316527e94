// What a scanner puts before a code, and the case that spoils one.

import Scanners
import Testing
import Wire

private func code(in text: String) -> String {
  let bytes = Array(text.utf8)
  return String(decoding: bytes[CodeText.start(of: bytes.span)...], as: UTF8.self)
}

private func hasWrongCase(_ text: String) -> Bool {
  let bytes = Array(text.utf8)
  return CodeText.hasWrongCase(bytes.span)
}

@Test func `ISO/IEC 15424: a symbology identifier is no part of a code`() {
  for identifier in ["]Q1", "]Q3", "]d2", "]e0", "]C1", "]QA", "]z9"] {
    #expect(code(in: identifier + "RRQ 1") == "RRQ 1")
  }
}

@Test func `an ECI prefix of a character set that a ticket can be in is no part of a code`() {
  for prefix in ["\\000001", "\\000003", "\\000026", "\\000027"] {
    #expect(code(in: prefix + "RRQ") == "RRQ")
    #expect(code(in: "]Q1" + prefix + "RRQ") == "RRQ")
  }
  for other in ["\\000002", "\\000020", "\\100001", "\\00026", "\\00000", "/000026", "\\00002A"] {
    #expect(code(in: other + "RRQ") == other + "RRQ")
  }
}

@Test func `each prefix is taken away once, the identifier first`() {
  #expect(code(in: "]Q1]Q3RRQ") == "]Q3RRQ")
  #expect(code(in: "\\000026\\000003RRQ") == "\\000003RRQ")
  #expect(code(in: "\\000026]Q1RRQ") == "]Q1RRQ")
  #expect(code(in: "]Q1\\000026]Q1\\000026RRQ") == "]Q1\\000026RRQ")
}

@Test func `a prefix with nothing behind it stays`() {
  for text in ["", "]", "]Q", "]Q1", "\\", "\\000026"] { #expect(code(in: text) == text) }
  #expect(code(in: "]Q1\\000026") == "\\000026")
  #expect(code(in: "]Q1R") == "R")
  #expect(code(in: "\\000026R") == "R")
}

@Test func `what only resembles a symbology identifier stays`() {
  for text in ["]11RRQ", "] 1RRQ", "]Q-RRQ", "[Q1RRQ", "]@1RRQ", "]{1RRQ", "RRQ]Q1"] {
    #expect(code(in: text) == text)
  }
}

@Test func `no ticket is changed: none of its characters begins a prefix`() {
  let base45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
  let base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
  for first in Set(base45 + base64) {
    let text = String(first) + "Q1\\000026RRQ"
    #expect(code(in: text) == text)
  }
}

@Test func `a CWT ticket in small letters is known by each of its beginnings`() {
  for text in ["RRQ$ 1/%A:B", "QWG0.*+-Z", "7FR9K", "RRQ$ 1\r\n", "QWGA\t"] {
    #expect(hasWrongCase(text.lowercased()))
    #expect(!hasWrongCase(text))
  }
}

@Test func `what may be right as it is has no wrong case`() {
  for text in [
    "", "r", "rrq", "rrqA", "Rrq0", "rRQ0", "abc0", "rrq_", "rrq=", "rrq\u{7f}", " rrq0",
    "AEAAHoYBaBcDqwg", "rrq0\r0",
  ] {
    #expect(!hasWrongCase(text), "\(text)")
  }
}

@Test func `no bytes trap, and what is taken away is a prefix`() {
  var dice = Dice()
  let pieces = ["]", "Q1", "\\", "000026", "rrq", "0", "A"].map { Array($0.utf8) }
  for _ in 0..<20_000 {
    var text: [UInt8] = []
    for _ in 0..<dice.roll(10) {
      text += dice.roll(6) == 0 ? [UInt8(dice.roll(256))] : pieces[dice.roll(pieces.count)]
    }
    let start = CodeText.start(of: text.span)
    #expect(start == 0 || (start < text.count && [3, 7, 10].contains(start)))
    _ = CodeText.hasWrongCase(text.span)
  }
}
