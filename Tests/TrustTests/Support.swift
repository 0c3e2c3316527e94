// What the tests of this module share: an authority, documents put together field by field, and a
// loaded document in memory of its own.

import Foundation
import Seal
import Testing
import Trust
import Wire

typealias Document = TrustDocument<Sodium>

func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap { $0.hexDigitValue.map { UInt8($0) } }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

/// The key pair of 32 equal seed bytes.
func secretKey(_ number: UInt8) -> SecretKey {
  Sodium.secretKey(seed: Bytes<32>([UInt8](repeating: number, count: 32).span))
}

func publicKey(_ number: UInt8) -> PublicKey { Sodium.publicKey(of: secretKey(number)) }

func keyHex(_ number: UInt8) -> String { hex(array(publicKey(number).span)) }

func identity(_ number: UInt8) -> TicketIdentity {
  TicketIdentity([UInt8](repeating: number, count: 16).span)
}

func network(_ name: String) -> BoundedBytes<32> { BoundedBytes(Array(name.utf8).span)! }

func memory(_ count: Int) -> Memory {
  let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
  base.initialize(repeating: 0, count: count)
  return Memory(unsafe: base, count: count)
}

private func copied(_ document: borrowing Document) -> [UInt8] { array(document.bytes) }

/// A document that a test can ask and copy: `#expect` takes no noncopyable values and no spans.
final class Trusted {
  private var document: Document

  init(versionFloor: UInt64 = 0) {
    document = Document(memory: memory(Document.memoryBytes), versionFloor: versionFloor)
  }

  /// Loads it, the pinned authority being key 1.
  func load(
    _ bytes: [UInt8], anchor: TrustAnchor = .pinned(publicKey(1))
  ) throws(TrustError) -> TrustChange {
    var space = scratch.mutableSpan
    return try document.load(bytes.span, anchor: anchor, scratch: &space)
  }

  private var scratch = [UInt8](repeating: 0, count: Document.scratchBytes)

  var isLoaded: Bool { document.isLoaded }
  var version: UInt64 { document.version }
  var head: TrustHead { document.head }
  var hash: Hash { document.hash }
  var signer: PublicKey { document.signer }
  var bytes: [UInt8] { copied(document) }
  func issuer(_ keyID: [UInt8], after index: Int = -1) -> (index: Int, issuer: Issuer)? {
    document.issuer(keyID.span, after: index)
  }
  var issuerCount: Int { document.issuerCount }
  func issuer(at index: Int) -> Issuer { document.issuer(at: index) }
  func isRevoked(_ number: UInt8) -> Bool { document.isRevoked(identity(number)) }
  func isBlocked(_ number: UInt8) -> Bool { document.isBlocked(identity(number)) }
  func product(event: UInt32, item: UInt64, variation: UInt64 = 0) -> Product? {
    document.product(event: event, item: item, variation: variation)
  }
  func namesProducts(of event: UInt32) -> Bool { document.namesProducts(of: event) }
  func rule(event: UInt32, ticketClass: UInt8) -> Rule? {
    document.rule(event: event, ticketClass: ticketClass)
  }
  func capacity(of area: UInt8) -> UInt32? { document.capacity(of: area) }
  func supervisor(_ keyID: [UInt8], after index: Int = -1) -> (index: Int, issuer: Issuer)? {
    document.supervisor(keyID.span, after: index)
  }
  func device(_ node: UInt64) -> Device? { document.device(node) }
  var deviceCount: Int { document.deviceCount }
  func device(at index: Int) -> Device { document.device(at: index) }
  var validatorCount: Int { document.validatorCount }
  func validator(at index: Int) -> Validator { document.validator(at: index) }
  var validatorSetHash: Hash { document.validatorSetHash }
  var manifest: RevocationManifest? { document.manifest }
  func shardHash(_ index: Int) -> ShardHash { document.shardHash(index) }
  func age(at seconds: Int64) -> TrustAge { document.age(at: seconds) }
}

/// Signs any payload as an authority would, rules of the format or not.
func sign(_ payload: [UInt8], by number: UInt8 = 1, external: StaticString = "tollkeeper/trust/1")
  throws -> [UInt8]
{
  let key = secretKey(number)
  var output = [UInt8](repeating: 0, count: payload.count + 256)
  var scratch = [UInt8](repeating: 0, count: payload.count + 256)
  var space = output.mutableSpan
  var scratchSpace = scratch.mutableSpan
  let count = try Sign1.sign(
    payload.span, external: external, keyID: publicKey(number).span, key: key, with: Sodium.self,
    scratch: &scratchSpace, into: &space)
  return Array(output.prefix(count))
}

