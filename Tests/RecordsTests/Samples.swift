// What the tests of records share: a seeded generator, hex, keys, records of every shape.

import Limits
import Seal
import Wire

@testable import Records

/// SplitMix64: one seed, one run. The seed is printed by the test that draws it.
struct Dice: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// A seed of its own for every run, printed.
  init(_ test: String) {
    let seed = UInt64.random(in: 0 ... .max)
    print("\(test): seed \(seed)")
    self.init(seed: seed)
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  /// Numbers of every width are equally likely.
  mutating func number(max limit: UInt64) -> UInt64 {
    let value = next() >> UInt64(next() % 64)
    return limit == .max ? value : value % (limit + 1)
  }

  mutating func fixed<let size: Int>() -> Bytes<size> {
    var bytes = Bytes<size>()
    for i in 0..<size { bytes.storage[i] = UInt8(truncatingIfNeeded: next()) }
    return bytes
  }
}

func bytes(hex: String) -> [UInt8] {
  let digits = Array(hex.utf8)
  var output = [UInt8](repeating: 0, count: digits.count / 2)
  var span = output.mutableSpan
  let count = try! Hex.decode(digits.span, into: &span)
  precondition(count == digits.count / 2)
  return output
}

func hex(_ bytes: [UInt8]) -> String {
  var text = ""
  for byte in bytes {
    text += String(UnicodeScalar(Hex.digit(byte >> 4)))
    text += String(UnicodeScalar(Hex.digit(byte & 15)))
  }
  return text
}

// Spans are made in these functions alone: one of a temporary inside an expectation is more than the
// compiler bears.
func parse(_ bytes: [UInt8]) throws(WireError) -> Record { try Record(parsing: bytes.span) }

func parseScan(_ bytes: [UInt8]) throws(WireError) -> ScanRecord {
  try ScanRecord(parsing: bytes.span)
}

func parseGap(_ bytes: [UInt8]) throws(WireError) -> GapRecord {
  try GapRecord(parsing: bytes.span)
}

func parseMessage(_ bytes: [UInt8]) throws(WireError) -> Message {
  try Message(parsing: bytes.span)
}

func hash(_ bytes: [UInt8]) -> Hash { Sodium.hash(bytes.span) }

func array(_ span: Span<UInt8>) -> [UInt8] {
  var bytes: [UInt8] = []
  for i in span.indices { bytes.append(span[i]) }
  return bytes
}

func filled<let size: Int>(_ byte: UInt8) -> Bytes<size> {
  var value = Bytes<size>()
  for i in 0..<size { value.storage[i] = byte }
  return value
}

/// The secret key of the seed 00 01 ... 1f.
let key: SecretKey = {
  try! Sodium.start()
  var seed = Bytes<32>()
  for i in 0..<32 { seed.storage[i] = UInt8(i) }
  return Sodium.secretKey(seed: seed)
}()

let ticket: TicketIdentity = {
  var identity = TicketIdentity()
  for i in 0..<16 { identity.storage[i] = UInt8(i) }
  return identity
}()

extension ScanRecord {
  func encoded() throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Limits.recordBytesMax)
    var span = output.mutableSpan
    let count = try encode(into: &span)
    return Array(output[..<count])
  }

  static func random(_ dice: inout Dice) -> ScanRecord {
    var clock = KnownClock(height: dice.number(max: UInt64(Int64.max)))
    for _ in 0..<dice.number(max: 16) {
      try! clock.append(
        KnownEvent(
          node: 1 + dice.number(max: 1 << 53 - 2),
          recordClass: RecordClass(rawValue: UInt8(dice.next() % 4))!,
          sequence: 1 + dice.number(max: UInt64(Int64.max) - 1)))
    }
    return ScanRecord(
      sequence: 1 + dice.number(max: UInt64(Int64.max) - 1), previous: dice.fixed(),
      instant: Instant(
        milliseconds: Int64(bitPattern: dice.number(max: .max)),
        uncertainty: UInt32(dice.number(max: UInt64(UInt32.max))),
        boot: UInt32(dice.number(max: UInt64(UInt32.max)))),
      subject: dice.next() % 2 == 0 ? nil : dice.fixed(),
      operation: Operation(rawValue: UInt8(dice.next() % 7))!,
      reason: Reason(rawValue: UInt8(dice.next() % UInt64(Reason.count)))!,
      event: UInt32(dice.number(max: UInt64(UInt32.max))),
      zone: UInt32(dice.number(max: UInt64(UInt32.max))),
      use: UInt16(dice.number(max: 65535)), entries: UInt16(dice.number(max: 65535)), clock: clock)
  }
}

extension GapRecord {
  func encoded() throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Limits.recordBytesMax)
    var span = output.mutableSpan
    let count = try encode(into: &span)
    return Array(output[..<count])
  }

  static func random(_ dice: inout Dice) -> GapRecord {
    let first = 1 + dice.number(max: UInt64(Int64.max) - 1)
    return GapRecord(
      sequence: 1 + dice.number(max: UInt64(Int64.max) - 1), previous: dice.fixed(),
      instant: Instant(milliseconds: Int64(dice.number(max: 1 << 50)), uncertainty: 5, boot: 9),
      missingClass: RecordClass(rawValue: UInt8(dice.next() % 4))!, first: first,
      last: first + dice.number(max: UInt64(Int64.max) - first), before: dice.fixed(),
      end: dice.fixed(), cause: dice.next() % 2 == 0 ? .evicted : .expired)
  }
}

/// The first record of the golden vectors: an admission.
let admission = ScanRecord(
  sequence: 1, previous: Hash(),
  instant: Instant(milliseconds: 1_750_000_000_123, uncertainty: 250, boot: 7), subject: ticket,
  operation: .consume, reason: .valid, event: 2026, zone: 1, use: 1, entries: 1,
  clock: KnownClock())

/// A refusal, ninth of its class.
let refusal = ScanRecord(
  sequence: 9, previous: filled(0x33),
  instant: Instant(milliseconds: 1_750_000_000_500, uncertainty: 250, boot: 7), subject: nil,
  operation: .consume, reason: .badSignature, event: 2026, zone: 1, use: 0, entries: 0,
  clock: KnownClock())

let gap = GapRecord(
  sequence: 1, previous: Hash(), instant: Instant(milliseconds: 0, uncertainty: 60_000, boot: 8),
  missingClass: .refusals, first: 24, last: 255, before: filled(0x11), end: filled(0x22),
  cause: .evicted)
