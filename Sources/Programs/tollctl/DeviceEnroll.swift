// `device enroll`: a device's table in trust.toml, with a new epoch; the rest of the file stays as it
// is, comments included.

import Foundation
import Seal
import Trust
import Wire

let deviceEnroll = Command(
  group: "device", verb: "enroll", summary: "Enrols a device in trust.toml, or enrols it anew.",
  options: [
    Option(name: "node", value: "N", help: "the device's node number", isRequired: true),
    Option(name: "role", value: "gate|rover", help: "what it is", isRequired: true),
    Option(name: "zone", value: "MASK", help: "the zones it stands for (default 0)"),
    Option(name: "key", value: "FILE.pub", help: "the device's public key", isRequired: true),
    Option(name: "trust", value: "trust.toml", help: "the file to write to", isRequired: true),
    .json,
  ],
  notes: """
    Draws a new epoch. A device that is enrolled anew replaces its old self: receipts for the old
    epoch release nothing any more. Afterwards raise version and sign: tollctl trust sign.
    """
) { (arguments) throws(Failure) in
  let path = arguments.required("trust")
  guard let node = try arguments.number("node", in: TrustSource.nodeRange) else { return }
  let role = arguments.required("role")
  guard role == "gate" || role == "rover" else {
    throw arguments.usage("--role is gate or rover, not '\(role)'")
  }
  let zone = try arguments.number("zone", in: 0...UInt32.max) ?? 0
  let key = try Keys.publicKey(arguments.required("key"))
  let bytes = try Files.read(path)
  let file = try ConfigurationFile(path, bytes)
  let source = try TrustSource(file)
  let epoch = randomEpoch()
  let table = [
    "[[device]]", "node = \(node)", "role = \"\(role)\"", "public_key = \"\(hex(key.span))\"",
    "zone = 0x\(String(zone, radix: 16))", "epoch = \"\(epoch)\"",
  ]
  let isNew = !source.devices.contains { $0.node == node }
  let changed = enrolled(table, node: node, in: bytes, file)
  // What is written must be what can be signed.
  _ = try TrustSource(ConfigurationFile(path, changed))
  try Files.replace(path, changed)
  if arguments.has("json") {
    var object = JSONObject()
    object.put("node", node)
    object.put("role", role)
    object.put("zone", zone)
    object.put("epoch", epoch)
    object.put("is_new", isNew)
    Output.line(object.line)
  } else {
    Output.line("\(path): \(isNew ? "enrolled" : "enrolled anew") node \(node), epoch \(epoch)")
    Output.error(
      "tollctl: now raise version (it is \(source.head.version)) and sign: "
        + "tollctl trust sign --in \(path) --key FILE --out FILE")
  }
}

private func randomEpoch() -> String {
  var bytes = [UInt8](repeating: 0, count: 8)
  var target = bytes.mutableSpan
  // 0 is what a device without an enrolment has.
  repeat { Sodium.random(into: &target) } while (0..<8).allSatisfy { target[$0] == 0 }
  return hex(bytes)
}

/// The file with `table` in place of the device's old one, or at the end.
private func enrolled(
  _ table: [String], node: UInt64, in bytes: [UInt8], _ file: ConfigurationFile
) -> [UInt8] {
  var lines = String(decoding: bytes, as: UTF8.self)
    .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  let ending = lines.first?.hasSuffix("\r") == true ? "\r" : ""
  let table = table.map { $0 + ending }
  let old = file.tables.first {
    guard $0.name == "device", case .integer(Int64(node))? = $0.values["node"]?.kind else {
      return false
    }
    return true
  }
  if let old {
    // Its own lines go; comments and blank lines between them stay.
    let taken = Set([old.line] + old.values.values.map(\.line))
    lines = lines.enumerated().flatMap { index, line in
      index + 1 == old.line ? table : taken.contains(index + 1) ? [] : [line]
    }
  } else {
    while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
    lines += (lines.isEmpty ? [] : [ending]) + table + [""]
  }
  return Array(lines.joined(separator: "\n").utf8)
}
