// Reads the lines of a contact plan in ION's format: `a contact`, `a range`, `@`, comments with `#`.
// `m` lines, which tune ION's own forecasts, are passed over.
// Invariants: any input gives entries or one error with its line; no sum overflows.

import Wire

enum ContactPlanEntry {
  case contact(Contact)
  case range(ContactRange)
}

struct ContactPlanReader: ~Escapable {
  private let bytes: Span<UInt8>
  private var position = 0
  private(set) var line = 0
  private var end = 0
  /// Unix milliseconds.
  private var reference: Int64

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, reference: Int64) {
    self.bytes = bytes
    self.reference = reference
  }

  func error(_ reason: StaticString) -> ContactError { ContactError(line: line, reason: reason) }

  /// The next contact or range; nil at the end.
  mutating func next() throws(ContactError) -> ContactPlanEntry? {
    while startLine() {
      let command = word()
      if command.isEmpty || matches(command, "m") { continue }
      if matches(command, "@") {
        reference = try time(word())
        try endLine()
        continue
      }
      guard matches(command, "a") else {
        throw error("a line begins with a (add), @ (reference time) or #")
      }
      let what = word()
      if matches(what, "contact") { return .contact(try contact()) }
      if matches(what, "range") { return .range(try range()) }
      throw error("only contacts and ranges can be added: a contact ..., a range ...")
    }
    return nil
  }

  private mutating func contact() throws(ContactError) -> Contact {
    let (start, stop) = try interval()
    let from = try node()
    let to = try node()
    guard from != to else { throw error("a node needs no contact with itself") }
    let rate = try number(word(), "a rate in bytes a second is expected after the nodes")
    guard rate > 0 else { throw error("a rate is at least 1 byte a second") }
    let last = word()
    let confidence = last.isEmpty ? 1000 : try permille(last)
    try endLine()
    return Contact(
      start: start, stop: stop, from: from, to: to, bytesPerSecond: rate,
      confidencePermille: confidence)
  }

  private mutating func range() throws(ContactError) -> ContactRange {
    let (start, stop) = try interval()
    let from = try node()
    let to = try node()
    let distance = try number(word(), "a distance in light seconds is expected after the nodes")
    try endLine()
    return ContactRange(start: start, stop: stop, from: from, to: to, lightSeconds: distance)
  }

  private mutating func interval() throws(ContactError) -> (start: Int64, stop: Int64) {
    let start = try time(word())
    let stop = try time(word())
    guard start < stop else { throw error("this ends before it begins") }
    return (start, stop)
  }

  private mutating func node() throws(ContactError) -> UInt64 {
    let value = try number(word(), "a node number is expected")
    guard value > 0 else { throw error("node numbers begin with 1") }
    return value
  }
}

// Lines, words and numbers.
extension ContactPlanReader {
  private mutating func startLine() -> Bool {
    guard end < bytes.count || line == 0 && bytes.count > 0 else { return false }
    position = line == 0 ? 0 : end + 1
    line += 1
    end = position
    while end < bytes.count && bytes[end] != 0x0a { end += 1 }
    return true
  }

  /// The next word of the line; empty at its end or at a comment.
  private mutating func word() -> Range<Int> {
    while position < end && isSpace(bytes[position]) { position += 1 }
    if position < end && bytes[position] == 0x23 { position = end }
    let start = position
    while position < end && !isSpace(bytes[position]) { position += 1 }
    return start..<position
  }

  private mutating func endLine() throws(ContactError) {
    if !word().isEmpty { throw error("something follows the end of this line's meaning") }
  }

