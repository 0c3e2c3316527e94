// What makes a newer shard of an older one (Records/FORMAT.md, "Revocation shards").
// Invariants: an increment that does not fit the old shard is refused as a whole; what it makes
// keeps the format's order; who vouches for the result is not asked here: its hash must be the
// manifest's.

import Limits
public import Wire

public struct RevocationIncrement: ~Escapable {
  public let bits: Int
  public let index: Int
  /// Of the shard that it changes.
  public let from: ShardHash
  /// Of the shard that it makes.
  public let to: ShardHash
  private let addedRevoked: Span<UInt8>
  private let removedRevoked: Span<UInt8>
  private let addedBlocked: Span<UInt8>
  private let removedBlocked: Span<UInt8>

  /// - Throws: as the reader, `outOfRange` and `duplicateKey` for what the format does not allow.
  @_lifetime(copy bytes)
  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    var reader = CBORReader(bytes)
    try reader.array(exactly: 8)
    let manifest = try RevocationManifest(bits: Int(reader.unsigned(max: 16)))
    let index = Int(try reader.unsigned(max: UInt64(manifest.shardCount - 1)))
    let from: ShardHash = try reader.fixed()
    let to: ShardHash = try reader.fixed()
    let addedRevoked = try reader.byteString()
    let removedRevoked = try reader.byteString()
    let addedBlocked = try reader.byteString()
    let removedBlocked = try reader.byteString()
    try reader.finish()
    try RevocationShard.check(addedRevoked)
    try RevocationShard.check(removedRevoked)
    try RevocationShard.check(addedBlocked)
    try RevocationShard.check(removedBlocked)
    bits = manifest.bits
    self.index = index
    self.from = from
    self.to = to
    self.addedRevoked = addedRevoked
    self.removedRevoked = removedRevoked
    self.addedBlocked = addedBlocked
    self.removedBlocked = removedBlocked
  }

  /// Writes the newer shard to the beginning of `output`; returns its length.
  /// - Parameters:
  ///   - shard: the one whose hash is `from`: the caller has seen to that.
  ///   - output: room for `Limits.shardBytesMax`.
  /// - Throws: `outOfRange` if the increment is not of this shard, or removes what is not there, or
  ///   makes too many; `duplicateKey` if it adds what is there already; `noSpace`.
  /// - Complexity: linear.
  @_lifetime(output: copy output)
  public func apply(
    to shard: borrowing RevocationShard, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    guard shard.bits == bits, shard.index == index else { throw .outOfRange }
    let added = (addedRevoked.count / 16, addedBlocked.count / 16)
    let removed = (removedRevoked.count / 16, removedBlocked.count / 16)
    var writer = CBORWriter(output.whole())
    try RevocationShard.head(
      RevocationManifest(bits: bits), index: index,
      revoked: shard.revokedCount + added.0 - removed.0,
      blocked: shard.blockedCount + added.1 - removed.1, into: &writer)
    try Self.merge(shard.revoked, adding: addedRevoked, removing: removedRevoked, into: &writer)
    try Self.merge(shard.blocked, adding: addedBlocked, removing: removedBlocked, into: &writer)
    return writer.count
  }

  @_lifetime(writer: copy writer)
  private static func merge(
    _ list: Span<UInt8>, adding added: Span<UInt8>, removing removed: Span<UInt8>,
    into writer: inout CBORWriter
  ) throws(WireError) {
    var (i, a, r) = (0, 0, 0)
    while i < list.count || a < added.count {
      if i < list.count {
        let old = list.run(16, at: i)
        if r < removed.count && equal(old, removed.run(16, at: r)) {
          i += 16
          r += 16
          continue
        }
        if a == added.count {
          try writer.raw(old)
          i += 16
          continue
        }
        let new = added.run(16, at: a)
        if equal(old, new) { throw .duplicateKey }
        if TicketIdentity(old) < TicketIdentity(new) {
          try writer.raw(old)
          i += 16
          continue
        }
      }
      try writer.raw(added.run(16, at: a))
      a += 16
    }
    guard r == removed.count else { throw .outOfRange }
  }

  /// Writes what makes `new` of `old` to the beginning of `output`; returns its length, which may
  /// be more than that of `new`.
  /// - Throws: `outOfRange` if they are not of the same bits and index; `noSpace`.
  @_lifetime(output: copy output)
  public static func encode<P: Primitives>(
    from old: borrowing RevocationShard, to new: borrowing RevocationShard,
    with primitives: P.Type, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    guard old.bits == new.bits, old.index == new.index else { throw .outOfRange }
    var writer = CBORWriter(output.whole())
    try writer.array(8)
    try writer.unsigned(UInt64(new.bits))
    try writer.unsigned(UInt64(new.index))
    try writer.byteString(RevocationShard.hash(old.bytes, with: P.self).span)
    try writer.byteString(RevocationShard.hash(new.bytes, with: P.self).span)
    try list(new.revoked, without: old.revoked, into: &writer)
    try list(old.revoked, without: new.revoked, into: &writer)
    try list(new.blocked, without: old.blocked, into: &writer)
    try list(old.blocked, without: new.blocked, into: &writer)
    return writer.count
  }

  /// A byte string of the identities of one ascending list that another has not.
  @_lifetime(writer: copy writer)
  private static func list(
    _ identities: Span<UInt8>, without others: Span<UInt8>, into writer: inout CBORWriter
  ) throws(WireError) {
    var count = 0
    var walk = Difference(identities, without: others)
    while walk.next() != nil { count += 1 }
    try writer.head(2, UInt64(16 * count))
    walk = Difference(identities, without: others)
    while let identity = walk.next() { try writer.raw(identity.span) }
  }
}

/// The identities of one ascending list that another has not, in order.
private struct Difference: ~Escapable {
  private let identities: Span<UInt8>
  private let others: Span<UInt8>
  private var i = 0
  private var k = 0

  @_lifetime(copy identities, copy others)
  init(_ identities: Span<UInt8>, without others: Span<UInt8>) {
    self.identities = identities
    self.others = others
  }

  mutating func next() -> TicketIdentity? {
    while i < identities.count {
      let identity = TicketIdentity(identities.run(16, at: i))
      i += 16
      while k < others.count, TicketIdentity(others.run(16, at: k)) < identity { k += 16 }
      if k == others.count || TicketIdentity(others.run(16, at: k)) != identity { return identity }
    }
    return nil
  }
}
