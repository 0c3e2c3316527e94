// `trust rotate`: a new key beside an old one in trust.toml, an issuer's or an authority's.

import Foundation
import Limits
import Trust
import Wire

let trustRotate = Command(
  group: "trust", verb: "rotate",
  summary: "Rotates an issuer's key in trust.toml, or an authority's.",
  options: [
    Option(name: "trust", value: "trust.toml", help: "the file to write to", isRequired: true),
    Option(name: "kid", value: "OLD", help: "an issuer's: key id of the old key, hex"),
    Option(name: "key", value: "NEW.pub", help: "its new key"),
    Option(
      name: "kid-new", value: "HEX", help: "the new key's id (default: 4 bytes of its SHA-256)"),
    Option(name: "overlap", value: "SECONDS", help: "how long the old key's tickets still admit"),
    Option(
      name: "authority", value: "NEW.pub", help: "an authority's: who may sign from now on too"),
    Option(name: "drop", value: "OLD.pub", help: "and who may not any more"),
    .json,
  ],
  notes: """
    An issuer's new key is valid from now (not_before), for the old one's events; the old one ends
    (not_after) with the overlap, or earlier if that stands in the file. An authority that is added can
    sign the document after the next: devices believe those that the document which they have names.
    Raises version, and sets issued if the file has it. Comments and the order of the rest stay.
    Afterwards sign: tollctl trust sign.
    """
) { (arguments) throws(Failure) in
  let path = arguments.required("trust")
  let isAuthority = arguments.has("authority") || arguments.has("drop")
  for name in ["kid", "key", "kid-new", "overlap"] where isAuthority && arguments.has(name) {
    throw arguments.usage("--\(name) is an issuer's: rotate one key at a time")
  }
  let version =
    isAuthority ? try rotateAuthority(arguments, path) : try rotateIssuer(arguments, path)
  if !arguments.has("json") { TrustFile.remind(path, version) }
}

// MARK: Issuers

private func rotateIssuer(_ arguments: Arguments, _ path: String) throws(Failure) -> UInt64 {
  guard let old = try arguments.bytes("kid", count: 1...Limits.keyIDBytesMax) else {
    throw arguments.usage("--kid is missing, or --authority")
  }
  for name in ["key", "overlap"] where !arguments.has(name) {
    throw arguments.usage("--\(name) is missing")
  }
  let key = try Keys.publicKey(arguments.required("key"))
  let keyID =
    try arguments.bytes("kid-new", count: 1...Limits.keyIDBytesMax) ?? Keys.keyID(key)
  let overlap = try arguments.number("overlap", in: 0...UInt64(UInt32.max)) ?? 0
  let now = UInt64(max(currentTime() / 1000, 0))
  var end = now + overlap
  var oldKey = PublicKey()
  let (version, _) = try TrustFile.change(path) { after in
    after.issuers.contains { $0.key == key && $0.keyID.equals(keyID.span) && $0.notBefore == now }
      && after.issuers.contains { $0.key == oldKey && $0.notAfter == end }
  } by: { (trust) throws(Failure) in
    let issuer = try current(old, in: trust, at: now)
    oldKey = issuer.key
    guard oldKey != key, !trust.source.issuers.contains(where: { $0.key == key }) else {
      throw .failed("\(path) has this key already: nothing is changed")
    }
    end = min(end, issuer.notAfter ?? .max)
    let events = (0..<issuer.eventCount).map { "\(issuer.event(at: $0))" }
    let table = trust.file.tables.first {
      guard $0.name == "issuer", case .string(let text)? = $0.values["public_key"]?.kind else {
        return false
      }
      return decodedHex(text).map { PublicKey($0.span) } == oldKey
    }
    if let table { trust.edit.set("not_after", to: "\(end)", in: table) }
    trust.edit.append(
      "issuer",
      [("kid", "\"\(hex(keyID))\""), ("public_key", "\"\(hex(key.span))\"")]
        + (events.isEmpty ? [] : [("events", "[\(events.joined(separator: ", "))]")])
        + [("not_before", "\(now)")])
  }
  if arguments.has("json") {
    var object = JSONObject()
    object.put("kid", hex(keyID))
    object.put("not_before", now)
    object.put("old_kid", hex(old))
    object.put("old_not_after", end)
    object.put("version", version)
    try Output.line(object.line)
  } else {
    try Output.line("\(path): issuer \(hex(keyID)) is valid from \(isoTime(seconds: now))")
    try Output.line("\(path): issuer \(hex(old)) ends before \(isoTime(seconds: end))")
  }
  return version
}

/// The one key with this id that tickets are signed with now.
private func current(
  _ keyID: [UInt8], in trust: TrustFile, at now: UInt64
) throws(Failure) -> Issuer {
  let found = trust.source.issuers.filter { $0.keyID.equals(keyID.span) }
  let current = found.filter { $0.status == .active && ($0.notAfter ?? .max) > now }
  // Of a key that was rotated and its successor under the same id, the successor.
  let lasting = current.filter { $0.notAfter == nil }
  guard let issuer = lasting.count == 1 ? lasting[0] : current.count == 1 ? current[0] : nil else {
    let many = current.count > 1 ? "\(current.count) active [[issuer]]" : "no active [[issuer]]"
    throw .failed("\(trust.path) has \(many) with key id \(hex(keyID)): nothing is changed")
  }
  return issuer
}

// MARK: Authorities

private func rotateAuthority(_ arguments: Arguments, _ path: String) throws(Failure) -> UInt64 {
  let added = try arguments.text("authority").map { path throws(Failure) in
    try Keys.publicKey(path)
  }
  let dropped = try arguments.text("drop").map { path throws(Failure) in
    try Keys.publicKey(path)
  }
  var wasEmpty = false
  let (version, _) = try TrustFile.change(path) { after in
    added.map(after.authorities.contains) != false
      && dropped.map(after.authorities.contains) != true
  } by: { (trust) throws(Failure) in
    let authorities = trust.source.authorities
    wasEmpty = authorities.isEmpty
    if let added {
      guard !authorities.contains(added) else {
        throw .failed("\(path) has this authority already: nothing is changed")
      }
      trust.edit.append("authority", [("public_key", "\"\(hex(added.span))\"")])
    }
    guard let dropped else { return }
    guard authorities.contains(dropped), dropped != added else {
      throw .failed("\(path) has no such authority to drop: nothing is changed")
    }
    guard authorities.count > 1 || added != nil else {
      throw .failed("no authority would be left: add its successor with --authority NEW.pub")
    }
    for table in trust.file.tables where table.name == "authority" {
      if try table.key("public_key") == dropped { trust.edit.remove(table) }
    }
  }
  for (key, isAdded) in [(added, true), (dropped, false)] {
    guard let key else { continue }
    if arguments.has("json") {
      var object = JSONObject()
      object.put("authority", hex(key.span))
      object.put("is_named", isAdded)
      object.put("version", version)
      try Output.line(object.line)
    } else {
      try Output.line("\(path): authority \(hex(key.span)) \(isAdded ? "added" : "dropped")")
    }
  }
  if wasEmpty {
    Output.error(
      "tollctl: warning: \(path) named no [[authority]], so that the one that signs was meant: from now "
        + "on only those that it names may sign the next. Add the present one too, if it should")
  }
  return version
}
