// Contact plans.

import Contacts
import Limits
import Wire

/// - What is loaded keeps the plan's own rules.
/// - A plan that is loaded is written again and read as the same.
func checkContacts(_ text: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  var plan = ContactPlan(bench.tables.zeroed(ContactPlan.memoryBytes))
  guard (try? plan.load(text, reference: 0)) != nil else {
    try require(plan.count == 0 && plan.rangeCount == 0, "a plan that is refused leaves something")
    return
  }
  try checkRules(plan)
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  var writer = CBORWriter(output.whole())
  guard (try? write(plan, to: &writer)) ?? false else { return }
  var again = ContactPlan(
    bench.tables.zeroed(ContactPlan.memoryBytes, from: ContactPlan.memoryBytes))
  try require(
    (try? again.load(writer.written(), reference: 0)) != nil, "a plan cannot be read again")
  try require(
    again.count == plan.count && again.rangeCount == plan.rangeCount,
    "a plan changes when it is written again")
  for i in 0..<plan.count {
    try require(again.contact(i) == plan.contact(i), "a contact changes when it is written again")
  }
  for i in 0..<plan.rangeCount {
    try require(again.range(i) == plan.range(i), "a range changes when it is written again")
  }
}

private func checkRules(_ plan: borrowing ContactPlan) throws(Broken) {
  for i in 0..<plan.count {
    let contact = plan.contact(i)
    try require(
      contact.start < contact.stop && contact.from != contact.to && contact.from > 0
        && contact.bytesPerSecond > 0 && contact.confidencePermille <= 1000,
      "a contact breaks the plan's rules")
    try require(
      plan.current(contact.from, to: contact.to, at: contact.start) == contact
        && plan.current(contact.from, to: contact.to, at: contact.stop) != contact,
      "a contact is not open when it is")
    if let change = plan.nextChange(contact.from, to: contact.to, after: contact.start) {
      try require(change >= contact.stop, "a contact ends before its end")
    }
  }
}

/// - Returns: false if a time stands in it that no line can say relative to 0.
private func write(
  _ plan: borrowing ContactPlan, to writer: inout CBORWriter
) throws(WireError) -> Bool {
  for i in 0..<plan.count {
    let contact = plan.contact(i)
    guard canSay(contact.start), canSay(contact.stop) else { return false }
    try put(
      "a contact \(seconds(contact.start)) \(seconds(contact.stop)) \(contact.from) \(contact.to) "
        + "\(contact.bytesPerSecond) \(decimal(Int64(contact.confidencePermille)))\n", to: &writer)
  }
  for i in 0..<plan.rangeCount {
    let range = plan.range(i)
    guard canSay(range.start), canSay(range.stop) else { return false }
    try put(
      "a range \(seconds(range.start)) \(seconds(range.stop)) \(range.from) \(range.to) "
        + "\(range.lightSeconds)\n", to: &writer)
  }
  return true
}

private func canSay(_ time: Int64) -> Bool { time >= 0 && time <= 31_556_952_000_000 }

private func seconds(_ time: Int64) -> String { "+" + decimal(time) }

private func decimal(_ thousandths: Int64) -> String {
  let digits = String(thousandths % 1000)
  return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
}

private func put(_ text: String, to writer: inout CBORWriter) throws(WireError) {
  for byte in text.utf8 { try writer.byte(byte) }
}
