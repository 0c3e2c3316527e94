// trust.toml, the operator's source of a trust document: read, checked, and every complaint with its
// line. What it means in bytes is Records/FORMAT.md.

import Foundation
import Limits
import Seal
import Tickets
import Trust
import Wire

struct TrustSource {
  private(set) var head = TrustHead(version: 0, network: BoundedBytes())
  private(set) var authorities: [PublicKey] = []
  private(set) var issuers: [Issuer] = []
  private(set) var pretixKeys: [PretixKey] = []
  /// Ascending, without duplicates.
  private(set) var revoked: [TicketIdentity] = []
  private(set) var blocked: [TicketIdentity] = []
  /// Ascending by node.
  private(set) var devices: [Device] = []
  private(set) var validators: [Validator] = []
  private(set) var rules = RuleSource()

  static let nodeRange: ClosedRange<UInt64> = 1...(1 << 53 - 1)

  init(_ file: ConfigurationFile) throws(Failure) {
    try readHead(file.tables[0])
    var lists: [(table: ConfigurationTable, isBlocked: Bool)] = []
    for table in file.tables.dropFirst() {
      guard table.isArray else { throw table.error("write [[\(table.name)]], in double brackets") }
      switch table.name {
      case "authority": try readAuthority(table)
      case "issuer": try readIssuer(table)
      case "pretix_event": try readPretixEvent(table)
      // Later, because a ticket is named by keys that may stand below it.
      case "revoked": lists.append((table, false))
      case "blocked": lists.append((table, true))
      case "device": try readDevice(table)
      case "validator": try readValidator(table)
      case "product": try rules.readProduct(table)
      case "rule": try rules.readRule(table)
      case "area": try rules.readArea(table)
      case "supervisor": try rules.readSupervisor(issuer(table), table)
      case let name: throw table.error("[[\(name)]] is not known here")
      }
      if table.name != "revoked" && table.name != "blocked" { try table.refuseOthers() }
    }
    for (table, isBlocked) in lists { try readTicket(table, isBlocked) }
    for supervisor in rules.supervisors where issuers.contains(where: { $0.key == supervisor.key })
    {
      throw .configuration(
        file: file.path, line: 1, "an [[issuer]] and a [[supervisor]] have the same key")
    }
    revoked = Self.sorted(revoked)
    blocked = Self.sorted(blocked)
    devices.sort { $0.node < $1.node }
    validators.sort { $0.node < $1.node }
  }

  private mutating func readHead(_ table: ConfigurationTable) throws(Failure) {
    let times: ClosedRange<UInt64> = 0...UInt64(Int64.max)
    head.version = try table.required(
      "version", table.integer("version", in: 1...UInt64(Int64.max)))
    let network = Array(try table.required("network", table.string("network")).utf8)
    guard !network.isEmpty, let name = BoundedBytes<32>(network.span) else {
      throw table.error("network has 1 to 32 bytes", at: table.line(of: "network"))
    }
    head.network = name
    head.issued = try table.integer("issued", in: times)
    head.expires = try table.integer("expires", in: times)
    head.freshSeconds = try table.integer("fresh_s", in: times)
    head.staleSeconds = try table.integer("stale_s", in: times)
    head.previous = try table.bytes("previous", count: 32...32).map { Hash($0.span) }
    try table.refuseOthers()
    for key in ["fresh_s", "stale_s"] where table.has(key) && head.issued == nil {
      throw table.error("\(key) counts from issued, which is missing", at: table.line(of: key))
    }
    if let fresh = head.freshSeconds, let stale = head.staleSeconds, stale < fresh {
      throw table.error("stale_s is below fresh_s", at: table.line(of: "stale_s"))
    }
    if let issued = head.issued, let expires = head.expires, expires <= issued {
      throw table.error("expires is not after issued", at: table.line(of: "expires"))
    }
  }

  private mutating func readAuthority(_ table: ConfigurationTable) throws(Failure) {
    let key = try table.key("public_key")
    guard !authorities.contains(key) else { throw table.error("this authority stands twice") }
    try checkRoom(authorities.count, Limits.authoritiesMax, table)
    authorities.append(key)
  }

  private mutating func readIssuer(_ table: ConfigurationTable) throws(Failure) {
    let issuer = try issuer(table)
    for other in issuers where other.key == issuer.key {
      throw table.error("this issuer stands twice")
    }
    try checkRoom(issuers.count, Limits.issuersMax, table)
    issuers.append(issuer)
  }

  /// A key that signs tickets or overrides.
  private func issuer(_ table: ConfigurationTable) throws(Failure) -> Issuer {
    let times: ClosedRange<UInt64> = 0...UInt64(Int64.max)
    let key = try table.key("public_key")
    let keyID = try table.bytes("kid", count: 1...Limits.keyIDBytesMax) ?? Keys.keyID(key)
    var issuer = Issuer(
      keyID: BoundedBytes(keyID.span) ?? BoundedBytes(), key: key, status: try status(table),
      notBefore: try table.integer("not_before", in: times),
      notAfter: try table.integer("not_after", in: times))
    for event in try table.integers(
      "events", in: 0...UInt32.max, countMax: Limits.eventsPerIssuerMax)
    { issuer.append(event: event) }
    return issuer
  }

