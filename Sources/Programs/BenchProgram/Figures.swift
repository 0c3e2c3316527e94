// Figures as the README has them: medians of alternating rounds, a line each.

import Platform
import Wire

/// The value below which `part` (0 to 1) of the sorted values lie.
func quantile(_ values: [Double], _ part: Double) -> Double {
  let sorted = values.sorted()
  guard let last = sorted.last else { return 0 }
  let index = Int(Double(sorted.count - 1) * part)
  return index < sorted.count ? sorted[index] : last
}

func median(_ values: [Double]) -> Double { quantile(values, 0.5) }

/// `bench NAME.PART: NUMBER UNIT`, with the goal if there is one; the number with three decimals.
func figure(
  _ name: StaticString, _ value: Double, _ unit: StaticString, goal: StaticString? = nil
) {
  var bytes = InlineArray<256, UInt8>(repeating: 0)
  var span = bytes.mutableSpan
  var writer = TextWriter(span.whole())
  writer.put("bench ")
  writer.put(name)
  writer.put(": ")
  let thousandths = UInt64(max(value, 0) * 1000 + 0.5)
  writer.put(thousandths / 1000)
  writer.put(".")
  for digit in [thousandths / 100 % 10, thousandths / 10 % 10, thousandths % 10] {
    writer.put(digit)
  }
  writer.put(" ")
  writer.put(unit)
  if let goal {
    writer.put(" (goal ")
    writer.put(goal)
    writer.put(")")
  }
  writer.put("\n")
  do throws(KernelError) {
    try Channel.standardOutput.write(writer.written())
  } catch {
    fatalError("nobody reads the figures")
  }
}
