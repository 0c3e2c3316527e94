// What the checks share: a count of outcomes, and bytes from literals.

import Wire

struct Check {
  private(set) var result = SelftestResult(passed: 0, failed: 0, firstFailure: "")

  /// Counts one outcome.
  mutating func that(_ name: StaticString, _ holds: Bool) {
    if holds {
      result.passed += 1
      return
    }
    if result.failed == 0 { result.firstFailure = name }
    result.failed += 1
  }
}

/// Whether `bytes` are what the lower-case hex digits say.
func equalHex(_ bytes: Span<UInt8>, _ hex: StaticString) -> Bool {
  guard hex.utf8CodeUnitCount == 2 * bytes.count else { return false }
  var digits = TextBytes(hex)
  for i in bytes.indices {
    guard digits.next() == Hex.digit(bytes[i] >> 4), digits.next() == Hex.digit(bytes[i] & 15)
    else { return false }
  }
  return true
}

extension Memory {
  /// Bytes from the beginning that hold what the hex digits say.
  mutating func put(hex: StaticString) -> Range<Int> {
    var bytes = mutableSpan
    var text = TextBytes(hex)
    var count = 0
    while let high = text.next(), let low = text.next() {
      bytes[count] = nibble(high) << 4 | nibble(low)
      count += 1
    }
    return 0..<count
  }

  /// Bytes from the beginning that hold the text's.
  mutating func put(text: StaticString) -> Range<Int> {
    var bytes = mutableSpan
    var count = 0
    for byte in TextBytes(text) {
      bytes[count] = byte
      count += 1
    }
    return 0..<count
  }

}

/// A value from its hex digits.
func fixed<let size: Int>(_ hex: StaticString) -> Bytes<size> {
  var value = Bytes<size>()
  var text = TextBytes(hex)
  var i = 0
  while i < size, let high = text.next(), let low = text.next() {
    value.storage[i] = nibble(high) << 4 | nibble(low)
    i += 1
  }
  return value
}

private func nibble(_ digit: UInt8) -> UInt8 { digit < 0x3a ? digit - 0x30 : digit - 0x57 }

/// The bytes 00, 01, 02 and so on: the seed and the identity of all vectors.
func counting<let size: Int>() -> Bytes<size> {
  var value = Bytes<size>()
  for i in 0..<size { value.storage[i] = UInt8(i) }
  return value
}