  private func matches(_ word: Range<Int>, _ text: StaticString) -> Bool {
    equal(bytes.extracting(word), text)
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

  private func number(
    _ word: Range<Int>, _ reason: StaticString
  ) throws(ContactError) -> UInt64 {
    guard !word.isEmpty else { throw error(reason) }
    var value: UInt64 = 0
    for i in word {
      guard let digit = digit(i) else { throw error(reason) }
      let (product, high) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      if high || carry { throw error("this number is too large") }
      value = sum
    }
    return value
  }

  private func digit(_ index: Int) -> UInt8? {
    (0x30...0x39).contains(bytes[index]) ? bytes[index] - 0x30 : nil
  }

  /// `0`, `1` or a decimal fraction between, as thousandths, rounded down.
  private func permille(_ word: Range<Int>) throws(ContactError) -> UInt16 {
    let reason: StaticString = "a confidence is a number from 0 to 1"
    let (whole, thousandths) = try decimal(word, reason)
    guard whole < 1 || whole == 1 && thousandths == 0 else { throw error(reason) }
    return UInt16(whole * 1000 + thousandths)
  }

  /// Whole part and thousandths (rounded down) of a decimal number.
  private func decimal(
    _ word: Range<Int>, _ reason: StaticString
  ) throws(ContactError) -> (whole: UInt64, thousandths: UInt64) {
    var point = word.lowerBound
    while point < word.upperBound && bytes[point] != 0x2e { point += 1 }
    let whole = try number(word.lowerBound..<point, reason)
    guard point < word.upperBound else { return (whole, 0) }
    let fraction = point + 1..<word.upperBound
    _ = try number(fraction, reason)
    var thousandths: UInt64 = 0
    for i in 0..<3 {
      let digit = i < fraction.count ? digit(fraction.lowerBound + i) ?? 0 : 0
      thousandths = thousandths * 10 + UInt64(digit)
    }
    return (whole, thousandths)
  }
}

// Instants.
extension ContactPlanReader {
  /// `+seconds` after the reference, or `yyyy/mm/dd-hh:mm:ss`, both with a fraction if wanted.
  /// Unix milliseconds.
  private func time(_ word: Range<Int>) throws(ContactError) -> Int64 {
    let reason: StaticString = "a time is yyyy/mm/dd-hh:mm:ss or +seconds"
    guard let first = word.first else { throw error(reason) }
    guard bytes[first] == 0x2b else { return try date(word, reason) }
    let (whole, thousandths) = try decimal(first + 1..<word.upperBound, reason)
    // A thousand years: no sum below can overflow from a sane reference.
    guard whole <= 31_556_952_000 else { throw error("this time is too far away") }
    let (sum, isBeyond) = reference.addingReportingOverflow(Int64(whole * 1000 + thousandths))
    if isBeyond { throw error("this time is too far away") }
    return sum
  }

  private func date(
    _ word: Range<Int>, _ reason: StaticString
  ) throws(ContactError) -> Int64 {
    let start = word.lowerBound
    guard word.count >= 19, bytes[start + 4] == 0x2f, bytes[start + 7] == 0x2f,
      bytes[start + 10] == 0x2d, bytes[start + 13] == 0x3a, bytes[start + 16] == 0x3a
    else { throw error(reason) }
    func field(_ offset: Int, _ count: Int) throws(ContactError) -> Int64 {
      Int64(try number(start + offset..<start + offset + count, reason))
    }
    let (year, month, day) = (try field(0, 4), try field(5, 2), try field(8, 2))
    let (hour, minute) = (try field(11, 2), try field(14, 2))
    let (second, thousandths) = try decimal(start + 17..<word.upperBound, reason)
    guard year >= 1970, (1...12).contains(month), day >= 1, day <= days(in: month, of: year),
      hour < 24, minute < 60, second < 60
    else { throw error("this date or time of day does not exist") }
    let seconds = (daysSince1970(year, month, day) * 24 + hour) * 3600 + minute * 60
    return (seconds + Int64(second)) * 1000 + Int64(thousandths)
  }

  private func days(in month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// In the Gregorian calendar, counted in years that begin in March, so that the leap day is last.
  private func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let years = month > 2 ? year : year - 1
    let months = (month + 9) % 12
    return years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day
      - 719_469
  }
}
