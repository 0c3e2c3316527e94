// A contact plan in ION's format.

import Contacts
import Wire

func checkContacts(_ check: inout Check, _ arena: inout Arena) {
  var text = arena.take(512)
  var plan = ContactPlan(arena.take(ContactPlan.memoryBytes))
  let range = text.put(
    text: """
      # evening
      a contact 2026/07/01-20:00:00 2026/07/01-20:05:00 1001 1 125000 0.5
      a contact +10 +20 1002 1 1000
      """)
  check.that("a contact plan is read", problem(&plan, text.span(range)) == nil && plan.count == 2)
  // 2026-07-01 20:00:00 UTC.
  let start: Int64 = 1_782_936_000_000
  check.that("before a contact", plan.current(1001, to: 1, at: start - 1) == nil)
  let contact = plan.current(1001, to: 1, at: start)
  check.that(
    "a contact's rate and confidence",
    contact?.bytesPerSecond == 125_000 && contact?.confidencePermille == 500)
  check.that("after a contact", !plan.isOpen(1001, to: 1, at: start + 300_000))
  check.that("the next change", plan.nextChange(1001, to: 1, after: start) == start + 300_000)
  check.that("relative times", plan.isOpen(1002, to: 1, at: 1_010_000))
  let wrong = text.put(text: "a contact 2026/07/01-20:00:00\n")
  check.that("a plan that is none names its line", problem(&plan, text.span(wrong)) == 1)
  check.that("a plan that is none leaves the old one", plan.count == 2)
}

/// The line that is refused.
private func problem(_ plan: inout ContactPlan, _ text: Span<UInt8>) -> Int? {
  do throws(ContactError) {
    try plan.load(text, reference: 1_000_000)
    return nil
  } catch {
    return error.line
  }
}
