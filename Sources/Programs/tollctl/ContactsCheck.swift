// `contacts check`: a contact plan as the agent will read it.

import Contacts
import Foundation
import Limits
import Wire

let contactsCheck = Command(
  group: "contacts", verb: "check", summary: "Checks a contact plan and shows it.",
  options: [
    Option(name: "reference", value: "T", help: "what +seconds count from (default: now)"),
    .json,
  ],
  operand: "FILE", isOperandRequired: true,
  notes: """
    ION's format, one a line: a contact START STOP FROM TO BYTES_PER_SECOND [CONFIDENCE], and
    a range START STOP FROM TO LIGHT_SECONDS; START and STOP are yyyy/mm/dd-hh:mm:ss (UTC) or
    +seconds, both with a fraction if wanted. A line "@ TIME" sets what later +seconds count from;
    before it they count from the agent's start. # begins a comment.
    \(timeHelp)
    """
) { (arguments) throws(Failure) in
  guard let path = arguments.operand else { return }
  let now = currentTime()
  let reference = try arguments.time("reference", now: now) ?? now
  let plan = try loadedPlan(path, reference: reference)
  let isJSON = arguments.has("json")
  let contacts = (0..<plan.count).map { plan.contact($0) }.sorted { $0.start < $1.start }
  let ranges = (0..<plan.rangeCount).map { plan.range($0) }.sorted { $0.start < $1.start }
  if isJSON {
    for contact in contacts { try Output.line(json(contact)) }
    for range in ranges { try Output.line(json(range)) }
    return
  }
  if !contacts.isEmpty { try Output.line(table(contacts)) }
  for range in ranges {
    try Output.line(
      "\(range.from) and \(range.to) are \(range.lightSeconds) light seconds apart from "
        + "\(isoTime(milliseconds: range.start)) to \(isoTime(milliseconds: range.stop))")
  }
  try Output.line(
    "\(path): \(counted(contacts.count, "contact")), \(counted(ranges.count, "range")), no errors")
}

private func loadedPlan(_ path: String, reference: Int64) throws(Failure) -> ContactPlan {
  let text = try Files.read(path)
  // For the life of the process, as Memory wants it.
  let base = UnsafeMutablePointer<UInt8>.allocate(capacity: ContactPlan.memoryBytes)
  unsafe base.initialize(repeating: 0, count: ContactPlan.memoryBytes)
  var plan = ContactPlan(unsafe Memory(unsafe: base, count: ContactPlan.memoryBytes))
  do throws(ContactError) {
    try plan.load(text.span, reference: reference)
    return plan
  } catch {
    throw .configuration(file: path, line: error.line, "\(error.reason)")
  }
}

private func table(_ contacts: [Contact]) -> String {
  let header = ["FROM", "TO", "START", "STOP", "LASTS", "BYTES/S", "CARRIES", "CONFIDENCE"]
  let rows = contacts.map { contact in
    [
      "\(contact.from)", "\(contact.to)", isoTime(milliseconds: contact.start),
      isoTime(milliseconds: contact.stop), duration(milliseconds: contact.stop - contact.start),
      "\(contact.bytesPerSecond)", volume(contact),
      "\(Double(contact.confidencePermille) / 1000)",
    ]
  }
  let widths = header.indices.map { column in
    ([header] + rows).map { $0[column].count }.max() ?? 0
  }
  return ([header] + rows).map { row in
    zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
      .joined(separator: "  ").trimmingSuffixSpaces
  }.joined(separator: "\n")
}

/// What a contact can carry at its rate.
private func volume(_ contact: Contact) -> String {
  let bytes = Double(contact.stop - contact.start) / 1000 * Double(contact.bytesPerSecond)
  return bytes < 1_048_576
    ? String(format: "%.1f KiB", bytes / 1024) : String(format: "%.1f MiB", bytes / 1_048_576)
}

private func json(_ contact: Contact) -> String {
  var object = JSONObject()
  object.put("kind", "contact")
  object.put("start_ms", contact.start)
  object.put("stop_ms", contact.stop)
  object.put("from", contact.from)
  object.put("to", contact.to)
  object.put("bytes_per_second", contact.bytesPerSecond)
  object.put("confidence_permille", contact.confidencePermille)
  return object.line
}

private func json(_ range: ContactRange) -> String {
  var object = JSONObject()
  object.put("kind", "range")
  object.put("start_ms", range.start)
  object.put("stop_ms", range.stop)
  object.put("from", range.from)
  object.put("to", range.to)
  object.put("light_seconds", range.lightSeconds)
  return object.line
}

extension String {
  fileprivate var trimmingSuffixSpaces: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
