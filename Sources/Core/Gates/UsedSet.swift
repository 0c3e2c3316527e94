// The used-set: how often each ticket was used, here and elsewhere. A store of its own, which
// outlives the ring (FORMAT.md).
// Invariants: numbers only rise; what was recorded is found at once, in the delta or in the table;
// every use after `coveredSequence` is in the ring, whose replay restores it after a crash; at most
// one flush is on the way; after a failed flush nothing is written any more.

import Limits
public import Wire

/// How often a ticket was used.
public struct Uses: Sendable, Equatable {
  /// Admissions by this device.
  public var own: UInt16
  /// Admissions by all other devices, as settled.
  public var elsewhere: UInt16
  /// The last passage through this device.
  public var last: Passage

  public init(own: UInt16 = 0, elsewhere: UInt16 = 0, last: Passage = Passage()) {
    self.own = own
    self.elsewhere = elsewhere
    self.last = last
  }

  public var total: Int { Int(own) + Int(elsewhere) }

  /// The larger of each number, and the later passage: joining any number of times gives the same.
  /// - Parameter other: what was heard of later.
  func joined(_ other: Uses) -> Uses {
    Uses(
      own: max(own, other.own), elsewhere: max(elsewhere, other.elsewhere),
      last: last.followed(by: other.last))
  }
}

public enum UsedSetError: Error, Equatable, Sendable {
  /// Both headers are zero: `create` it.
  case notCreated
  /// Neither header is valid. The file is not created anew: it may be all that keeps a ticket from
  /// being used again.
  case corruptHeader
  /// A page of the table that the answer depends on is not valid.
  case corruptPage
  /// No room: in the delta, for uses (start a checkpoint, or the last one failed) or for
  /// settlements (ask again after a checkpoint); in `failure`, in the table.
  case full
  case disk(DiskError)
}

/// What a used-set counted since it was opened.
public struct UsedSetCounters: Sendable, Equatable {
  public var lookups: UInt64 = 0
  public var pageReads: UInt64 = 0
  /// Look-ups that went beyond the home page.
  public var longProbes: UInt64 = 0
  /// Invalid table pages that were met.
  public var corruptPages: UInt64 = 0
  /// Uses and settlements that found the delta full.
  public var refusedFull: UInt64 = 0
  public var checkpoints: UInt64 = 0
  public var rounds: UInt64 = 0
  public init() {}
}

public struct UsedSet<P: Primitives>: ~Copyable {
  enum Phase: Equatable {
    /// Neither `create` nor `recover` has been called.
    case closed
    /// The first header is on its way.
    case creating
    /// The header and the journal that were found are being made durable.
    case recovering
    /// The journal's images are being applied again.
    case restoring
    case idle
    /// A checkpoint has begun and waits for the ring to be durable.
    case waiting
    /// A round is on its way to the journal.
    case journaling
    /// A round is on its way to its places.
    case placing
    /// The header that covers the checkpoint is on its way.
    case heading
    case failed(UsedSetError)
  }

  // Pages of `pages`: the journal as it is written, header first; then one for look-ups, one for
  // headers.
  static var lookupPage: Int { 1 + Limits.usedJournalPages }
  static var headerPage: Int { lookupPage + 1 }

  /// What `init` needs, bytes.
  public static var pagesMemoryBytes: Int { (headerPage + 1) * Limits.pageBytes }
  public static var deltaMemoryBytes: Int { UsedDelta.memoryBytes }
  /// Entries at which settlements are refused, so that they leave room for uses.
  static var settledDeltaMax: Int { Limits.usedDeltaMax / 4 * 3 }

