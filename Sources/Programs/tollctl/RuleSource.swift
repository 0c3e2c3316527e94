// The rules in trust.toml: [[product]], [[rule]], [[area]], [[supervisor]].

import Limits
import Trust
import Wire

/// What the tables say, sorted as the format wants it.
struct RuleSource {
  private(set) var products: [Product] = []
  private(set) var rules: [Rule] = []
  private(set) var areas: [Area] = []
  private(set) var supervisors: [Issuer] = []

  var isEmpty: Bool {
    products.isEmpty && rules.isEmpty && areas.isEmpty && supervisors.isEmpty
  }

  mutating func readProduct(_ table: ConfigurationTable) throws(Failure) {
    let event = try table.required("event", table.integer("event", in: 0...UInt32.max))
    let item = try table.required("item", table.integer("item", in: 0...UInt64(Int64.max)))
    let product = Product(
      event: event, item: item,
      variation: try table.integer("variation", in: 0...UInt64(Int64.max)),
      ticketClass: try table.integer("class", in: 0...UInt8.max) ?? 0,
      zones: try table.integer("zones", in: 0...UInt32.max) ?? .max,
      entries: try table.integer("entries", in: 0...UInt16.max) ?? 1)
    guard
      !products.contains(where: {
        $0.event == event && $0.item == item && $0.variation == product.variation
      })
    else { throw table.error("this product stands twice") }
    try checkRoom(products.count, Limits.productsMax, table)
    products.append(product)
    products.sort {
      ($0.event, $0.item, $0.variation.map { Int64($0) } ?? -1)
        < ($1.event, $1.item, $1.variation.map { Int64($0) } ?? -1)
    }
  }

  mutating func readRule(_ table: ConfigurationTable) throws(Failure) {
    var rule = Rule(
      event: try table.required("event", table.integer("event", in: 0...UInt32.max)),
      ticketClass: try table.integer("class", in: 0...UInt8.max),
      zones: try table.integer("zones", in: 0...UInt32.max) ?? .max,
      entries: try table.integer("entries", in: 0...UInt16.max),
      entriesPerDay: try table.integer(
        "entries_per_day", in: 1...UInt8(Limits.entriesPerDayMax)),
      dayStart: try table.integer("day_start_s", in: 0...86_399) ?? 0,
      allowsMultiple: try table.boolean("multiple") ?? true,
      allowsReentry: try table.boolean("reentry") ?? true,
      passbackMinutes: try table.integer(
        "passback_min", in: 0...UInt32(Limits.passbackMinutesMax)))
    let times = try table.integers(
      "windows", in: 0...UInt64(Int64.max), countMax: 2 * Limits.ruleWindowsMax)
    guard times.count % 2 == 0 else {
      throw table.error(
        "windows are pairs: from, until, from, until", at: table.line(of: "windows"))
    }
    for i in stride(from: 0, to: times.count, by: 2) {
      guard times[i] < times[i + 1] else {
        throw table.error("a window ends before it begins", at: table.line(of: "windows"))
      }
      rule.append(Rule.Window(from: times[i], until: times[i + 1]))
    }
    guard
      !rules.contains(where: { $0.event == rule.event && $0.ticketClass == rule.ticketClass })
    else { throw table.error("there is a rule for this event and class already") }
    try checkRoom(rules.count, Limits.rulesMax, table)
    rules.append(rule)
    rules.sort {
      ($0.event, $0.ticketClass.map { Int($0) } ?? -1)
        < ($1.event, $1.ticketClass.map { Int($0) } ?? -1)
    }
  }

  mutating func readArea(_ table: ConfigurationTable) throws(Failure) {
    let number = try table.required(
      "number", table.integer("number", in: 1...UInt8(Limits.areasMax)))
    guard !areas.contains(where: { $0.number == number }) else {
      throw table.error("area \(number) stands twice")
    }
    areas.append(
      Area(
        number: number,
        capacity: try table.required("capacity", table.integer("capacity", in: 0...UInt32.max))))
    areas.sort { $0.number < $1.number }
  }

  /// - Parameter issuer: as the keys of an [[issuer]] are read.
  mutating func readSupervisor(
    _ issuer: Issuer, _ table: ConfigurationTable
  ) throws(Failure) {
    guard !supervisors.contains(where: { $0.key == issuer.key }) else {
      throw table.error("this supervisor stands twice")
    }
    try checkRoom(supervisors.count, Limits.supervisorsMax, table)
    supervisors.append(issuer)
  }

  private func checkRoom(
    _ count: Int, _ limit: Int, _ table: ConfigurationTable
  ) throws(Failure) {
    guard count < limit else { throw table.error("there is room for \(limit) [[\(table.name)]]") }
  }

  /// - Precondition: the document was begun with rules.
  @_lifetime(writer: copy writer)
  func write(to writer: inout TrustWriter) throws(WireError) {
    try writer.products(products.count)
    for product in products { try writer.product(product) }
    try writer.rules(rules.count)
    for rule in rules { try writer.rule(rule) }
    try writer.areas(areas.count)
    for area in areas { try writer.area(area) }
    try writer.supervisors(supervisors.count)
    for supervisor in supervisors { try writer.supervisor(supervisor) }
  }
}