  private mutating func readPretixEvent(_ table: ConfigurationTable) throws(Failure) {
    let event = try table.required("event", table.integer("event", in: 0...UInt32.max))
    try checkRoom(pretixKeys.count, Limits.pretixEventsMax, table)
    pretixKeys.append(
      PretixKey(event: event, key: try table.key("public_key"), status: try status(table)))
  }

  private mutating func readDevice(_ table: ConfigurationTable) throws(Failure) {
    let node = try table.required("node", table.integer("node", in: Self.nodeRange))
    guard !devices.contains(where: { $0.node == node }) else {
      throw table.error("device \(node) stands twice")
    }
    let epoch = try table.bytes("epoch", count: 8...8) ?? []
    try checkRoom(devices.count, Limits.devicesMax, table)
    devices.append(
      Device(
        node: node, role: try role(table), key: try table.key("public_key"),
        zone: try table.integer("zone", in: 0...UInt32.max) ?? 0,
        epoch: epoch.reduce(0) { $0 << 8 | UInt64($1) }, status: try status(table)))
  }

  private mutating func readValidator(_ table: ConfigurationTable) throws(Failure) {
    let node = try table.required("node", table.integer("node", in: Self.nodeRange))
    guard !validators.contains(where: { $0.node == node }) else {
      throw table.error("validator \(node) stands twice")
    }
    try checkRoom(validators.count, Limits.validatorsMax, table)
    validators.append(Validator(node: node, key: try table.key("public_key")))
  }

  private func role(_ table: ConfigurationTable) throws(Failure) -> DeviceRole {
    switch try table.required("role", table.string("role")) {
    case "gate": return .gate
    case "rover": return .rover
    default: throw table.error("role is \"gate\" or \"rover\"", at: table.line(of: "role"))
    }
  }

  private func status(_ table: ConfigurationTable) throws(Failure) -> KeyStatus {
    switch try table.string("status") ?? "active" {
    case "active": return .active
    case "revoked": return .revoked
    default: throw table.error("status is \"active\" or \"revoked\"", at: table.line(of: "status"))
    }
  }

  private func checkRoom(
    _ count: Int, _ limit: Int, _ table: ConfigurationTable
  ) throws(Failure) {
    guard count < limit else { throw table.error("there is room for \(limit) [[\(table.name)]]") }
  }
}

// Tickets on the lists: by (issuer, cti), or by (event, seed) where pretix sold them.
extension TrustSource {
  private mutating func readTicket(
    _ table: ConfigurationTable, _ isBlocked: Bool
  ) throws(Failure) {
    let identities = try identities(table)
    try table.refuseOthers()
    if isBlocked { blocked += identities } else { revoked += identities }
  }

  /// Whom a [[revoked]] or [[blocked]] names.
  func identities(_ table: ConfigurationTable) throws(Failure) -> [TicketIdentity] {
    table.has("issuer") || table.has("ticket") ? try issued(table) : try sold(table)
  }

  /// One identity for each key that shares the key id. A supervisor's names an override.
  private func issued(_ table: ConfigurationTable) throws(Failure) -> [TicketIdentity] {
    let keyID = try table.required(
      "issuer", table.bytes("issuer", count: 1...Limits.keyIDBytesMax))
    let ticketID = try table.required(
      "ticket",
      table.bytes("ticket", count: Limits.ticketIDBytesMin...Limits.ticketIDBytesMax))
    let name = BoundedBytes<16>(ticketID.span) ?? BoundedBytes()
    let identities =
      issuers.filter { $0.keyID.equals(keyID.span) }.map {
        Ticket.identity(issuerKey: $0.key, ticketID: name, with: Sodium.self)
      }
      + rules.supervisors.filter { $0.keyID.equals(keyID.span) }.map {
        Ticket.identity(supervisorKey: $0.key, nonce: name, with: Sodium.self)
      }
    guard !identities.isEmpty else {
      throw table.error(
        "no [[issuer]] or [[supervisor]] has this kid: the ticket is named by its issuer's key",
        at: table.line(of: "issuer"))
    }
    return identities
  }

  /// One identity for each key of the event.
  private func sold(_ table: ConfigurationTable) throws(Failure) -> [TicketIdentity] {
    guard table.has("event") || table.has("seed") else {
      throw table.error("a ticket is named by issuer and ticket, or by event and seed")
    }
    let event = try table.required("event", table.integer("event", in: 0...UInt32.max))
    let text = Array(try table.required("seed", table.string("seed")).utf8)
    guard let seed = BoundedBytes<64>(text.span), !seed.isEmpty else {
      throw table.error(
        "seed has 1 to \(Limits.ticketLabelBytesMax) bytes", at: table.line(of: "seed"))
    }
    let identities = pretixKeys.filter { $0.event == event }.map {
      Ticket.identity(eventKey: $0.key, seed: seed, with: Sodium.self)
    }
    guard !identities.isEmpty else {
      throw table.error(
        "no [[pretix_event]] has this event: the ticket is named by its key",
        at: table.line(of: "event"))
    }
    return identities
  }

  private static func sorted(_ identities: [TicketIdentity]) -> [TicketIdentity] {
    var sorted: [TicketIdentity] = []
    for identity in identities.sorted(by: <) where sorted.last != identity {
      sorted.append(identity)
    }
    return sorted
  }
}
