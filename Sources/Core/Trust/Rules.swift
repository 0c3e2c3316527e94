// The rules of a trust document (Records/FORMAT.md, key 13): what a class of tickets may do, what a
// shop's products are, how many an area takes, and whose overrides count.
// Invariants: products and rules are sorted by what they are looked up by, without duplicates, so
// that a look-up is logarithmic; who is not named has no rule and no override.

import Limits
import Wire

/// What a product of a pretix shop stands for at the gates: sig1 tickets name it and nothing else.
public struct Product: Sendable, Equatable {
  public var event: UInt32
  public var item: UInt64
  /// Nil: all variations without a row of their own.
  public var variation: UInt64?
  public var ticketClass: UInt8
  public var zones: UInt32
  public var entries: UInt16

  public init(
    event: UInt32, item: UInt64, variation: UInt64? = nil, ticketClass: UInt8 = 0,
    zones: UInt32 = .max, entries: UInt16 = 1
  ) {
    self.event = event
    self.item = item
    self.variation = variation
    self.ticketClass = ticketClass
    self.zones = zones
    self.entries = entries
  }

  /// Sorted by event, item, variation; the row for all variations before the others.
  static func precedes(_ a: Self, _ b: Self) -> Bool {
    if a.event != b.event { return a.event < b.event }
    if a.item != b.item { return a.item < b.item }
    guard let right = b.variation else { return false }
    guard let left = a.variation else { return true }
    return left < right
  }

  init(reading reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 6)
    event = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    item = try reader.unsigned(max: UInt64(Int64.max))
    variation = try reader.null() ? nil : reader.unsigned(max: UInt64(Int64.max))
    ticketClass = try UInt8(reader.unsigned(max: UInt64(UInt8.max)))
    zones = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    entries = try UInt16(reader.unsigned(max: UInt64(UInt16.max)))
  }

  @_lifetime(writer: copy writer)
  func write(to writer: inout CBORWriter) throws(WireError) {
    try writer.array(6)
    try writer.unsigned(UInt64(event))
    try writer.unsigned(item)
    if let variation { try writer.unsigned(variation) } else { try writer.null() }
    try writer.unsigned(UInt64(ticketClass))
    try writer.unsigned(UInt64(zones))
    try writer.unsigned(UInt64(entries))
  }
}

/// What tickets of a class may do at an event, beyond what they say themselves.
public struct Rule: Sendable, Equatable {
  /// A time at which the class is admitted, Unix seconds: from the first, until before the second.
  public struct Window: Sendable, Equatable {
    public var from: UInt64
    public var until: UInt64

    public init(from: UInt64, until: UInt64) {
      self.from = from
      self.until = until
    }
  }

  public var event: UInt32
  /// Nil: all classes without a rule of their own.
  public var ticketClass: UInt8?
  /// The ticket's zones are cut to these.
  public var zones: UInt32
  /// In place of the ticket's.
  public var entries: UInt16?
  /// Entries in one day, 1 to 15.
  public var entriesPerDay: UInt8?
  /// When a day begins, seconds after midnight UTC, 0 to 86,399.
  public var dayStart: UInt32
  /// Whether a ticket may enter again without having left.
  public var allowsMultiple: Bool
  /// Whether it may after it has left.
  public var allowsReentry: Bool
  /// How long after an entry the same area refuses it as `passback`, minutes; nil: not at all.
  public var passbackMinutes: UInt32?
  private var windows: InlineArray<8, Window>
  /// None means any time.
  public private(set) var windowCount = 0

  public init(
    event: UInt32, ticketClass: UInt8? = nil, zones: UInt32 = .max, entries: UInt16? = nil,
    entriesPerDay: UInt8? = nil, dayStart: UInt32 = 0, allowsMultiple: Bool = true,
    allowsReentry: Bool = true, passbackMinutes: UInt32? = nil
  ) {
    self.event = event
    self.ticketClass = ticketClass
    self.zones = zones
    self.entries = entries
    self.entriesPerDay = entriesPerDay
    self.dayStart = dayStart
    self.allowsMultiple = allowsMultiple
    self.allowsReentry = allowsReentry
    self.passbackMinutes = passbackMinutes
    windows = .init(repeating: Window(from: 0, until: 0))
  }