/// The fields of a small document in hex, by key; `changes` replaces, adds, or (nil) removes some.
func fields(_ changes: [UInt8: String?] = [:]) -> [UInt8: String] {
  var fields: [UInt8: String] = [
    1: "05", 2: "6464656d6f", 8: "815820" + keyHex(1), 9: "80", 10: "80", 11: "40", 12: "40",
    14: "80", 15: "80",
  ]
  for (key, value) in changes { fields[key] = value }
  return fields
}

func payload(_ fields: [UInt8: String]) -> [UInt8] {
  bytes(
    hex([0xa0 + UInt8(fields.count)])
      + fields.sorted { $0.key < $1.key }.map { hex([$0.key]) + $0.value }.joined())
}

/// What becomes of a document with these fields, signed by the pinned authority.
func loadError(_ changes: [UInt8: String?]) throws -> TrustError? {
  try loadError(sign(payload(fields(changes))))
}

func loadError(
  _ document: [UInt8], anchor: TrustAnchor = .pinned(publicKey(1))
) -> TrustError? {
  let trust = Trusted()
  do throws(TrustError) {
    _ = try trust.load(document, anchor: anchor)
    return nil
  } catch {
    // Nothing of a refused document is left.
    #expect(!trust.isLoaded && trust.version == 0 && trust.hash.isZero)
    return error
  }
}

/// A document as plain lists, for the writer.
struct Draft {
  var head = TrustHead(version: 1, network: network("demo"))
  var authorities = [publicKey(1)]
  var issuers: [Issuer] = []
  var pretixKeys: [PretixKey] = []
  var revoked: [TicketIdentity] = []
  var blocked: [TicketIdentity] = []
  var products: [Product] = []
  var rules: [Rule] = []
  var areas: [Area] = []
  var supervisors: [Issuer] = []
  var devices: [Device] = []
  var validators: [Validator] = []
  var manifest: RevocationManifest?
  var shards: [ShardHash] = []

  func signed(by number: UInt8 = 1, size: Int = 64 * 1024) throws -> [UInt8] {
    try signed(key: secretKey(number), size: size)
  }

  func signed(key: SecretKey, size: Int = 64 * 1024) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: size)
    var output = [UInt8](repeating: 0, count: size)
    var scratch = [UInt8](repeating: 0, count: size)
    var bufferSpace = buffer.mutableSpan
    var space = output.mutableSpan
    var scratchSpace = scratch.mutableSpan
    let hasRules = !(products.isEmpty && rules.isEmpty && areas.isEmpty && supervisors.isEmpty)
    var writer = try TrustWriter(
      bufferSpace.whole(), head: head, hasRules: hasRules, hasManifest: manifest != nil)
    try writer.authorities(authorities.count)
    for key in authorities { try writer.authority(key) }
    try writer.issuers(issuers.count)
    for issuer in issuers { try writer.issuer(issuer) }
    try writer.pretixKeys(pretixKeys.count)
    for key in pretixKeys { try writer.pretixKey(key) }
    try writer.revoked(revoked.count)
    for identity in revoked { try writer.identity(identity) }
    try writer.blocked(blocked.count)
    for identity in blocked { try writer.identity(identity) }
    if hasRules {
      try writer.products(products.count)
      for product in products { try writer.product(product) }
      try writer.rules(rules.count)
      for rule in rules { try writer.rule(rule) }
      try writer.areas(areas.count)
      for area in areas { try writer.area(area) }
      try writer.supervisors(supervisors.count)
      for supervisor in supervisors { try writer.supervisor(supervisor) }
    }
    try writer.devices(devices.count)
    for device in devices { try writer.device(device) }
    try writer.validators(validators.count)
    for validator in validators { try writer.validator(validator) }
    if let manifest {
      try writer.manifest(manifest)
      for hash in shards { try writer.shard(hash) }
    }
    let count = try writer.finish(
      key: key, with: Sodium.self, scratch: &scratchSpace, into: &space)
    return Array(output.prefix(count))
  }
}

/// SplitMix64: the same seed, the same numbers. A new seed at every run, printed so that a failure
/// can be repeated with TOLLKEEPER_SEED.
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(for name: String) {
    let given = ProcessInfo.processInfo.environment["TOLLKEEPER_SEED"].flatMap { UInt64($0) }
    state = given ?? UInt64.random(in: .min ... .max)
    print("seed of \(name): \(state)")
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
