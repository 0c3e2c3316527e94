// The shards of the list of revoked and blocked tickets: asked for in the greetings, believed for
// the trust document's manifest, kept in the revoked store.

import Gates
import Limits
import Records
import Sync
import Trust
import Wire

extension Agent {
  /// What the next greeting asks for; nil if nothing is missing, or nothing more can be kept.
  /// - Complexity: linear in the number of shards.
  var wantedShards: ShardWant? {
    guard trustVersion == trust.version, revoked.failure == nil, let manifest = trust.manifest
    else { return nil }
    var want = ShardWant(bits: manifest.bits)
    var next = 0
    while !want.isFull, let (index, held) = revoked.missing(from: next, of: trust) {
      want.append(index, held: held)
      next = index + 1
    }
    return want.count > 0 ? want : nil
  }

  /// Goes by the document's manifest once the document is durable, and asks for what is missing as
  /// soon as what was asked for has come.
  mutating func followManifest(_ now: Now) {
    guard trustVersion == trust.version, revoked.follow(trust), revoked.isIdle, shardsAwaited == 0,
      link.isUp, wantedShards != nil
    else { return }
    greetingDue = min(greetingDue, now.elapsed)
  }

  mutating func shard(_ body: Span<UInt8>, now: Now, into actions: inout Actions) {
    do throws(WireError) {
      take(try RevocationShard(parsing: body), now: now, into: &actions)
    } catch {
      refuseShard(into: &actions)
    }
  }

  mutating func increment<D: Disk & ~Copyable>(
    _ body: Span<UInt8>, now: Now, disk: inout D, into actions: inout Actions
  ) {
    do throws(WireError) {
      let increment = try RevocationIncrement(parsing: body)
      guard increment.bits == trust.manifest?.bits,
        let (hash, held) = Self.read(
          increment.index, of: &revoked, into: &shardSpace, disk: &disk),
        hash == increment.from
      else {
        // It was made for what we held when we asked.
        refuseShard(into: &actions)
        return
      }
      let count = try applied(increment, held)
      let extent = scratch.extent(0..<count)
      let before = counters.shards
      take(try RevocationShard(parsing: extent.span), now: now, into: &actions)
      counters.increments += counters.shards - before
    } catch {
      refuseShard(into: &actions)
    }
  }

  private static func read<D: Disk & ~Copyable>(
    _ index: Int, of store: inout RevokedStore<P>, into memory: inout Memory, disk: inout D
  ) -> (hash: ShardHash, count: Int)? {
    var space = memory.mutableSpan
    return store.shard(index, disk: &disk, into: &space)
  }

  /// Applies an increment to the shard in `shardSpace`; returns the length of the newer one in
  /// `scratch`.
  private mutating func applied(
    _ increment: borrowing RevocationIncrement, _ held: Int
  ) throws(WireError) -> Int {
    let old = shardSpace.extent(0..<held)
    var new = scratch.mutableSpan
    return try increment.apply(to: RevocationShard(parsing: old.span), into: &new)
  }

  private mutating func take(
    _ shard: borrowing RevocationShard, now: Now, into actions: inout Actions
  ) {
    shardsAwaited = max(0, shardsAwaited - 1)
    switch revoked.put(shard, trust: trust, into: &actions.disk) {
    case .accepted: counters.shards += 1
    case .repeated: counters.shardsRepeated += 1
    case .deferred:
      counters.shardsDeferred += 1
      greetingDue = min(greetingDue, now.elapsed + Self.askAgainMilliseconds)
    case .refused:
      counters.shardsRefused += 1
      actions.notices.append(Notice(.warning, "shard_refused"))
    }
  }

  private mutating func refuseShard(into actions: inout Actions) {
    shardsAwaited = max(0, shardsAwaited - 1)
    counters.shardsRefused += 1
    actions.notices.append(Notice(.warning, "shard_refused"))
  }
}