  public subscript(window index: Int) -> Window {
    precondition(index >= 0 && index < windowCount, "no such window")
    return windows[index]
  }

  /// - Precondition: fewer than `Limits.ruleWindowsMax` windows so far; it ends after it begins.
  public mutating func append(_ window: Window) {
    precondition(windowCount < Limits.ruleWindowsMax, "a rule has no room for the window")
    precondition(window.from < window.until, "a window ends before it begins")
    windows[windowCount] = window
    windowCount += 1
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.event == b.event, a.ticketClass == b.ticketClass, a.zones == b.zones,
      a.entries == b.entries, a.entriesPerDay == b.entriesPerDay, a.dayStart == b.dayStart,
      a.allowsMultiple == b.allowsMultiple, a.allowsReentry == b.allowsReentry,
      a.passbackMinutes == b.passbackMinutes, a.windowCount == b.windowCount
    else { return false }
    for i in 0..<a.windowCount where a.windows[i] != b.windows[i] { return false }
    return true
  }

  /// Sorted by event and class; the rule for all classes before the others.
  static func precedes(_ a: Self, _ b: Self) -> Bool {
    if a.event != b.event { return a.event < b.event }
    guard let right = b.ticketClass else { return false }
    guard let left = a.ticketClass else { return true }
    return left < right
  }

  private static var flagMultiple: UInt64 { 1 }
  private static var flagReentry: UInt64 { 2 }

  init(reading reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 9)
    let event = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    self.init(event: event)
    ticketClass =
      try reader.null() ? nil : UInt8(reader.unsigned(max: UInt64(UInt8.max)))
    zones = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    entries = try reader.null() ? nil : UInt16(reader.unsigned(max: UInt64(UInt16.max)))
    entriesPerDay =
      try reader.null() ? nil : UInt8(reader.unsigned(max: UInt64(Limits.entriesPerDayMax)))
    if entriesPerDay == 0 { throw .outOfRange }
    dayStart = try UInt32(reader.unsigned(max: 86_399))
    let flags = try reader.unsigned(max: Self.flagMultiple | Self.flagReentry)
    allowsMultiple = flags & Self.flagMultiple != 0
    allowsReentry = flags & Self.flagReentry != 0
    passbackMinutes =
      try reader.null() ? nil : UInt32(reader.unsigned(max: Limits.passbackMinutesMax))
    for _ in 0..<(try reader.array(max: Limits.ruleWindowsMax)) {
      try reader.array(exactly: 2)
      let window = try Window(from: reader.unsigned(), until: reader.unsigned())
      guard window.from < window.until else { throw .outOfRange }
      append(window)
    }
  }

  @_lifetime(writer: copy writer)
  func write(to writer: inout CBORWriter) throws(WireError) {
    try writer.array(9)
    try writer.unsigned(UInt64(event))
    try Self.write(ticketClass.map { UInt64($0) }, to: &writer)
    try writer.unsigned(UInt64(zones))
    try Self.write(entries.map { UInt64($0) }, to: &writer)
    try Self.write(entriesPerDay.map { UInt64($0) }, to: &writer)
    try writer.unsigned(UInt64(dayStart))
    try writer.unsigned(
      (allowsMultiple ? Self.flagMultiple : 0) | (allowsReentry ? Self.flagReentry : 0))
    try Self.write(passbackMinutes.map { UInt64($0) }, to: &writer)
    try writer.array(windowCount)
    for i in 0..<windowCount {
      try writer.array(2)
      try writer.unsigned(windows[i].from)
      try writer.unsigned(windows[i].until)
    }
  }

  @_lifetime(writer: copy writer)
  private static func write(
    _ number: UInt64?, to writer: inout CBORWriter
  ) throws(WireError) {
    if let number { try writer.unsigned(number) } else { try writer.null() }
  }
}

/// A place that people are counted in.
public struct Area: Sendable, Equatable {
  /// 1 to 15.
  public var number: UInt8
  /// How many it takes.
  public var capacity: UInt32

