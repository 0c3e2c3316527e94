// `trust revoke`: puts a ticket on a list of trust.toml, or takes it off.

import Foundation
import Limits
import Seal
import Tickets
import Trust
import Wire

let trustRevoke = Command(
  group: "trust", verb: "revoke",
  summary: "Revokes or blocks a ticket in trust.toml, or lifts that.",
  options: [
    Option(name: "trust", value: "trust.toml", help: "the file to write to", isRequired: true),
    Option(name: "ticket", value: "TEXT", help: "the ticket or override, as scanned"),
    Option(name: "issuer", value: "KID", help: "or its issuer's key id in hex, with --id"),
    Option(name: "id", value: "HEX", help: "its cti"),
    Option(
      name: "event", value: "N", help: "or the event that sold it through pretix, with --seed"),
    Option(name: "seed", value: "TEXT", help: "the seed that it says (ticket show)"),
    Option(name: "block", value: nil, help: "on the list [[blocked]], not [[revoked]]"),
    Option(name: "lift", value: nil, help: "take it off the list"),
    .json,
  ],
  notes: """
    Raises version, and sets issued if the file has it. A ticket that is on the list already, or not on
    it, leaves the file as it is. A pretix shop's lists of revoked and blocked secrets hold texts for
    --ticket. It wants a text that a key of the file has signed. Comments and
    the order of the rest stay. Afterwards sign: tollctl trust sign.
    """
) { (arguments) throws(Failure) in
  let path = arguments.required("trust")
  let list = arguments.has("block") ? "blocked" : "revoked"
  let isLifted = arguments.has("lift")
  let name = try ListedTicket(arguments)
  var identities: [TicketIdentity] = []
  let (version, isChanged) = try TrustFile.change(path) { after in
    let entries = list == "blocked" ? after.blocked : after.revoked
    return identities.allSatisfy { entries.contains($0) != isLifted }
  } by: { (trust) throws(Failure) in
    let pairs = try name.pairs(in: trust.source, path)
    do throws(Failure) {
      identities = try trust.source.identities(table(list, pairs, path))
    } catch {
      // It is the command's word that is wrong, and no line of the file.
      guard case .configuration(_, _, let reason) = error else { throw error }
      throw .failed("\(path) is left as it is: \(reason)")
    }
    let entries = list == "blocked" ? trust.source.blocked : trust.source.revoked
    if isLifted {
      for table in trust.file.tables.dropFirst() where table.name == list {
        let named = try trust.source.identities(table)
        if named.contains(where: identities.contains) { trust.edit.remove(table) }
      }
    } else if !identities.allSatisfy(entries.contains) {
      trust.edit.append(list, pairs.map { ($0.key, $0.text) })
    }
  }
  try report(arguments, path, list, identities, version: version, isChanged: isChanged)
}

private func report(
  _ arguments: Arguments, _ path: String, _ list: String, _ identities: [TicketIdentity],
  version: UInt64, isChanged: Bool
) throws(Failure) {
  let isLifted = arguments.has("lift")
  for identity in identities {
    if arguments.has("json") {
      var object = JSONObject()
      object.put("identity", hex(identity.span))
      object.put("list", list)
      object.put("is_listed", !isLifted)
      object.put("is_changed", isChanged)
      object.put("version", version)
      try Output.line(object.line)
    } else {
      let what =
        isChanged
        ? (isLifted ? "taken off [[\(list)]]" : "put on [[\(list)]]")
        : (isLifted ? "was not on [[\(list)]]" : "was on [[\(list)]] already")
      try Output.line("\(path): ticket \(hex(identity.span)) \(what)")
    }
  }
  if isChanged && !arguments.has("json") { TrustFile.remind(path, version) }
}

/// A pair of a table that is to be written.
private struct NamedValue {
  var key: String
  var kind: ConfigurationValue.Kind

  var text: String {
    switch kind {
    case .string(let text): quotedTOML(text)
    case .integer(let number): "\(number)"
    default: ""
    }
  }
}

/// A table as it will be read.
private func table(
  _ name: String, _ pairs: [NamedValue], _ path: String
) -> ConfigurationTable {
  let table = ConfigurationTable(file: path, name: name, line: 1, isArray: true)
  for pair in pairs { table.add(pair.key, ConfigurationValue(kind: pair.kind, line: 1)) }
  return table
}

/// A ticket by whichever name the command was given.
private enum ListedTicket {
  case text(ScannedTicket)
  case issued(keyID: [UInt8], ticketID: [UInt8])
  case sold(event: UInt32, seed: String)

  init(_ arguments: Arguments) throws(Failure) {
    let given = ["ticket", "issuer", "event"].filter(arguments.has)
    guard given.count == 1 else {
      throw arguments.usage(
        "a ticket is named by --ticket TEXT, by --issuer KID --id HEX, or by --event N --seed TEXT")
    }
    for (first, second) in [("issuer", "id"), ("event", "seed")]
    where arguments.has(first) != arguments.has(second) {
      throw arguments.usage("--\(first) and --\(second) go together")
    }
    if let text = arguments.text("ticket") {
      let ticket = ScannedTicket(text)
      guard ticket.content != nil else {
        throw .failed("--ticket is no ticket of either format: nothing is changed")
      }
      self = .text(ticket)
    } else if let keyID = try arguments.bytes("issuer", count: 1...Limits.keyIDBytesMax),
      let ticketID = try arguments.bytes(
        "id", count: Limits.ticketIDBytesMin...Limits.ticketIDBytesMax)
    {
      self = .issued(keyID: keyID, ticketID: ticketID)
    } else {
      self = .sold(
        event: try arguments.number("event", in: 0...UInt32.max) ?? 0,
        seed: arguments.required("seed"))
    }
  }

  /// What names it in `source`.
  func pairs(in source: TrustSource, _ path: String) throws(Failure) -> [NamedValue] {
    switch self {
    case .issued(let keyID, let ticketID):
      return [
        NamedValue(key: "issuer", kind: .string(hex(keyID))),
        NamedValue(key: "ticket", kind: .string(hex(ticketID))),
      ]
    case .sold(let event, let seed):
      return [
        NamedValue(key: "event", kind: .integer(Int64(event))),
        NamedValue(key: "seed", kind: .string(seed)),
      ]
    case .text(let ticket):
      guard let named = Self.signed(ticket, in: source) else {
        throw .failed(
          "no key in \(path) has signed this ticket: name it by --issuer and --id, or --event and "
            + "--seed, if it is meant all the same")
      }
      return try named.pairs(in: source, path)
    }
  }

  /// The ticket's name, if a key of the source has signed it.
  private static func signed(_ ticket: ScannedTicket, in source: TrustSource) -> ListedTicket? {
    if case .pretix(let claims) = ticket.content {
      return source.pretixKeys.first { ticket.isSigned(by: $0.key) }.map {
        .sold(event: $0.event, seed: utf8Text(claims.seed.span))
      }
    }
    let signers = source.issuers + source.rules.supervisors
    guard let keyID = ticket.keyID, let name = ticket.name, let ticketID = decodedHex(name),
      signers.contains(where: { $0.keyID.equals(keyID.span) && ticket.isSigned(by: $0.key) })
    else { return nil }
    return .issued(keyID: keyID, ticketID: ticketID)
  }
}
