// `trust sign`: trust.toml in, a signed trust document out.

import Foundation
import Limits
import Seal
import Trust
import Wire

let trustSign = Command(
  group: "trust", verb: "sign", summary: "Signs a trust document that devices and validators load.",
  options: [
    Option(name: "in", value: "trust.toml", help: "its source", isRequired: true),
    Option(name: "key", value: "FILE", help: "the authority's private key", isRequired: true),
    Option(name: "out", value: "FILE", help: "where the document goes", isRequired: true),
    Option(
      name: "previous", value: "FOLDER",
      help: "shards that devices hold, for increments; FILE.shards by default"),
    .json,
  ],
  notes: """
    trust.toml: version and network; optional issued, expires, fresh_s, stale_s, previous (the hash
    that signing the document before has printed); then [[authority]], [[issuer]], [[pretix_event]],
    [[revoked]], [[blocked]], [[product]], [[rule]], [[area]], [[supervisor]], [[device]],
    [[validator]]. Raise version with every document: devices
    refuse a lower one, and another one of the same version.
    More than 2,000 revoked and blocked tickets (512 beside 512 devices) go to shards, to be kept beside
    the document: FILE.shards/INDEX and, for devices that hold what was there before, INDEX.increment.
    """
) { (arguments) throws(Failure) in
  let path = arguments.required("in")
  let source = try TrustSource(ConfigurationFile(path, try Files.read(path)))
  let key = try Keys.secret(arguments.required("key"))
  let output = arguments.required("out")
  let folder = "\(output).shards"
  let shards = try source.shards(previous: arguments.text("previous") ?? folder, path)
  let document = try source.sign(with: key, shards, path)
  let changed = try shards?.write(to: folder)
  try Files.replace(output, document) { old throws(Failure) in
    guard TrustSource.isDocument(old) else {
      throw .failed("\(output) is no trust document, and is left as it is: choose another --out")
    }
  }
  let hash = hex(Sodium.hash(document.span).span)
  if arguments.has("json") {
    var object = JSONObject()
    object.put("file", output)
    object.put("version", source.head.version)
    object.put("network", String(decoding: source.networkName, as: UTF8.self))
    object.put("authority", hex(Sodium.publicKey(of: key).span))
    object.put("hash", hash)
    object.put("bytes", document.count)
    if let shards, let changed {
      object.put("shards", shards.shards.count)
      object.put("shards_changed", changed)
      object.put("increments", shards.increments.count)
    }
    try Output.line(object.line)
  } else {
    try Output.line(
      "\(output): version \(source.head.version), \(counted(source.issuers.count, "issuer")), "
        + "\(counted(source.pretixKeys.count, "pretix key")), \(source.revoked.count) revoked, "
        + "\(source.blocked.count) blocked, \(counted(source.devices.count, "device")), "
        + "\(counted(source.validators.count, "validator")), \(document.count) bytes")
    if let shards, let changed {
      try Output.line(
        "\(folder): \(counted(shards.shards.count, "shard")), \(changed) changed, "
          + "\(counted(shards.increments.count, "increment"))")
    }
    try Output.line("hash \(hash)")
  }
  source.warn(Sodium.publicKey(of: key))
}

extension TrustSource {
  /// Whether this is a signed trust document, whoever has signed it.
  fileprivate static func isDocument(_ bytes: [UInt8]) -> Bool {
    var document = emptyTrust()
    var scratch = [UInt8](repeating: 0, count: TrustDocument<Sodium>.scratchBytes)
    var space = scratch.mutableSpan
    do throws(TrustError) {
      _ = try document.load(bytes.span, anchor: .named, scratch: &space)
      return true
    } catch {
      return error == .unknownAuthority || error == .badSignature
    }
  }

  fileprivate var networkName: [UInt8] {
    let name = head.network
    return name.span.indices.map { name.span[$0] }
  }

  /// What is allowed, and seldom meant.
  fileprivate func warn(_ signer: PublicKey) {
    if !authorities.isEmpty && !authorities.contains(signer) {
      Output.error(
        "tollctl: warning: the key that signed this is not among its [[authority]]: "
          + "it cannot sign the next document")
    }
    if devices.contains(where: { $0.epoch == 0 }) {
      Output.error("tollctl: warning: a device has no epoch: tollctl device enroll draws one")
    }
    if validators.isEmpty {
      Output.error("tollctl: warning: without a [[validator]] no device believes a receipt")
    }
  }

  /// The shards of the lists; nil if these stand in the document.
  fileprivate func shards(
    previous: String, _ path: String
  ) throws(Failure) -> TrustShards? {
    let inlineMax = TrustShards.inlineMax(devices: devices.count)
    guard revoked.count + blocked.count > inlineMax else { return nil }
    return try TrustShards(revoked: revoked, blocked: blocked, previous: previous, path)
  }

  /// The signed document.
  fileprivate func sign(
    with key: SecretKey, _ shards: TrustShards?, _ path: String
  ) throws(Failure) -> [UInt8] {
    var payload = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    var scratch = [UInt8](repeating: 0, count: Limits.trustBytesMax + 128)
    var output = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    var payloadSpace = payload.mutableSpan
    var scratchSpace = scratch.mutableSpan
    var outputSpace = output.mutableSpan
    do throws(TrustError) {
      var writer = try begun(payloadSpace.whole(), hasManifest: shards != nil)
      do throws(WireError) {
        try write(to: &writer, shards, signer: Sodium.publicKey(of: key))
      } catch {
        throw TrustError.noSpace
      }
      let count = try writer.finish(
        key: key, with: Sodium.self, scratch: &scratchSpace, into: &outputSpace)
      return (0..<count).map { outputSpace[$0] }
    } catch {
      throw .failed(
        error == .malformed
          ? "\(path) says what the format does not allow: please report this"
          : "\(path) makes a document of more than \(Limits.trustBytesMax) bytes: "
            + "fewer revoked tickets and devices fit")
    }
  }

  @_lifetime(copy payload)
  private func begun(
    _ payload: consuming MutableSpan<UInt8>, hasManifest: Bool
  ) throws(TrustError) -> TrustWriter {
    do throws(WireError) {
      return try TrustWriter(
        payload, head: head, hasRules: !rules.isEmpty, hasManifest: hasManifest)
    } catch {
      throw .noSpace
    }
  }

  @_lifetime(writer: copy writer)
  private func write(
    to writer: inout TrustWriter, _ shards: TrustShards?, signer: PublicKey
  ) throws(WireError) {
    try writer.authorities(max(authorities.count, 1))
    for authority in authorities.isEmpty ? [signer] : authorities {
      try writer.authority(authority)
    }
    try writer.issuers(issuers.count)
    for issuer in issuers { try writer.issuer(issuer) }
    try writer.pretixKeys(pretixKeys.count)
    for key in pretixKeys { try writer.pretixKey(key) }
    try writer.revoked(shards == nil ? revoked.count : 0)
    if shards == nil { for identity in revoked { try writer.identity(identity) } }
    try writer.blocked(shards == nil ? blocked.count : 0)
    if shards == nil { for identity in blocked { try writer.identity(identity) } }
    if !rules.isEmpty { try rules.write(to: &writer) }
    try writer.devices(devices.count)
    for device in devices { try writer.device(device) }
    try writer.validators(validators.count)
    for validator in validators { try writer.validator(validator) }
    if let shards {
      try writer.manifest(shards.manifest)
      for hash in shards.hashes { try writer.shard(hash) }
    }
  }
}