  public init(number: UInt8, capacity: UInt32) {
    self.number = number
    self.capacity = capacity
  }

  init(reading reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 2)
    number = try UInt8(reader.unsigned(max: UInt64(Limits.areasMax)))
    guard number > 0 else { throw .outOfRange }
    capacity = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
  }

  @_lifetime(writer: copy writer)
  func write(to writer: inout CBORWriter) throws(WireError) {
    try writer.array(2)
    try writer.unsigned(UInt64(number))
    try writer.unsigned(UInt64(capacity))
  }
}

extension TrustDocument {
  /// What a product stands for; nil if the document does not name it.
  /// - Complexity: logarithmic in the number of products.
  public func product(event: UInt32, item: UInt64, variation: UInt64) -> Product? {
    let exact = Product(event: event, item: item, variation: variation)
    let all = Product(event: event, item: item)
    return find(exact) ?? find(all)
  }

  private func find(_ wanted: Product) -> Product? {
    var low = 0
    var high = layout.products.count
    while low < high {
      let middle = low + (high - low) / 2
      let found = product(at: middle)
      if Product.precedes(found, wanted) {
        low = middle + 1
      } else if Product.precedes(wanted, found) {
        high = middle
      } else {
        return found
      }
    }
    return nil
  }

  /// Whether the products of an event are named: one that is not is then sold for nothing here.
  public func namesProducts(of event: UInt32) -> Bool {
    for i in 0..<layout.products.count where product(at: i).event == event { return true }
    return false
  }

  public var productCount: Int { layout.products.count }

  /// Products in their order.
  public func product(at index: Int) -> Product {
    var reader = CBORReader(bytes, at: layout.products[index])
    do throws(WireError) {
      return try Product(reading: &reader)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }

  /// The rule for a class at an event, its own or that for all; nil if there is none.
  /// - Complexity: logarithmic in the number of rules.
  public func rule(event: UInt32, ticketClass: UInt8) -> Rule? {
    if layout.rules.count == 0 { return nil }
    return find(Rule(event: event, ticketClass: ticketClass)) ?? find(Rule(event: event))
  }

  private func find(_ wanted: Rule) -> Rule? {
    var low = 0
    var high = layout.rules.count
    while low < high {
      let middle = low + (high - low) / 2
      let found = rule(at: middle)
      if Rule.precedes(found, wanted) {
        low = middle + 1
      } else if Rule.precedes(wanted, found) {
        high = middle
      } else {
        return found
      }
    }
    return nil
  }

  public var ruleCount: Int { layout.rules.count }

  /// Rules in their order.
  public func rule(at index: Int) -> Rule {
    var reader = CBORReader(bytes, at: layout.rules[index])
    do throws(WireError) {
      return try Rule(reading: &reader)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }

  /// How many `area` takes; nil if it is not limited.
  public func capacity(of area: UInt8) -> UInt32? {
    for i in 0..<layout.areas.count {
      let found = self.area(at: i)
      if found.number == area { return found.capacity }
    }
    return nil
  }

  public var areaCount: Int { layout.areas.count }

  /// Areas by number, ascending.
  public func area(at index: Int) -> Area {
    var reader = CBORReader(bytes, at: layout.areas[index])
    do throws(WireError) {
      return try Area(reading: &reader)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }

  /// The first supervisor with `keyID`, or the next after `index`: who may sign overrides. An issuer
  /// in every other respect.
  public func supervisor(
    _ keyID: Span<UInt8>, after index: Int = -1
  ) -> (index: Int, issuer: Issuer)? {
    var i = index + 1
    while i < layout.supervisors.count {
      let found = supervisor(at: i)
      if found.keyID.equals(keyID) { return (i, found) }
      i += 1
    }
    return nil
  }

  public var supervisorCount: Int { layout.supervisors.count }

  public func supervisor(at index: Int) -> Issuer {
    var reader = CBORReader(bytes, at: layout.supervisors[index])
    do throws(WireError) {
      return try Issuer(reading: &reader)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }
}
