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
  let device = Device(
    node: node, role: role == "gate" ? .gate : .rover, key: key, zone: zone, epoch: randomEpoch(),
    status: .active)
  // Who enrols another device at the same time waits, and finds this one.
  let (version, isNew) = try Files.locked(path) { () throws(Failure) in
    try enroll(device, in: path)
  }
  let epoch = hex(device.epoch)
  if arguments.has("json") {
    var object = JSONObject()
    object.put("node", node)
    object.put("role", role)
    object.put("zone", zone)
    object.put("epoch", epoch)
    object.put("is_new", isNew)
    try Output.line(object.line)
  } else {
    try Output.line("\(path): \(isNew ? "enrolled" : "enrolled anew") node \(node), epoch \(epoch)")
    Output.error(
      "tollctl: now raise version (it is \(version)) and sign: "
        + "tollctl trust sign --in \(path) --key FILE --out FILE")
  }
}

/// Changes the file; returns the version that it has, and whether the device was not in it.
private func enroll(
  _ device: Device, in path: String
) throws(Failure) -> (version: UInt64, isNew: Bool) {
  let bytes = try Files.read(path)
  let file = try ConfigurationFile(path, bytes)
  let source = try TrustSource(file)
  let pairs = [
    ("node", "\(device.node)"), ("role", device.role == .gate ? "\"gate\"" : "\"rover\""),
    ("public_key", "\"\(hex(device.key.span))\""), ("zone", "0x\(String(device.zone, radix: 16))"),
    ("epoch", "\"\(hex(device.epoch))\""),
  ]
  let isNew = !source.devices.contains { $0.node == device.node }
  let changed = enrolled(pairs, node: device.node, in: bytes, file)
  // What is written must be what was meant, and what can be signed.
  let after = try TrustSource(ConfigurationFile(path, changed))
  guard let found = after.devices.first(where: { $0.node == device.node }),
    found.key == device.key, found.epoch == device.epoch,
    after.devices.count - source.devices.count == (isNew ? 1 : 0)
  else { throw .failed("\(path) is written in a way that cannot be changed: edit it by hand") }
  try Files.replace(path, changed)
  return (source.head.version, isNew)
}

/// Not 0, which is what a device without an enrolment has.
private func randomEpoch() -> UInt64 {
  var epoch: UInt64 = 0
  while epoch == 0 {
    var bytes = Bytes<8>()
    var target = bytes.mutableSpan
    Sodium.random(into: &target)
    epoch = bytes.span.uint64(at: 0)
  }
  return epoch
}

/// An epoch as 16 hex digits.
private func hex(_ epoch: UInt64) -> String {
  let digits = String(epoch, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The file with the device's table changed where it stands, or added at the end.
private func enrolled(
  _ pairs: [(key: String, value: String)], node: UInt64, in bytes: [UInt8],
  _ file: ConfigurationFile
) -> [UInt8] {
  var edit = TableEdit(bytes)
  let old = file.tables.first {
    guard $0.name == "device", case .integer(Int64(node))? = $0.values["node"]?.kind else {
      return false
    }
    return true
  }
  guard let old else {
    edit.append("device", pairs)
    return edit.bytes
  }
  for pair in pairs { edit.set(pair.key, to: pair.value, in: old) }
  for key in old.values.keys where !pairs.contains(where: { $0.key == key }) {
    edit.remove(key, of: old)
  }
  return edit.bytes
}
