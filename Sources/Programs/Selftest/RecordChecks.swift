// Records with the bytes that another program made of FORMAT.md.

import Limits
import Records
import Seal
import Wire

func checkRecords(_ check: inout Check, _ arena: inout Arena) {
  var bytes = arena.take(Limits.recordBytesMax)
  let admission = ScanRecord(
    sequence: 1, previous: Hash(),
    instant: Instant(milliseconds: 1_750_000_000_123, uncertainty: 250, boot: 7),
    subject: counting(), operation: .consume, reason: .valid, event: 2026, zone: 1, use: 1,
    entries: 1, clock: KnownClock())
  do throws(WireError) {
    var space = bytes.mutableSpan
    let count = try admission.encode(into: &space)
    check.that(
      "an admission's bytes",
      equalHex(
        bytes.span(0..<count),
        """
        8e010158200000000000000000000000000000000000000000000000000000000000000000071b000001\
        977420dc7b18fa50000102030405060708090a0b0c0d0e0f01001907ea010101820080
        """))
    check.that(
      "an admission's id",
      equalHex(
        Sodium.hash(bytes.span(0..<count)).span,
        "6dc2af6a1a8733fd4820a97d4b3a747b9be46d47d6653ee27ccb08c99e676a56"))
    let parsed = try Record(parsing: bytes.span(0..<count))
    check.that("an admission is read again", parsed == .scan(admission))
  } catch {
    check.that("an admission is written and read", false)
  }
  checkExtremes(&check, &bytes)
}

/// Negative time, no subject, the largest numbers, a clock of two events.
private func checkExtremes(_ check: inout Check, _ bytes: inout Memory) {
  let range = bytes.put(
    hex: """
      8e010258206dc2af6a1a8733fd4820a97d4b3a747b9be46d47d6653ee27ccb08c99e676a56072000f600\
      051affffffff1a8000000000008219012c82831903ea021a00011170831b001fffffffffffff0301
      """)
  do throws(WireError) {
    let record = try ScanRecord(parsing: bytes.span(range))
    check.that(
      "a record of extremes",
      record.sequence == 2 && record.instant.milliseconds == -1 && record.subject == nil
        && record.reason == .revokedKey && record.zone == 0x8000_0000 && record.clock.height == 300
        && record.clock.count == 2 && record.clock[1].node == 1 << 53 - 1)
  } catch {
    check.that("a record of extremes is read", false)
  }
  do throws(WireError) {
    _ = try ScanRecord(parsing: bytes.span(0..<range.upperBound - 1))
    check.that("a record that ends early is refused", false)
  } catch {
    check.that("a record that ends early is refused", error == .truncated)
  }
}