  var pages: Memory
  var delta: UsedDelta
  var header = UsedHeader()
  /// CRC of the file identity, from which every page's checksum goes on.
  var identityChecksum: UInt32 = 0
  var phase = Phase.closed
  /// What a checkpoint that is on its way will cover.
  var nextSequence: UInt64 = 0
  var nextHeight: UInt64 = 0
  /// The round on its way: table pages whose images stand in `pages`.
  var roundPages = InlineArray<64, UInt32>(repeating: 0)
  var roundCount = 0
  var round: UInt64 = 0
  /// Slots taken, the round on its way included.
  var occupied: UInt64 = 0
  /// By number, through the last record; `frozenAreas` through the checkpoint that is on its way.
  var areas = InlineArray<16, AreaCount>(repeating: AreaCount())
  var frozenAreas = InlineArray<16, AreaCount>(repeating: AreaCount())
  public internal(set) var counters = UsedSetCounters()
  /// The class-2 sequence up to which every use is durable in the table: ring space may be released
  /// so far and no further. 0 until `recover` or `create` has been flushed.
  public internal(set) var coveredSequence: UInt64 = 0
  /// The ledger height up to which every settlement is durable here.
  public internal(set) var coveredHeight: UInt64 = 0
  /// The file's header is that of another enrolment: so it stays until the next checkpoint.
  public internal(set) var namesOtherEpoch = false

  /// - Parameters:
  ///   - pages: at least `pagesMemoryBytes`.
  ///   - delta: at least `deltaMemoryBytes`, zeroed.
  public init(pages: consuming Memory, delta: consuming Memory) {
    precondition(pages.count >= Self.pagesMemoryBytes, "memory is smaller than the journal")
    self.pages = pages
    self.delta = UsedDelta(memory: delta)
  }

  /// Size of the file for `tickets`, bytes: at most `Limits.usedTicketsMax` of them.
  public static func fileBytes(tickets: Int) -> Int64 {
    UsedFormat.offset(ofTablePage: UsedHeader.tablePages(tickets: tickets))
  }

  // MARK: State

  /// Tickets that the file was made for.
  public var ticketsMax: Int { header.tablePages * Limits.usedSlotsPerPage / 4 * 3 }
  /// Slots of the table that are taken, as far as is known (FORMAT.md).
  public var slotsTaken: UInt64 { occupied }
  /// Entries that are not in the table yet, of `Limits.usedDeltaMax`.
  public var deltaCount: Int { delta.count }
  /// A use will certainly find room.
  public var hasRoomForUse: Bool { delta.count < Limits.usedDeltaMax }
  /// Settlement entries that will certainly find room.
  public var settlementRoom: Int { max(0, Self.settledDeltaMax - delta.count) }
  /// A checkpoint can begin.
  public var isIdle: Bool { phase == .idle }
  /// A checkpoint should begin, before the delta is full.
  public var needsCheckpoint: Bool { isIdle && delta.count >= Limits.usedCheckpointAt }
  /// Why there will be no checkpoint until a restart: an alarm, as the delta will fill up.
  public var failure: UsedSetError? {
    if case .failed(let error) = phase { error } else { nil }
  }

  // MARK: Questions and changes

  /// How often the ticket was used.
  /// - Throws: `corruptPage` or `disk` if the table cannot say.
  /// - Complexity: one keyed hash and usually one page read.
  public mutating func uses<D: Disk & ~Copyable>(
    of identity: TicketIdentity, disk: inout D
  ) throws(UsedSetError) -> Uses {
    precondition(phase != .closed, "the used-set is not open")
    counters.lookups += 1
    let hash = P.keyedHash(identity.span, key: header.key)
    let stored = try table(hash, disk: &disk)
    guard let entry = delta.find(hash) else { return stored }
    return stored.joined(delta.uses(at: entry))
  }

  /// What is known of the ticket without the table: at least so many uses.
  public func recentUses(of identity: TicketIdentity) -> Uses {
    let hash = P.keyedHash(identity.span, key: header.key)
    guard let entry = delta.find(hash) else { return Uses() }
    return delta.uses(at: entry)
  }

  /// This device has admitted the ticket for the `ordinal`th time (a scan record's `use`), or seen
  /// it leave (0). Replaying in the same order is harmless.
  /// - Throws: `full`.
  public mutating func recordUse(
    _ identity: TicketIdentity, ordinal: UInt16, last: Passage = Passage()
  ) throws(UsedSetError) {
    try raise(identity, to: Uses(own: ordinal, last: last), limit: Limits.usedDeltaMax)
  }

