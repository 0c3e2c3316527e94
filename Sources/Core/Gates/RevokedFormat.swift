// The pages of the revoked store's file, bit for bit (FORMAT.md): where things stand, and
// checksums. Invariants: a page of a slot is valid only for the one shard whose hash seeds its
// checksum, at the place that it was written for; nothing of a page is believed that its checksum
// does not cover.

import Limits
import Trust
import Wire

enum RevokedFormat {
  static let version: UInt32 = 1
  static var magic: StaticString { "TKREVO" }
  /// Each in two copies.
  static let directoryPages = 8
  static let entriesPerPage = (1 << Limits.manifestBitsMax) / directoryPages
  /// The first page of the first slot.
  static let slotPage = 2 * directoryPages

  // Fields of a directory page.
  static let magicField = 8
  static let generation = 16
  static let bits = 24
  static let entries = 32

  // Fields of an entry.
  static let entryBytes = 24
  static let entrySlot = 16
  static let entryRevoked = 18
  static let entryBlocked = 20

  static let identities = 16

  /// Slots of a file for `tickets`: one for each shard, and those of a round.
  static func slots(tickets: Int) -> Int {
    do throws(WireError) {
      let manifest = try RevocationManifest(forTickets: tickets)
      return manifest.shardCount + Limits.revokedRoundShards
    } catch {
      preconditionFailure("a revoked store for more tickets than there can be")
    }
  }

  static func offset(ofPage page: Int, inSlot slot: Int) -> Int64 {
    Int64(slotPage + slot * Limits.revokedSlotPages + page) * Int64(Limits.pageBytes)
  }

  /// Of the copy of directory page `number` that holds `generation`.
  static func offset(ofDirectoryPage number: Int, generation: UInt64) -> Int64 {
    Int64(2 * number + Int(generation % 2)) * Int64(Limits.pageBytes)
  }

  static func pages(_ identities: Int) -> Int {
    (identities + Limits.revokedPerPage - 1) / Limits.revokedPerPage
  }

  static func checksum<P: Primitives>(
    ofDirectoryPage page: Span<UInt8>, at offset: Int64, with primitives: P.Type
  ) -> UInt32 {
    UsedFormat.checksum(page, at: offset, from: 0, with: P.self)
  }

  static func checksum<P: Primitives>(
    _ page: Span<UInt8>, at offset: Int64, of shard: ShardHash, with primitives: P.Type
  ) -> UInt32 {
    UsedFormat.checksum(page, at: offset, from: P.crc32c(shard.span), with: P.self)
  }

  /// Generation of a directory page that was read from `offset`; 0 if it is none.
  static func generation<P: Primitives>(
    of page: Span<UInt8>, at offset: Int64, with primitives: P.Type
  ) -> UInt64 {
    guard page.uint32(at: 0) == checksum(ofDirectoryPage: page, at: offset, with: P.self),
      page.uint32(at: 4) == version,
      equal(page.extracting(magicField..<magicField + 6), magic)
    else { return 0 }
    return page.uint64(at: generation)
  }
}

/// What the directory says of a shard.
struct RevokedEntry: Equatable {
  var hash = ShardHash()
  /// Nil if the shard is not held.
  var slot: Int?
  var revoked = 0
  var blocked = 0

  init(hash: ShardHash, slot: Int, revoked: Int, blocked: Int) {
    self.hash = hash
    self.slot = slot
    self.revoked = revoked
    self.blocked = blocked
  }

  /// The entry at `offset` of a directory page.
  init(_ page: Span<UInt8>, at offset: Int) {
    hash = ShardHash(page.extracting(offset..<offset + 16))
    let place = Int(page.uint16(at: offset + RevokedFormat.entrySlot))
    slot = place == 0 ? nil : place - 1
    revoked = Int(page.uint16(at: offset + RevokedFormat.entryRevoked))
    blocked = Int(page.uint16(at: offset + RevokedFormat.entryBlocked))
  }

  @_lifetime(page: copy page)
  func encode(into page: inout MutableSpan<UInt8>, at offset: Int) {
    for i in offset..<offset + RevokedFormat.entryBytes { page[i] = 0 }
    copy(hash.span, to: &page, at: offset)
    page.put(UInt16((slot ?? -1) + 1), at: offset + RevokedFormat.entrySlot)
    page.put(UInt16(revoked), at: offset + RevokedFormat.entryRevoked)
    page.put(UInt16(blocked), at: offset + RevokedFormat.entryBlocked)
  }
}

/// Which of at most 2,048 things are so.
struct RevokedBits {
  private var words = InlineArray<32, UInt64>(repeating: 0)

  subscript(_ index: Int) -> Bool {
    get { words[index / 64] >> UInt64(index % 64) & 1 == 1 }
    set {
      let bit = UInt64(1) << UInt64(index % 64)
      if newValue { words[index / 64] |= bit } else { words[index / 64] &= ~bit }
    }
  }
}
