// Encodings: CBOR (RFC 8949, appendix A), Base45 (RFC 9285), hex (RFC 4648), UTF-8 (RFC 3629).

import Seal
import Wire

func checkWire(_ check: inout Check, _ arena: inout Arena) {
  var text = arena.take(256)
  var bytes = arena.take(256)
  checkCBOR(&check, &bytes)
  checkCBORRefusals(&check, &bytes)
  checkBase45(&check, &text, &bytes)
  checkText(&check, &bytes)
  let digits = bytes.put(text: "123456789")
  check.that("CRC-32C of 123456789", Sodium.crc32c(bytes.span(digits)) == 0xe306_9283)
  let first = Sodium.crc32c(bytes.span(0..<4))
  check.that("CRC-32C goes on", Sodium.crc32c(bytes.span(4..<9), from: first) == 0xe306_9283)
}

private func checkCBOR(_ check: inout Check, _ bytes: inout Memory) {
  do throws(WireError) {
    var space = bytes.mutableSpan
    var writer = CBORWriter(space.whole())
    try writer.array(10)
    let numbers: InlineArray<6, UInt64> = [23, 24, 1000, 1_000_000, 1_000_000_000_000, .max]
    for i in 0..<6 { try writer.unsigned(numbers[i]) }
    try writer.integer(-1000)
    try writer.text("IETF")
    let four: Bytes<4> = counting()
    try writer.byteString(four.span)
    try writer.null()
    check.that(
      "CBOR is written in shortest form",
      equalHex(
        writer.written(),
        """
        8a1718181903e81a000f42401b000000e8d4a510001bffffffffffffffff3903e7644945544644000102\
        03f6
        """))
  } catch {
    check.that("CBOR is written", false)
  }
}

private func checkCBORRefusals(_ check: inout Check, _ bytes: inout Memory) {
  check.that("CBOR: 24 in one byte", number("1818", &bytes) == 24)
  check.that("CBOR: 23 in two bytes is refused", number("1817", &bytes) == nil)
  check.that("CBOR: a number that ends early is refused", number("1903", &bytes) == nil)
  check.that("CBOR: text is no number", number("6161", &bytes) == nil)
}

private func number(_ hex: StaticString, _ bytes: inout Memory) -> UInt64? {
  let range = bytes.put(hex: hex)
  var reader = CBORReader(bytes.span(range))
  do throws(WireError) {
    let number = try reader.unsigned()
    try reader.finish()
    return number
  } catch {
    return nil
  }
}

private func checkBase45(_ check: inout Check, _ text: inout Memory, _ bytes: inout Memory) {
  check.that("Base45: QED8WEX0 is ietf!", base45("QED8WEX0", "ietf!", &text, &bytes))
  check.that("Base45: BB8 is AB", base45("BB8", "AB", &text, &bytes))
  check.that("Base45: GGW is too large", !base45("GGW", "", &text, &bytes))
  check.that("Base45: lower case is refused", !base45("bb8", "AB", &text, &bytes))
}

private func base45(
  _ code: StaticString, _ plain: StaticString, _ text: inout Memory, _ bytes: inout Memory
) -> Bool {
  let range = text.put(text: code)
  do throws(WireError) {
    var space = bytes.mutableSpan
    let count = try Base45.decode(text.span(range), into: &space)
    guard equal(bytes.span(0..<count), plain) else { return false }
    var again = text.mutableSpan
    let length = try Base45.encode(bytes.span(0..<count), into: &again)
    return equal(text.span(0..<length), code)
  } catch {
    return false
  }
}

private func checkText(_ check: inout Check, _ bytes: inout Memory) {
  var range = bytes.put(hex: "24c2a2e282acf0908d88")
  check.that("UTF-8 of one to four bytes", isUTF8(bytes.span(range)))
  range = bytes.put(hex: "c0af")
  check.that("UTF-8: overlong forms are refused", !isUTF8(bytes.span(range)))
  range = bytes.put(hex: "eda080")
  check.that("UTF-8: surrogates are refused", !isUTF8(bytes.span(range)))
  range = bytes.put(text: "00fFaB")
  do throws(WireError) {
    let value: Bytes<3> = try Hex.fixed(bytes.span(range))
    check.that("hex in both cases", equalHex(value.span, "00ffab"))
  } catch {
    check.that("hex is read", false)
  }
}
