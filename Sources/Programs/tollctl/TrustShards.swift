// The shards of a list of revoked and blocked tickets that is too long for the document
// (Records/FORMAT.md, "Revocation shards"): made, and written to a folder beside it.
// Invariants: the document vouches for exactly the bytes that are written; a shard that has not
// changed is not written again; an increment stands beside its shard only if it is the smaller one.

import Foundation
import Limits
import Seal
import Trust
import Wire

struct TrustShards {
  /// Tickets of both lists that stand in the document itself, where every gate has them: as many as
  /// leave room for `devices` and the rest.
  static func inlineMax(devices: Int) -> Int {
    max(512, min(2_000, (Limits.trustBytesMax - 16_384 - 70 * devices) / 16))
  }

  let manifest: RevocationManifest
  /// By index.
  let shards: [[UInt8]]
  /// What makes a shard of the one before, by index.
  private(set) var increments: [Int: [UInt8]] = [:]

  var hashes: [ShardHash] { shards.map(Self.hash) }

  private static func hash(_ shard: [UInt8]) -> ShardHash {
    let hash = RevocationShard.hash(shard.span, with: Sodium.self)
    return hash
  }

  /// - Parameters:
  ///   - revoked: ascending; likewise `blocked`.
  ///   - previous: folder of the shards before these, if there is one. They are cut as those were,
  ///   as
  ///     long as there is room: devices would have to fetch all of them anew.
  /// - Throws: if there are too many tickets.
  init(
    revoked: [TicketIdentity], blocked: [TicketIdentity], previous: String, _ path: String
  ) throws(Failure) {
    let count = revoked.count + blocked.count
    let before = Self.bits(of: previous)
    do throws(WireError) {
      var bits = try RevocationManifest(forTickets: count).bits
      if let before { bits = max(bits, before) }
      var made: [[UInt8]]?
      while made == nil {
        made = try Self.cut(revoked, blocked, RevocationManifest(bits: bits))
        if made == nil { bits += 1 }
      }
      manifest = try RevocationManifest(bits: bits)
      shards = made ?? []
    } catch {
      throw .failed(
        "\(path) revokes and blocks \(count) tickets; there is room for "
          + "\(Limits.revokedTicketsMax)")
    }
    if before == manifest.bits { compare(with: previous) }
  }

  /// - Returns: nil if a shard has no room for all that belong to it.
  private static func cut(
    _ revoked: [TicketIdentity], _ blocked: [TicketIdentity], _ manifest: RevocationManifest
  ) throws(WireError) -> [[UInt8]]? {
    var lists = [(revoked: [TicketIdentity], blocked: [TicketIdentity])](
      repeating: ([], []), count: manifest.shardCount)
    for identity in revoked { lists[manifest.shard(of: identity)].revoked.append(identity) }
    for identity in blocked { lists[manifest.shard(of: identity)].blocked.append(identity) }
    var shards: [[UInt8]] = []
    for (index, list) in lists.enumerated() {
      guard list.revoked.count + list.blocked.count <= Limits.shardIdentitiesMax else { return nil }
      var bytes = [UInt8](repeating: 0, count: Limits.shardBytesMax)
      var space = bytes.mutableSpan
      var writer = CBORWriter(space.whole())
      try RevocationShard.head(
        manifest, index: index, revoked: list.revoked.count, blocked: list.blocked.count,
        into: &writer)
      for identity in list.revoked { try writer.raw(identity.span) }
      for identity in list.blocked { try writer.raw(identity.span) }
      let count = writer.count
      shards.append(Array(bytes[..<count]))
    }
    return shards
  }

  // MARK: The folder

  private static func bits(of folder: String) -> Int? {
    guard let first = try? Files.read("\(folder)/0"),
      let shard = try? RevocationShard(parsing: first.span)
    else { return nil }
    return shard.bits
  }

  private mutating func compare(with folder: String) {
    for (index, shard) in shards.enumerated() {
      guard let old = try? Files.read("\(folder)/\(index)"), old != shard,
        let increment = try? Self.increment(from: old, to: shard), increment.count < shard.count
      else { continue }
      increments[index] = increment
    }
  }

  private static func increment(
    from old: [UInt8], to new: [UInt8]
  ) throws(WireError) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Limits.shardBytesMax)
    var space = output.mutableSpan
    let count = try RevocationIncrement.encode(
      from: RevocationShard(parsing: old.span), to: RevocationShard(parsing: new.span),
      with: Sodium.self, into: &space)
    return Array(output[..<count])
  }

  /// Writes what has changed to `folder`: `INDEX` is a shard, `INDEX.increment` what makes it of
  /// the one before.
  /// - Returns: how many shards have changed.
  func write(to folder: String) throws(Failure) -> Int {
    try Files.createFolder(folder)
    var changed = 0
    for (index, shard) in shards.enumerated() {
      let path = "\(folder)/\(index)"
      if let old = try? Files.read(path), old == shard { continue }
      changed += 1
      if let increment = increments[index] {
        try Files.replace("\(path).increment", increment)
      } else {
        Files.remove("\(path).increment")
      }
      try Files.replace(path, shard)
    }
    return changed
  }
}
