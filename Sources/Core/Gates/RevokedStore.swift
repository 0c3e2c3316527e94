// The revoked store: the shards of the list of revoked and blocked tickets, on disk (FORMAT.md,
// "The revoked store's file").
// Invariants: a shard is held as it was vouched for or not at all, never a mixture; a slot that the
// durable directory names is never written; at most one flush is on the way; after a failed flush
// nothing is written any more; memory that is on its way to the disk does not change.

import Limits
public import Trust
public import Wire

/// What the shards say of a ticket.
public enum RevocationAnswer: Sendable, Equatable {
  case none
  case revoked
  /// Can be lifted.
  case blocked
  /// The shard that would say so is not held, cannot be read, or is an older one that does not name
  /// the ticket.
  case unknown
}

public struct RevokedStoreCounters: Sendable, Equatable {
  public var lookups: UInt64 = 0
  public var pageReads: UInt64 = 0
  /// Pages that could not be read or are not valid: their shard counts as not held.
  public var corruptPages: UInt64 = 0
  /// Shards that were written.
  public var shards: UInt64 = 0
  public var rounds: UInt64 = 0
  public init() {}
}

public struct RevokedStore<P: Primitives>: ~Copyable {
  enum Phase: Equatable {
    /// Without a file, or not opened yet.
    case closed
    /// The directory that was found is being made durable.
    case recovering
    case idle
    /// Shards are on their way to their slots.
    case writing
    /// The directory is on its way.
    case directing
    case failed(DiskError)
  }

  /// A shard that is to be written.
  struct Staged {
    var index = 0
    var entry = RevokedEntry(hash: ShardHash(), slot: 0, revoked: 0, blocked: 0)
    /// Where its pages stand in the staging memory.
    var page = 0
  }

  // Pages of `memory`: the directory, shards that wait or are on their way, one for look-ups.
  static var stagingPage: Int { RevokedFormat.directoryPages }
  static var lookupPage: Int { stagingPage + Limits.revokedStagedPages }
  /// What `init` needs, bytes.
  public static var memoryBytes: Int { (lookupPage + 1) * Limits.pageBytes }

  var memory: Memory
  var phase = Phase.closed
  /// 0 without a file.
  var slots = 0
  /// Of the manifest that the directory is for; 0 if there is none.
  var bits = 0
  /// Slots that the directory names, in memory or on disk, and those of staged shards.
  var taken = RevokedBits()
  /// Shards of which a page was found to be invalid.
  var damaged = RevokedBits()
  var staged = InlineArray<16, Staged>(repeating: Staged())
  var stagedCount = 0
  var stagedPages = 0
  /// Of the staged, those that the round on its way writes.
  var roundCount = 0
  /// Slots to be given back when the directory is durable, by place in the round.
  var freed = InlineArray<16, Int>(repeating: -1)
  public internal(set) var counters = RevokedStoreCounters()

  /// - Parameter memory: at least `memoryBytes`, zeroed.
  public init(memory: consuming Memory) {
    precondition(memory.count >= Self.memoryBytes, "memory is smaller than the revoked store's")
    self.memory = memory
  }

  /// Size of the file for `tickets`, 1 to `Limits.revokedTicketsMax` of them, bytes: 34,144,256 for
  /// a million.
  public static func fileBytes(tickets: Int) -> Int64 {
    RevokedFormat.offset(ofPage: 0, inSlot: RevokedFormat.slots(tickets: tickets))
  }

  // MARK: State

  /// There is a file.
  public var isOpen: Bool { phase != .closed }
  /// Nothing is on its way, and nothing waits.
  public var isIdle: Bool { phase == .idle && stagedCount == 0 }
  /// Why nothing is written until a restart.
  public var failure: DiskError? {
    if case .failed(let error) = phase { error } else { nil }
  }

  /// Whether the file has room for all shards of the manifest, and one more: a shard is not written
  /// over.
  public func fits(_ manifest: RevocationManifest) -> Bool { manifest.shardCount < slots }

  /// Whether shard `index` is held as the document wants it.
  public func isCurrent(_ index: Int, of trust: borrowing TrustDocument<P>) -> Bool {
    guard trust.manifest?.bits == bits, !damaged[index] else { return false }
    let entry = entry(index)
    return entry.slot != nil && entry.hash == trust.shardHash(index)
  }

  /// Shards that are held as the document wants them, of its manifest's `shardCount`.
  /// - Complexity: linear in the number of shards.
  public func currentCount(of trust: borrowing TrustDocument<P>) -> Int {
    guard let manifest = trust.manifest else { return 0 }
    var count = 0
    for index in 0..<manifest.shardCount where isCurrent(index, of: trust) { count += 1 }
    return count
  }

  /// The first shard from `index` on that has to be fetched, and what is held in its place; nil if
  /// there is none, or no room for it.
  /// - Complexity: linear in the number of shards.
  public func missing(
    from index: Int, of trust: borrowing TrustDocument<P>
  ) -> (index: Int, held: ShardHash?)? {
    guard let manifest = trust.manifest, manifest.bits == bits, fits(manifest) else { return nil }
    var i = index
    while i < manifest.shardCount {
      if !isCurrent(i, of: trust) && !isStaged(i) {
        let entry = entry(i)
        return (i, entry.slot == nil || damaged[i] ? nil : entry.hash)
      }
      i += 1
    }
    return nil
  }

  func isStaged(_ index: Int) -> Bool {
    for i in 0..<stagedCount where staged[i].index == index { return true }
    return false
  }

  // MARK: Look-up

