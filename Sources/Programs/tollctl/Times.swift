// Instants as people write and read them.

import Foundation

/// Unix milliseconds now.
func currentTime() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

/// Help for every option that takes an instant.
let timeHelp = """
  A time is Unix seconds (1780336800), ISO 8601 (2026-06-01T18:00:00Z, 2026-06-01T20:00:00+02:00,
  2026-06-01; UTC unless it says otherwise), 'now', or relative to now: +90s, -30m, +3h, +2d, +1w.
  """

/// `text` as Unix milliseconds; nil if it is no time.
func instant(_ text: String, now: Int64) -> Int64? {
  if text == "now" { return now }
  if let sign = text.first, sign == "+" || sign == "-" {
    return relative(text.dropFirst(), sign: sign == "-" ? -1 : 1, now: now)
  }
  if let seconds = Int64(text) {
    let (milliseconds, isBeyond) = seconds.multipliedReportingOverflow(by: 1000)
    return isBeyond ? nil : milliseconds
  }
  return date(text)
}

private func relative(_ text: Substring, sign: Int64, now: Int64) -> Int64? {
  let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
  guard let last = text.last else { return nil }
  let digits = last.isNumber ? text : text.dropLast()
  guard digits.allSatisfy(\.isNumber), let count = Int64(digits),
    let unit = last.isNumber ? 1 : units[last]
  else { return nil }
  let (offset, isBeyond) = count.multipliedReportingOverflow(by: sign * unit * 1000)
  let (sum, isPast) = now.addingReportingOverflow(offset)
  return isBeyond || isPast ? nil : sum
}

private func date(_ text: String) -> Int64? {
  let format = ISO8601DateFormatter()
  let hasTime = text.contains("T")
  let hasZone =
    text.hasSuffix("Z") || text.dropFirst(10).contains(where: { $0 == "+" || $0 == "-" })
  let whole = !hasTime ? text + "T00:00:00Z" : hasZone ? text : text + "Z"
  for options: ISO8601DateFormatter.Options in [
    [.withInternetDateTime], [.withInternetDateTime, .withFractionalSeconds],
  ] {
    format.formatOptions = options
    if let date = format.date(from: whole) {
      return Int64((date.timeIntervalSince1970 * 1000).rounded())
    }
  }
  return nil
}

/// ISO 8601 in UTC, with milliseconds where there are some.
func isoTime(milliseconds: Int64) -> String {
  let format = ISO8601DateFormatter()
  format.formatOptions =
    milliseconds % 1000 == 0
    ? [.withInternetDateTime] : [.withInternetDateTime, .withFractionalSeconds]
  return format.string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
}

/// ISO 8601 in UTC; what is beyond any calendar stays a number.
func isoTime(seconds: UInt64) -> String {
  seconds < 253_402_300_800 ? isoTime(milliseconds: Int64(seconds) * 1000) : "\(seconds)"
}

/// `3d 4h`, `12m 30s`, `0.250s`.
func duration(milliseconds: Int64) -> String {
  let seconds = milliseconds / 1000
  let parts = [
    (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"),
    (seconds % 60, "s"),
  ].filter { $0.0 > 0 }.prefix(2).map { "\($0.0)\($0.1)" }
  return parts.isEmpty ? "\(milliseconds)ms" : parts.joined(separator: " ")
}
