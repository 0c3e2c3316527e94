// One shard of the list of revoked and blocked tickets, as it travels (Records/FORMAT.md,
// "Revocation shards").
// Invariants: what is parsed keeps every rule of the format, so that one set of identities has one
// encoding and one hash; who vouches for it is not asked here.

import Limits
public import Wire

public struct RevocationShard: ~Escapable {
  public let bytes: Span<UInt8>
  public let bits: Int
  public let index: Int
  public let revokedCount: Int
  public let blockedCount: Int

  static let headBytes = 7

  /// - Throws: `truncated`, `trailingBytes`; `outOfRange` for what the format does not allow, an
  ///   identity of another shard included; `duplicateKey` if a list is not ascending.
  /// - Complexity: linear.
  @_lifetime(copy bytes)
  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    guard bytes.count >= Self.headBytes else { throw .truncated }
    let manifest = try RevocationManifest(bits: Int(bytes[0]))
    let index = Int(bytes[1]) << 8 | Int(bytes[2])
    let revoked = Int(bytes[3]) << 8 | Int(bytes[4])
    let blocked = Int(bytes[5]) << 8 | Int(bytes[6])
    guard index < manifest.shardCount, revoked + blocked <= Limits.shardIdentitiesMax else {
      throw .outOfRange
    }
    let end = Self.headBytes + 16 * (revoked + blocked)
    guard bytes.count >= end else { throw .truncated }
    guard bytes.count == end else { throw .trailingBytes }
    self.bytes = bytes
    self.bits = manifest.bits
    self.index = index
    revokedCount = revoked
    blockedCount = blocked
    try Self.check(self.revoked)
    try Self.check(self.blocked)
    for i in 0..<revoked + blocked {
      let identity = TicketIdentity(identities.run(16, at: 16 * i))
      guard manifest.shard(of: identity) == index else { throw .outOfRange }
    }
  }

  /// Revoked identities, ascending, 16 bytes each.
  public var revoked: Span<UInt8> {
    @_lifetime(copy self)
    get { bytes.run(16 * revokedCount, at: Self.headBytes) }
  }

  /// Blocked identities, likewise.
  public var blocked: Span<UInt8> {
    @_lifetime(copy self)
    get { bytes.run(16 * blockedCount, at: Self.headBytes + 16 * revokedCount) }
  }

  /// Both lists, the revoked first.
  public var identities: Span<UInt8> {
    @_lifetime(copy self)
    get { bytes.run(16 * (revokedCount + blockedCount), at: Self.headBytes) }
  }

  /// What the manifest must say of a shard of these bytes.
  public static func hash<P: Primitives>(
    _ bytes: Span<UInt8>, with primitives: P.Type
  ) -> ShardHash {
    ShardHash(P.hash(bytes).span.extracting(first: 16))
  }

  /// Writes the head of a shard; its lists follow.
  /// - Throws: `outOfRange`, `noSpace`.
  @_lifetime(writer: copy writer)
  public static func head(
    _ manifest: RevocationManifest, index: Int, revoked: Int, blocked: Int,
    into writer: inout CBORWriter
  ) throws(WireError) {
    guard index >= 0, index < manifest.shardCount, revoked >= 0, blocked >= 0,
      revoked + blocked <= Limits.shardIdentitiesMax
    else { throw .outOfRange }
    try writer.byte(UInt8(manifest.bits))
    try number(index, into: &writer)
    try number(revoked, into: &writer)
    try number(blocked, into: &writer)
  }

  @_lifetime(writer: copy writer)
  private static func number(_ value: Int, into writer: inout CBORWriter) throws(WireError) {
    try writer.byte(UInt8(value >> 8))
    try writer.byte(UInt8(value & 255))
  }

  /// - Throws: `outOfRange` if identities are not whole or too many, `duplicateKey` if they are not
  ///   ascending.
  static func check(_ identities: Span<UInt8>) throws(WireError) {
    guard identities.count % 16 == 0, identities.count <= 16 * Limits.shardIdentitiesMax else {
      throw .outOfRange
    }
    var i = 16
    while i < identities.count {
      let last = TicketIdentity(identities.run(16, at: i - 16))
      guard last < TicketIdentity(identities.run(16, at: i)) else { throw .duplicateKey }
      i += 16
    }
  }
}
