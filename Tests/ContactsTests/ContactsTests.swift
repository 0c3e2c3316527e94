// Contact plans: what a line means, what is refused on which line, and what a plan answers.

import Contacts
import Foundation
import Limits
import Testing
import Wire

/// A plan that can stand in an expectation, which takes copyable values only.
private final class Plan {
  private var plan: ContactPlan

  init() {
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: ContactPlan.memoryBytes)
    base.initialize(repeating: 0, count: ContactPlan.memoryBytes)
    plan = ContactPlan(Memory(unsafe: base, count: ContactPlan.memoryBytes))
  }

  /// The refusal's line and reason, or nil.
  func load(_ text: [UInt8], reference: Int64 = 0) -> String? {
    do throws(ContactError) {
      try plan.load(text.span, reference: reference)
      return nil
    } catch {
      return "\(error.line): \(error.reason)"
    }
  }

  func load(_ text: String, reference: Int64 = 0) -> String? {
    load(Array(text.utf8), reference: reference)
  }

  var count: Int { plan.count }
  var rangeCount: Int { plan.rangeCount }
  func contact(_ index: Int) -> Contact { plan.contact(index) }
  func range(_ index: Int) -> ContactRange { plan.range(index) }
  func current(_ a: UInt64, to b: UInt64, at now: Int64) -> Contact? {
    plan.current(a, to: b, at: now)
  }
  func isOpen(_ a: UInt64, to b: UInt64, at now: Int64) -> Bool { plan.isOpen(a, to: b, at: now) }
  func nextOpening(_ a: UInt64, to b: UInt64, after now: Int64) -> Int64? {
    plan.nextOpening(a, to: b, after: now)
  }
  func nextClosing(_ a: UInt64, to b: UInt64, after now: Int64) -> Int64? {
    plan.nextClosing(a, to: b, after: now)
  }
  func nextChange(_ a: UInt64, to b: UInt64, after now: Int64) -> Int64? {
    plan.nextChange(a, to: b, after: now)
  }
}

private func starts(_ text: String, reference: Int64 = 0) -> [Int64] {
  let plan = Plan()
  #expect(plan.load(text, reference: reference) == nil)
  return (0..<plan.count).map { plan.contact($0).start }
}

@Test func `a plan's contacts and ranges are read with all their fields`() {
  let plan = Plan()
  let text = """
    # the evening pass
    m horizon +0
    a contact +10 +20.5 1001 1 125000 0.75  # uplink
    \ta\trange +0 +86400 1001 1 8\r

    a contact 2026/06/01-18:00:00 2026/06/01-18:12:30.250 1 1001 125000
    """
  #expect(plan.load(text, reference: 5000) == nil)
  #expect(plan.count == 2)
  let up = plan.contact(0)
  #expect(up.start == 15_000 && up.stop == 25_500 && up.from == 1001 && up.to == 1)
  #expect(up.bytesPerSecond == 125_000 && up.confidencePermille == 750)
  let down = plan.contact(1)
  #expect(down.start == 1_780_336_800_000 && down.stop == 1_780_337_550_250)
  #expect(down.confidencePermille == 1000)
  #expect(plan.rangeCount == 1)
  #expect(plan.range(0).lightSeconds == 8)
}

@Test func `dates agree with the calendar of the system over four centuries`() throws {
  let format = DateFormatter()
  format.locale = Locale(identifier: "en_US_POSIX")
  format.timeZone = TimeZone(identifier: "UTC")
  format.dateFormat = "yyyy/MM/dd-HH:mm:ss"
  var expected: [Int64] = []
  var text = ""
  for i in 0..<Limits.contactsMax {
    let seconds = Int64(i) * 86_400 * 1151 + 86_399 - Int64(i) * 997
    expected.append(seconds * 1000)
    let date = format.string(from: Date(timeIntervalSince1970: TimeInterval(seconds)))
    text += "a contact \(date) 9999/12/31-23:59:59 \(i + 1) 999 1\n"
  }
  #expect(starts(text) == expected)
}

@Test func `relative times count from the load, and from the last reference line`() {
  let text = """
    a contact +1 +2 1 2 9
    @ 2026/06/01-00:00:00
    a contact +0.001 +2 1 2 9
    @ +60
    a contact +1.9999 +2 1 2 9
    """
  #expect(starts(text, reference: 7) == [1007, 1_780_272_000_001, 1_780_272_061_999])
}

@Test(arguments: [
  "b contact +0 +1 1 2 9", "a", "a plan +0 +1 1 2 9", "a contact", "a contact +0 +1 1 2",
  "a contact +1 +1 1 2 9", "a contact +2 +1 1 2 9", "a contact +0 +1 0 2 9",
  "a contact +0 +1 2 2 9", "a contact +0 +1 1 2 0", "a contact +0 +1 1 2 9 1.001",
  "a contact +0 +1 1 2 9 2", "a contact +0 +1 1 2 9 0.5 x", "a contact +0 +1 1 2 9 .5",
  "a contact +0 +1 1 2 9 1.", "a contact 0 +1 1 2 9", "a contact + +1 1 2 9",
  "a contact +-1 +1 1 2 9", "a contact +0 +1 x 2 9", "a contact +0 +1 1 2 18446744073709551616",
  "a contact +0 +99999999999999 1 2 9", "a contact +0 2026/02/29-00:00:00 1 2 9",
  "a contact +0 2026/13/01-00:00:00 1 2 9", "a contact +0 2026/00/01-00:00:00 1 2 9",
  "a contact +0 2026/04/31-00:00:00 1 2 9", "a contact +0 2026/01/01-24:00:00 1 2 9",
  "a contact +0 2026/01/01-00:60:00 1 2 9", "a contact +0 2026/01/01-00:00:60 1 2 9",
  "a contact +0 2026-01-01T00:00:00 1 2 9", "a contact +0 1969/12/31-23:59:59 1 2 9",
  "a contact +0 2026/01/01-00:00 1 2 9", "a contact +0 2026/01/01-00:00: 1 2 9",
  "a range +0 +1 1 2", "a range +0 +1 1 2 1 1", "@", "@ now", "@ +0 +0", "\u{0}", "é",
])
func `a line that is none of the format is refused with its number`(line: String) {
  let plan = Plan()
  let result = plan.load("# one\n\n\(line)\na contact +0 +1 1 2 9\n")
  #expect(result?.hasPrefix("3: ") ?? false, "\(result ?? "taken")")
}

