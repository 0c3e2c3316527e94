// How a list of revoked and blocked tickets that is too long for the trust document is cut into
// shards (Records/FORMAT.md, "Revocation shards").
// Invariants: every identity belongs to exactly one shard, which its first bits name; the document
// vouches for each shard by its hash.

import Limits
public import Wire

/// The first 16 bytes of BLAKE2b-256 of a shard.
public typealias ShardHash = Bytes<16>

public struct RevocationManifest: Sendable, Equatable {
  /// 1 to 10.
  public let bits: Int

  /// - Throws: `outOfRange`.
  public init(bits: Int) throws(WireError) {
    guard bits >= 1, bits <= Limits.manifestBitsMax else { throw .outOfRange }
    self.bits = bits
  }

  /// The manifest of fewest shards that hold `count` tickets with room to spare.
  /// - Throws: `outOfRange` for more than 1,843,200.
  public init(forTickets count: Int) throws(WireError) {
    var bits = 1
    while count > Limits.shardIdentitiesMean << bits && bits <= Limits.manifestBitsMax { bits += 1 }
    try self.init(bits: bits)
  }

  public var shardCount: Int { 1 << bits }

  /// Index of the shard that holds `identity` if any does.
  public func shard(of identity: TicketIdentity) -> Int {
    let first = Int(identity.storage[0]) << 8 | Int(identity.storage[1])
    return first >> (16 - bits)
  }
}
