// The pages of the used-set's file, bit for bit (FORMAT.md): where things stand, and checksums.
// Invariants: a page is valid only in the file and at the place that it was written for; reading a
// page never trusts a number of it that the checksum does not cover.

import Limits
import Wire

enum UsedFormat {
  static let version: UInt32 = 1
  static let headerPages = 2
  static let journalPage = 2
  /// The first page of the table.
  static let tablePage = journalPage + 1 + Limits.usedJournalPages
  /// Pages that a ticket may stand in: its home and those after it.
  static let probePages = 8
  static let slotsStart = 16

  // Fields of a header page.
  static let headerMagic = 8
  static let headerIdentity = 16
  static let headerKey = 32
  static let headerTablePages = 64
  static let headerEpoch = 72
  static let headerGeneration = 80
  static let headerSequence = 88
  static let headerHeight = 96
  static let headerOccupied = 104
  static let headerAreas = 112

  // Fields of a table page.
  static let pageCount = 4
  static let pageRound = 8

  // Fields of a slot.
  static let slotOwn = 16
  static let slotElsewhere = 18
  static let slotLast = 20

  // Fields of the journal's header page.
  static let journalCount = 4
  static let journalRound = 8
  static let journalImages = 16

  static var magic: StaticString { "TKUSED" }

  static func offset(ofTablePage page: Int) -> Int64 {
    Int64(tablePage + page) * Int64(Limits.pageBytes)
  }

  static func slot(_ index: Int) -> Int { slotsStart + index * Limits.usedSlotBytes }

  /// Home page of a hash: the high bits of a product, so that every page is equally likely.
  static func home(_ hash: Bytes<16>, tablePages: Int) -> Int {
    Int((UInt64(hash.span.uint32(at: 0)) * UInt64(tablePages)) >> 32)
  }

  /// Checksum of a header's page at `offset` of the file, continued from `start`.
  static func checksum<P: Primitives>(
    _ page: Span<UInt8>, at offset: Int64, from start: UInt32, with primitives: P.Type
  ) -> UInt32 {
    var place = InlineArray<8, UInt8>(repeating: 0)
    for i in 0..<8 { place[i] = UInt8(truncatingIfNeeded: offset >> Int64(8 * i)) }
    let seed = P.crc32c(place.span, from: start)
    return P.crc32c(page.extracting(4..<page.count), from: seed)
  }

  /// Checksum of a table page: of the slots taken only, as a look-up should not pay for empty ones.
  /// - Precondition: no more slots are taken than there are.
  static func tableChecksum<P: Primitives>(
    _ page: Span<UInt8>, at offset: Int64, from start: UInt32, with primitives: P.Type
  ) -> UInt32 {
    let end = slot(Int(page.uint16(at: pageCount)))
    return checksum(page.extracting(first: end), at: offset, from: start, with: P.self)
  }

  static func isZero(_ page: Span<UInt8>) -> Bool {
    // A look-up in an empty table does this for the whole page: eight bytes at a time.
    var sum: UInt64 = 0
    for i in 0..<page.count / 8 { sum |= page.uint64(at: 8 * i) }
    return sum == 0
  }

  /// Whether a table page is one, or was never written.
  static func isValid<P: Primitives>(
    _ page: Span<UInt8>, at offset: Int64, from start: UInt32, with primitives: P.Type
  ) -> Bool {
    if page.uint64(at: 0) == 0 && isZero(page) { return true }
    return page.uint16(at: pageCount) <= Limits.usedSlotsPerPage
      && page.uint32(at: 0) == tableChecksum(page, at: offset, from: start, with: P.self)
  }

  /// The slot of `hash` in a valid page.
  /// - Complexity: linear in the slots taken, nearly always one byte each.
  static func find(_ hash: Bytes<16>, in page: Span<UInt8>) -> Int? {
    let count = Int(page.uint16(at: pageCount))
    let first = hash.storage[0]
    for i in 0..<count {
      let start = slot(i)
      if page[start] == first && equal(page.extracting(start..<start + 16), hash.span) { return i }
    }
    return nil
  }

  static func uses(inSlot index: Int, of page: Span<UInt8>) -> Uses {
    let start = slot(index)
    return Uses(
      own: page.uint16(at: start + slotOwn), elsewhere: page.uint16(at: start + slotElsewhere),
      last: Passage(rawValue: page.uint32(at: start + slotLast)))
  }
}

// MARK: Writing

extension UsedFormat {
  enum Placement {
    /// The slot was there and now says at least as much.
    case raised
    case added
    /// The page is full of others.
    case noRoom
  }