  /// Somebody went into or out of an area: once for each record, in the order of the records.
  public mutating func count(_ passage: Passage) {
    switch passage.kind {
    case .none: break
    case .entry: areas[Int(passage.area)].entered &+= 1
    case .exit, .annulled: areas[Int(passage.area)].left &+= 1
    }
  }

  /// What was counted in an area, 0 to 15.
  public func count(in area: UInt8) -> AreaCount { areas[Int(area & 15)] }

  /// This device has admitted the ticket at least `own` times, in whatever enrolment, and all others
  /// `elsewhere` times, says the ledger.
  /// - Throws: `full`, while there is still room for uses.
  public mutating func applySettled(
    _ identity: TicketIdentity, own: UInt16 = 0, elsewhere: UInt16
  ) throws(UsedSetError) {
    guard own > 0 || elsewhere > 0 else { return }
    try raise(identity, to: Uses(own: own, elsewhere: elsewhere), limit: Self.settledDeltaMax)
  }

  private mutating func raise(
    _ identity: TicketIdentity, to uses: Uses, limit: Int
  ) throws(UsedSetError) {
    precondition(phase != .closed, "the used-set is not open")
    let hash = P.keyedHash(identity.span, key: header.key)
    guard delta.raise(hash, to: uses, limit: limit) else {
      counters.refusedFull += 1
      throw .full
    }
  }

  // MARK: The table

  /// What the table holds, the round on its way included.
  private mutating func table<D: Disk & ~Copyable>(
    _ hash: Bytes<16>, disk: inout D
  ) throws(UsedSetError) -> Uses {
    let home = UsedFormat.home(hash, tablePages: header.tablePages)
    for probe in 0..<min(UsedFormat.probePages, header.tablePages) {
      if probe == 1 { counters.longProbes += 1 }
      let number = (home + probe) % header.tablePages
      let page = try page(locate(number, disk: &disk))
      if let slot = UsedFormat.find(hash, in: page) {
        return UsedFormat.uses(inSlot: slot, of: page)
      }
      if page.uint16(at: UsedFormat.pageCount) < Limits.usedSlotsPerPage { break }
    }
    return Uses()
  }

  /// Where in `pages` a table page stands, once it is read. The images of a round count and not the
  /// file, which may be half written under our eyes.
  private mutating func locate<D: Disk & ~Copyable>(
    _ number: Int, disk: inout D
  ) throws(UsedSetError) -> Int {
    if let image = image(of: number) { return 1 + image }
    guard try readPage(number, to: Self.lookupPage, disk: &disk) else { throw .corruptPage }
    return Self.lookupPage
  }

  func image(of number: Int) -> Int? {
    for i in 0..<roundCount where roundPages[i] == UInt32(number) { return i }
    return nil
  }

  /// Reads table page `number` to page `place` of `pages`.
  /// - Returns: whether it is valid.
  mutating func readPage<D: Disk & ~Copyable>(
    _ number: Int, to place: Int, disk: inout D
  ) throws(UsedSetError) -> Bool {
    counters.pageReads += 1
    let offset = UsedFormat.offset(ofTablePage: number)
    try read(offset, to: place, disk: &disk)
    let isValid = UsedFormat.isValid(
      page(place), at: offset, from: identityChecksum, with: P.self)
    if !isValid { counters.corruptPages += 1 }
    return isValid
  }

  /// Reads a page of the file to page `place` of `pages`.
  mutating func read<D: Disk & ~Copyable>(
    _ offset: Int64, to place: Int, disk: inout D
  ) throws(UsedSetError) {
    var target = pages.mutableSpan(Self.bytes(ofPage: place))
    do throws(DiskError) {
      try disk.read(.used, at: offset, into: &target)
    } catch {
      throw .disk(error)
    }
  }

  @_lifetime(borrow self)
  func page(_ place: Int) -> Span<UInt8> { pages.span(Self.bytes(ofPage: place)) }

  static func bytes(ofPage place: Int) -> Range<Int> {
    place * Limits.pageBytes..<(place + 1) * Limits.pageBytes
  }
}
