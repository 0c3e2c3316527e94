// Figures as the README has them: medians of alternating rounds, a line each.

import Platform
import Wire

/// The value below which `part` (0 to 1) of the sorted values lie.
func quantile(_ values: [Double], _ part: Double) -> Double {
  let sorted = values.sorted()
  guard let last = sorted.last else { return .nan }
  let index = Int(Double(sorted.count - 1) * part)
  return index < sorted.count ? sorted[index] : last
}

func median(_ values: [Double]) -> Double { quantile(values, 0.5) }

/// A number with three decimals, without Foundation.
func text(_ value: Double) -> String {
  guard value.isFinite else { return "nan" }
  let thousandths = Int64(value * 1000 + (value < 0 ? -0.5 : 0.5))
  let rest = String(abs(thousandths % 1000))
  let zeros = String(repeating: "0", count: 3 - rest.count)
  return (value < 0 ? "-" : "") + String(abs(thousandths / 1000)) + "." + zeros + rest
}

/// `bench NAME.PART: NUMBER UNIT`, with the goal if there is one.
func figure(_ name: String, _ value: Double, _ unit: String, goal: String? = nil) {
  let end = goal.map { " (goal \($0))" } ?? ""
  print("bench \(name): \(text(value)) \(unit)\(end)")
}