  /// What the shards say of a ticket. Without a manifest: nothing.
  /// - Complexity: usually one page read for each of the two lists, as identities are hashes; eight
  ///   at most.
  public mutating func find<D: Disk & ~Copyable>(
    _ identity: TicketIdentity, trust: borrowing TrustDocument<P>, disk: inout D
  ) -> RevocationAnswer {
    guard let manifest = trust.manifest else { return .none }
    guard isOpen, manifest.bits == bits else { return .unknown }
    counters.lookups += 1
    let index = manifest.shard(of: identity)
    let entry = entry(index)
    guard let slot = entry.slot else { return .unknown }
    let total = entry.revoked + entry.blocked
    var loaded = -1
    var isWhole = true
    do throws(DiskError) {
      if try contains(
        identity, in: 0..<entry.revoked, slot: slot, hash: entry.hash, loaded: &loaded, disk: &disk)
      {
        return .revoked
      }
    } catch {
      isWhole = false
    }
    do throws(DiskError) {
      if try contains(
        identity, in: entry.revoked..<total, slot: slot, hash: entry.hash, loaded: &loaded,
        disk: &disk)
      {
        return .blocked
      }
    } catch {
      isWhole = false
    }
    if !isWhole { damaged[index] = true }
    return isWhole && entry.hash == trust.shardHash(index) ? .none : .unknown
  }

  /// Looks for `identity` among the ascending identities at `range` of a shard.
  /// - Parameter loaded: the page of the shard that stands in memory.
  private mutating func contains<D: Disk & ~Copyable>(
    _ identity: TicketIdentity, in range: Range<Int>, slot: Int, hash: ShardHash,
    loaded: inout Int, disk: inout D
  ) throws(DiskError) -> Bool {
    var (low, high) = (range.lowerBound, range.upperBound)
    // Where it would stand if the bits after the shard's were spread evenly, as a hash's are.
    var following: UInt64 = 0
    for i in 0..<8 { following = following << 8 | UInt64(identity.storage[i]) }
    let share = (following << UInt64(bits)) >> 32
    var guess = low + Int((share * UInt64(range.count)) >> 32)
    while low < high {
      let page = guess / Limits.revokedPerPage
      if page != loaded {
        loaded = -1
        try readPage(page, slot: slot, hash: hash, disk: &disk)
        loaded = page
      }
      let first = max(low, page * Limits.revokedPerPage)
      let end = min(high, (page + 1) * Limits.revokedPerPage)
      var (from, to) = (first, end)
      while from < to {
        let middle = from + (to - from) / 2
        let found = self.identity(middle % Limits.revokedPerPage)
        if found == identity { return true }
        if found < identity { from = middle + 1 } else { to = middle }
      }
      if from == first {
        high = first
        guess = first - 1
      } else if from == end {
        low = end
        guess = end
      } else {
        return false
      }
    }
    return false
  }

  private func identity(_ place: Int) -> TicketIdentity {
    let start = Self.lookupPage * Limits.pageBytes + RevokedFormat.identities + 16 * place
    return TicketIdentity(memory.span(start..<start + 16))
  }

  /// Reads a page of a shard to the look-up page.
  /// - Throws: `inputOutput` for a page that is not valid.
  private mutating func readPage<D: Disk & ~Copyable>(
    _ page: Int, slot: Int, hash: ShardHash, disk: inout D
  ) throws(DiskError) {
    counters.pageReads += 1
    let offset = RevokedFormat.offset(ofPage: page, inSlot: slot)
    var target = memory.mutableSpan(Self.bytes(ofPage: Self.lookupPage))
    do throws(DiskError) {
      try disk.read(.revoked, at: offset, into: &target)
      let checksum = RevokedFormat.checksum(target.span, at: offset, of: hash, with: P.self)
      guard target.span.uint32(at: 0) == checksum else { throw .inputOutput }
    } catch {
      counters.corruptPages += 1
      throw error
    }
  }

  /// Writes the shard that is held in place of `index`, whatever its age, to the beginning of
  /// `output`, for an increment.
  /// - Parameter output: room for `Limits.shardBytesMax`.
  /// - Returns: its hash and length; nil if there is none, or it cannot be read.
  @_lifetime(output: copy output)
  public mutating func shard<D: Disk & ~Copyable>(
    _ index: Int, disk: inout D, into output: inout MutableSpan<UInt8>
  ) -> (hash: ShardHash, count: Int)? {
    guard isOpen, bits > 0, index >= 0, index < 1 << bits else { return nil }
    let entry = entry(index)
    guard let slot = entry.slot else { return nil }
    do throws(WireError) {
      let total = entry.revoked + entry.blocked
      var writer = CBORWriter(output.whole())
      try RevocationShard.head(
        RevocationManifest(bits: bits), index: index, revoked: entry.revoked,
        blocked: entry.blocked, into: &writer)
      for page in 0..<RevokedFormat.pages(total) {
        do throws(DiskError) {
          try readPage(page, slot: slot, hash: entry.hash, disk: &disk)
        } catch {
          damaged[index] = true
          return nil
        }
        let start = Self.lookupPage * Limits.pageBytes + RevokedFormat.identities
        let count = min(Limits.revokedPerPage, total - page * Limits.revokedPerPage)
        try writer.raw(memory.span(start..<start + 16 * count))
      }
      return (entry.hash, writer.count)
    } catch {
      return nil
    }
  }

  // MARK: The directory in memory

  func entry(_ index: Int) -> RevokedEntry {
    RevokedEntry(memory.span, at: Self.place(ofEntry: index))
  }

  static func place(ofEntry index: Int) -> Int {
    index / RevokedFormat.entriesPerPage * Limits.pageBytes + RevokedFormat.entries
      + index % RevokedFormat.entriesPerPage * RevokedFormat.entryBytes
  }

  static func bytes(ofPage place: Int) -> Range<Int> {
    place * Limits.pageBytes..<(place + 1) * Limits.pageBytes
  }
}