  @_lifetime(page: copy page)
  static func put(
    _ hash: Bytes<16>, _ uses: Uses, on page: inout MutableSpan<UInt8>
  ) -> Placement {
    let count = Int(page.span.uint16(at: pageCount))
    let found = find(hash, in: page.span)
    guard found != nil || count < Limits.usedSlotsPerPage else { return .noRoom }
    let start = slot(found ?? count)
    var joined = uses
    if let found {
      joined = self.uses(inSlot: found, of: page.span).joined(uses)
    } else {
      for i in start..<start + Limits.usedSlotBytes { page[i] = 0 }
      copy(hash.span, to: &page, at: start)
      page.put(UInt16(count + 1), at: pageCount)
    }
    page.put(joined.own, at: start + slotOwn)
    page.put(joined.elsewhere, at: start + slotElsewhere)
    page.put(joined.last.rawValue, at: start + slotLast)
    return found == nil ? .added : .raised
  }
}

/// The header that counts: what the file is, and how far the table reaches.
struct UsedHeader: Equatable {
  var identity = Bytes<16>()
  var key = Bytes<32>()
  var tablePages = 0
  var epoch: UInt64 = 0
  var generation: UInt64 = 0
  var sequence: UInt64 = 0
  var height: UInt64 = 0
  var occupied: UInt64 = 0
  /// Through `sequence`.
  var areas = InlineArray<16, AreaCount>(repeating: AreaCount())

  init() {}

  static func == (a: Self, b: Self) -> Bool {
    for i in 0..<16 where a.areas[i] != b.areas[i] { return false }
    return a.identity == b.identity && a.key == b.key && a.tablePages == b.tablePages
      && a.epoch == b.epoch && a.generation == b.generation && a.sequence == b.sequence
      && a.height == b.height && a.occupied == b.occupied
  }

  /// Page of the file that this generation stands in.
  var page: Int { Int(generation % 2) }

  /// Nil if `bytes` is no header of page `page`.
  init?<P: Primitives>(_ bytes: Span<UInt8>, page: Int, with primitives: P.Type) {
    let offset = Int64(page * Limits.pageBytes)
    guard
      bytes.uint32(at: 0) == UsedFormat.checksum(bytes, at: offset, from: 0, with: P.self),
      bytes.uint32(at: 4) == UsedFormat.version,
      equal(bytes.extracting(UsedFormat.headerMagic..<UsedFormat.headerMagic + 6), UsedFormat.magic)
    else { return nil }
    let tablePages = bytes.uint64(at: UsedFormat.headerTablePages)
    guard tablePages > 0, tablePages <= UInt64(Self.tablePagesMax) else { return nil }
    self.tablePages = Int(tablePages)
    identity = Bytes(bytes.extracting(UsedFormat.headerIdentity..<UsedFormat.headerIdentity + 16))
    key = Bytes(bytes.extracting(UsedFormat.headerKey..<UsedFormat.headerKey + 32))
    epoch = bytes.uint64(at: UsedFormat.headerEpoch)
    generation = bytes.uint64(at: UsedFormat.headerGeneration)
    sequence = bytes.uint64(at: UsedFormat.headerSequence)
    height = bytes.uint64(at: UsedFormat.headerHeight)
    occupied = bytes.uint64(at: UsedFormat.headerOccupied)
    for i in 0..<16 {
      areas[i].entered = bytes.uint32(at: UsedFormat.headerAreas + 8 * i)
      areas[i].left = bytes.uint32(at: UsedFormat.headerAreas + 8 * i + 4)
    }
    guard generation > 0, self.page == page else { return nil }
  }

  static var tablePagesMax: Int { tablePages(tickets: Limits.usedTicketsMax) }

  /// Pages of a table for `tickets` at three quarters of its slots.
  static func tablePages(tickets: Int) -> Int {
    let tickets = max(1, min(tickets, Limits.usedTicketsMax))
    let perPage = 3 * Limits.usedSlotsPerPage
    return (4 * tickets + perPage - 1) / perPage
  }

  /// Writes the page, checksum included.
  @_lifetime(page: copy page)
  func encode<P: Primitives>(into page: inout MutableSpan<UInt8>, with primitives: P.Type) {
    for i in page.indices { page[i] = 0 }
    page.put(UsedFormat.version, at: 4)
    var at = UsedFormat.headerMagic
    for byte in TextBytes(UsedFormat.magic) {
      page[at] = byte
      at += 1
    }
    copy(identity.span, to: &page, at: UsedFormat.headerIdentity)
    copy(key.span, to: &page, at: UsedFormat.headerKey)
    page.put(UInt64(tablePages), at: UsedFormat.headerTablePages)
    page.put(epoch, at: UsedFormat.headerEpoch)
    page.put(generation, at: UsedFormat.headerGeneration)
    page.put(sequence, at: UsedFormat.headerSequence)
    page.put(height, at: UsedFormat.headerHeight)
    page.put(occupied, at: UsedFormat.headerOccupied)
    for i in 0..<16 {
      page.put(areas[i].entered, at: UsedFormat.headerAreas + 8 * i)
      page.put(areas[i].left, at: UsedFormat.headerAreas + 8 * i + 4)
    }
    let offset = Int64(self.page * Limits.pageBytes)
    page.put(UsedFormat.checksum(page.span, at: offset, from: 0, with: P.self), at: 0)
  }
}
