// Writes and signs a trust document in the caller's memory.
// Invariants: the caller gives the parts in the order of the format, each list's length first and
// its entries sorted where the format says so; `finish` reads the whole back with the reader's own
// parser, so that nothing is signed that a device would refuse.

import Limits
public import Wire

public struct TrustWriter: ~Copyable, ~Escapable {
  private var writer: CBORWriter

  /// - Parameters:
  ///   - payload: room for the payload, at most `Limits.trustBytesMax`.
  ///   - hasRules: whether `products` and what follows it will be called.
  ///   - hasManifest: whether `manifest` will be called.
  /// - Throws: `noSpace`, as all that follow but `finish`.
  @_lifetime(copy payload)
  public init(
    _ payload: consuming MutableSpan<UInt8>, head: TrustHead, hasRules: Bool = false,
    hasManifest: Bool = false
  ) throws(WireError) {
    writer = CBORWriter(payload)
    var pairs = TrustKey.required.count
    if hasRules { pairs += 1 }
    if hasManifest { pairs += 1 }
    if head.issued != nil { pairs += 1 }
    if head.expires != nil { pairs += 1 }
    if head.freshSeconds != nil { pairs += 1 }
    if head.staleSeconds != nil { pairs += 1 }
    if head.previous != nil { pairs += 1 }
    try writer.map(pairs)
    try field(TrustKey.version, head.version)
    try writer.unsigned(TrustKey.network)
    try writer.text(head.network.span)
    try field(TrustKey.issued, head.issued)
    try field(TrustKey.expires, head.expires)
    try field(TrustKey.freshSeconds, head.freshSeconds)
    try field(TrustKey.staleSeconds, head.staleSeconds)
    if let previous = head.previous {
      try writer.unsigned(TrustKey.previous)
      try writer.byteString(previous.span)
    }
  }

  /// 1 to 8 keys follow, each by `authority`.
  @_lifetime(self: copy self)
  public mutating func authorities(_ count: Int) throws(WireError) {
    try list(TrustKey.authorities, count)
  }

  @_lifetime(self: copy self)
  public mutating func authority(_ key: PublicKey) throws(WireError) {
    try writer.byteString(key.span)
  }

  @_lifetime(self: copy self)
  public mutating func issuers(_ count: Int) throws(WireError) {
    try list(TrustKey.issuers, count)
  }

  @_lifetime(self: copy self)
  public mutating func issuer(_ issuer: Issuer) throws(WireError) {
    try issuer.write(to: &writer)
  }

  @_lifetime(self: copy self)
  public mutating func pretixKeys(_ count: Int) throws(WireError) {
    try list(TrustKey.pretixEvents, count)
  }

  @_lifetime(self: copy self)
  public mutating func pretixKey(_ key: PretixKey) throws(WireError) {
    try key.write(to: &writer)
  }

  /// `count` identities follow, ascending, each by `identity`.
  @_lifetime(self: copy self)
  public mutating func revoked(_ count: Int) throws(WireError) {
    try identities(TrustKey.revoked, count)
  }

  /// Likewise.
  @_lifetime(self: copy self)
  public mutating func blocked(_ count: Int) throws(WireError) {
    try identities(TrustKey.blocked, count)
  }

  @_lifetime(self: copy self)
  public mutating func identity(_ identity: TicketIdentity) throws(WireError) {
    try writer.raw(identity.span)
  }

  /// `count` products follow, in their order; then come `rules`, `areas` and `supervisors`.
  /// - Precondition: the document was begun with rules.
  @_lifetime(self: copy self)
  public mutating func products(_ count: Int) throws(WireError) {
    try writer.unsigned(TrustKey.rules)
    try writer.array(4)
    try writer.array(count)
  }

  @_lifetime(self: copy self)
  public mutating func product(_ product: Product) throws(WireError) {
    try product.write(to: &writer)
  }

  @_lifetime(self: copy self)
  public mutating func rules(_ count: Int) throws(WireError) { try writer.array(count) }

