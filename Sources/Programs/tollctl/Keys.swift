// Key files: a private one holds the 32-byte Ed25519 seed in hex, its neighbour `.pub` the public key.

import Foundation
import Seal
import Wire

enum Keys {
  static func secret(_ path: String) throws(Failure) -> SecretKey {
    if path.hasSuffix(".pub") {
      throw .failed("\(path) is a public key: give the private one, without .pub")
    }
    let seed = try read(path)
    warnIfOthersMayRead(path)
    return Sodium.secretKey(seed: seed)
  }

  static func publicKey(_ path: String) throws(Failure) -> PublicKey {
    // Both kinds are 64 hex digits, and a private key must not end up where a public one belongs: it
    // is the name that tells them apart.
    guard path.hasSuffix(".pub") else {
      throw .failed("\(path) is no public key by its name: give the file whose name ends in .pub")
    }
    return try read(path)
  }

  private static func read(_ path: String) throws(Failure) -> Bytes<32> {
    let text = Array(
      String(decoding: try Files.read(path), as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines).utf8)
    do throws(WireError) {
      return try Hex.fixed(text.span)
    } catch {
      throw .failed("\(path) is no key: 64 hex digits are expected, as tollctl key new writes them")
    }
  }

  private static func warnIfOthersMayRead(_ path: String) {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let mode = attributes?[.posixPermissions] as? Int, mode & 0o077 != 0 else { return }
    Output.error("tollctl: warning: others may read \(path): chmod 600 \(path)")
  }

  /// The key id of a key whose owner chose none: the first 4 bytes of SHA-256 of the public key.
  static func keyID(_ key: PublicKey) -> [UInt8] {
    let hash = Sodium.sha256(key.span)
    return (0..<4).map { hash.storage[$0] }
  }
}

let keyNew = Command(
  group: "key", verb: "new", summary: "Makes an Ed25519 key pair: FILE (private) and FILE.pub.",
  options: [
    Option(name: "out", value: "FILE", help: "where the private key goes", isRequired: true),
    .json,
  ],
  notes: """
    FILE gets mode 0600 and is never overwritten. Both files hold 64 hex digits: the seed of RFC 8032,
    and the public key. Standard output is what an [[issuer]] of trust.toml wants.
    """
) { (arguments) throws(Failure) in
  let path = arguments.required("out")
  guard !path.isEmpty, !path.hasSuffix(".pub") else {
    throw arguments.usage("--out names the private key; .pub is added for the public one")
  }
  if Files.exists(path + ".pub") {
    throw .failed("\(path).pub is there already and is left as it is: choose another --out")
  }
  var seed = Bytes<32>()
  var target = seed.mutableSpan
  Sodium.random(into: &target)
  let key = Sodium.publicKey(of: Sodium.secretKey(seed: seed))
  try Files.create(path, hex(seed.span) + "\n", mode: 0o600)
  do throws(Failure) {
    try Files.create(path + ".pub", hex(key.span) + "\n", mode: 0o644)
  } catch {
    // Half a pair is none, and would be in the way of the next try.
    Files.remove(path)
    throw error
  }
  if arguments.has("json") {
    var object = JSONObject()
    object.put("public_key", hex(key.span))
    object.put("kid", hex(Keys.keyID(key)))
    object.put("private_file", path)
    object.put("public_file", path + ".pub")
    try Output.line(object.line)
  } else {
    try Output.line("kid = \"\(hex(Keys.keyID(key)))\"")
    try Output.line("public_key = \"\(hex(key.span))\"")
    Output.error("tollctl: \(path) is the private key: keep it. \(path).pub is for everybody.")
  }
}