@Test func `contacts of the same way that overlap are refused, and those that touch are not`() {
  let plan = Plan()
  #expect(plan.load("a contact +0 +2 1 2 9\na contact +1 +3 2 1 9\na contact +2 +3 1 2 9") == nil)
  let overlapping = "a contact +0 +2 1 2 9\na contact +1 +3 1 2 9"
  #expect(
    plan.load(overlapping) == "2: this contact overlaps an earlier one of the same nodes")
}

@Test func `a full plan refuses one more line and a plan that is refused leaves the old one`() {
  let plan = Plan()
  let full = (0..<Limits.contactsMax)
    .map { "a contact +\($0) +\($0 + 1) 1 2 9\na range +\($0) +\($0 + 1) 1 2 9\n" }.joined()
  #expect(plan.load(full) == nil)
  #expect(plan.load(full + "a contact +900 +901 1 2 9") == "257: too many contacts")
  #expect(plan.load(full + "a range +900 +901 1 2 9") == "257: too many ranges")
  #expect(plan.load("a contact +900 +901 1 2 9\n\na contact")?.hasPrefix("3: ") ?? false)
  #expect(plan.count == Limits.contactsMax && plan.rangeCount == Limits.contactsMax)
  for i in 0..<Limits.contactsMax {
    #expect(plan.contact(i).start == Int64(i) * 1000)
    #expect(plan.range(i).stop == Int64(i + 1) * 1000)
  }
  #expect(plan.load("") == nil)
  #expect(plan.count == 0 && plan.rangeCount == 0)
}

@Test func `a window is open from its first millisecond to before its last`() {
  let plan = Plan()
  #expect(plan.load("a contact +10 +20 7 1 9\na contact +5 +6 1 7 9") == nil)
  #expect(!plan.isOpen(7, to: 1, at: 9_999))
  #expect(plan.isOpen(7, to: 1, at: 10_000))
  #expect(plan.isOpen(7, to: 1, at: 19_999))
  #expect(!plan.isOpen(7, to: 1, at: 20_000))
  #expect(!plan.isOpen(1, to: 7, at: 10_000))
  #expect(!plan.isOpen(8, to: 1, at: 10_000))
}

@Test func `the next opening and closing are found in any order of lines`() {
  let plan = Plan()
  let text = """
    a contact +30 +40 7 1 1
    a contact +15 +20 7 1 2
    a contact +10 +15 7 1 3
    a contact +1 +99 8 1 4
    """
  #expect(plan.load(text) == nil)
  #expect(plan.nextChange(7, to: 1, after: 0) == 10_000)
  #expect(plan.current(7, to: 1, at: 12_000)?.bytesPerSecond == 3)
  #expect(plan.nextClosing(7, to: 1, after: 12_000) == 20_000)
  #expect(plan.nextChange(7, to: 1, after: 12_000) == 20_000)
  #expect(plan.nextOpening(7, to: 1, after: 12_000) == 15_000)
  #expect(plan.nextClosing(7, to: 1, after: 20_000) == nil)
  #expect(plan.nextChange(7, to: 1, after: 20_000) == 30_000)
  #expect(plan.nextChange(7, to: 1, after: 40_000) == nil)
  #expect(plan.nextChange(9, to: 1, after: 0) == nil)
}

@Test func `extreme references do not trap`() {
  let plan = Plan()
  #expect(plan.load("a contact +0 +1 1 2 9", reference: .max) == "1: this time is too far away")
  #expect(plan.load("a contact +0 +1 1 2 9", reference: .min) == nil)
  #expect(plan.nextClosing(1, to: 2, after: .min) == Int64.min + 1000)
}

@Test func `no bytes make the reader trap or hang`() {
  let seed = UInt64.random(in: 0...UInt64.max)
  print("seed \(seed)")
  var state = seed
  func random(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
  let pieces = [
    "a", "contact", "range", " ", " ", " ", "+", "1", "2", ".", "@", "#", "\n", "\r", "\t", "m",
    "2026/06/01-00:00:00", "9999999999999999999", "/", "-", ":", "\u{0}", "+1 +2 3 4 5",
  ].map { Array($0.utf8) }
  let plan = Plan()
  for _ in 0..<20_000 {
    var text: [UInt8] = []
    for _ in 0..<random(20) {
      text += random(12) == 0 ? [UInt8(random(256))] : pieces[random(pieces.count)]
    }
    _ = plan.load(text, reference: Int64(random(1 << 30)))
    for i in 0..<plan.count { #expect(plan.contact(i).start < plan.contact(i).stop) }
  }
}