  @_lifetime(self: copy self)
  public mutating func rule(_ rule: Rule) throws(WireError) { try rule.write(to: &writer) }

  @_lifetime(self: copy self)
  public mutating func areas(_ count: Int) throws(WireError) { try writer.array(count) }

  @_lifetime(self: copy self)
  public mutating func area(_ area: Area) throws(WireError) { try area.write(to: &writer) }

  @_lifetime(self: copy self)
  public mutating func supervisors(_ count: Int) throws(WireError) { try writer.array(count) }

  @_lifetime(self: copy self)
  public mutating func supervisor(_ supervisor: Issuer) throws(WireError) {
    try supervisor.write(to: &writer)
  }

  /// `count` devices follow, ascending by node.
  @_lifetime(self: copy self)
  public mutating func devices(_ count: Int) throws(WireError) {
    try list(TrustKey.devices, count)
  }

  @_lifetime(self: copy self)
  public mutating func device(_ device: Device) throws(WireError) {
    try device.write(to: &writer)
  }

  /// `count` validators follow, ascending by node.
  @_lifetime(self: copy self)
  public mutating func validators(_ count: Int) throws(WireError) {
    try list(TrustKey.validators, count)
  }

  @_lifetime(self: copy self)
  public mutating func validator(_ validator: Validator) throws(WireError) {
    try validator.write(to: &writer)
  }

  /// The hashes of all shards follow, by index, each by `shard`.
  /// - Precondition: the document was begun with a manifest.
  @_lifetime(self: copy self)
  public mutating func manifest(_ manifest: RevocationManifest) throws(WireError) {
    try writer.unsigned(TrustKey.manifest)
    try writer.array(2)
    try writer.unsigned(UInt64(manifest.bits))
    try writer.head(2, 16 * UInt64(manifest.shardCount))
  }

  @_lifetime(self: copy self)
  public mutating func shard(_ hash: ShardHash) throws(WireError) {
    try writer.raw(hash.span)
  }

  /// Signs what was written with the authority's key; returns the document's length in `output`.
  /// - Parameters:
  ///   - scratch: room for the payload and 128 bytes more.
  ///   - output: room for the document.
  /// - Throws: `noSpace`; `tooLarge`; `malformed` for what the format does not allow.
  @_lifetime(scratch: copy scratch)
  @_lifetime(output: copy output)
  public func finish<P: Primitives>(
    key: SecretKey, with primitives: P.Type, scratch: inout MutableSpan<UInt8>,
    into output: inout MutableSpan<UInt8>
  ) throws(TrustError) -> Int {
    let count: Int
    let authority = key.span.extracting(32..<64)
    do throws(COSEError) {
      count = try Sign1.sign(
        writer.written(), external: trustContext, keyID: authority, key: key, with: P.self,
        scratch: &scratch, into: &output)
    } catch {
      throw .noSpace
    }
    guard count <= Limits.trustBytesMax else { throw .tooLarge }
    let document = output.span.extracting(first: count)
    do throws(COSEError) {
      let sign1 = try Sign1(parsing: document)
      do throws(WireError) {
        _ = try TrustLayout(parsing: document, payload: sign1.payload)
        return count
      } catch {
        throw .malformed
      }
    } catch {
      throw .malformed
    }
  }

  @_lifetime(self: copy self)
  private mutating func list(_ key: UInt64, _ count: Int) throws(WireError) {
    try writer.unsigned(key)
    try writer.array(count)
  }

  @_lifetime(self: copy self)
  private mutating func identities(_ key: UInt64, _ count: Int) throws(WireError) {
    try writer.unsigned(key)
    try writer.head(2, 16 * UInt64(count))
  }

  @_lifetime(self: copy self)
  private mutating func field(_ key: UInt64, _ value: UInt64?) throws(WireError) {
    guard let value else { return }
    try writer.unsigned(key)
    try writer.unsigned(value)
  }
}
