// How shards come into the revoked store, and how it is opened (FORMAT.md, "The revoked store's
// file").
//
//   put* -> writing -> directing -> idle, or writing again if more was put meanwhile
//
// A shard is written to a slot that the durable directory does not name, and flushed; then the
// directory's page names it, in the copy that does not count, and is flushed. So there is no
// journal: a cut leaves the old directory page and the old shard, or the new ones.

import Limits
public import Trust
public import Wire

/// What became of a shard that was put.
public enum RevokedPut: Sendable, Equatable {
  case accepted
  /// It is held already, or on its way.
  case repeated
  /// There is no room among those that wait, or the store is busy with another manifest: ask again.
  case deferred
  /// Not of the manifest, or no file with room for it.
  case refused
}

extension RevokedStore {
  /// Opens the file, of `fileBytes(tickets:)`, zeros at first. Look-ups can be asked at once; more
  /// when the flush has succeeded.
  /// - Parameter actions: room for 9.
  /// - Throws: if the directory cannot be read.
  public mutating func recover<D: Disk & ~Copyable>(
    tickets: Int, trust: borrowing TrustDocument<P>, disk: inout D, into actions: inout DiskActions
  ) throws(DiskError) {
    precondition(phase == .closed, "the revoked store is opened once")
    slots = RevokedFormat.slots(tickets: tickets)
    bits = trust.manifest?.bits ?? 0
    phase = .idle
    for number in 0..<RevokedFormat.directoryPages {
      let generation = try readDirectory(number, disk: &disk)
      guard generation > 0 else {
        blank(number)
        continue
      }
      let found = Int(memory.span(Self.bytes(ofPage: number))[RevokedFormat.bits])
      guard found == bits else {
        blank(number, generation: generation)
        continue
      }
      // What was found may be in the kernel's cache alone.
      write(number, generation, into: &actions)
      phase = .recovering
    }
    if phase == .recovering { actions.append(.flush(.revoked)) }
    for index in 0..<1 << Limits.manifestBitsMax {
      guard let slot = entry(index).slot else { continue }
      // A slot that was given to another shard since is told by its pages.
      if slot < slots { taken[slot] = true } else { damaged[index] = true }
    }
  }

  /// Reads the newer copy of a directory page to its place in memory.
  /// - Returns: its generation; 0 if neither is valid.
  private mutating func readDirectory<D: Disk & ~Copyable>(
    _ number: Int, disk: inout D
  ) throws(DiskError) -> UInt64 {
    var generations: (UInt64, UInt64) = (0, 0)
    for copy in 0..<2 as Range<UInt64> {
      let found = try readCopy(number, copy, disk: &disk)
      if copy == 0 { generations.0 = found } else { generations.1 = found }
    }
    if generations.0 > generations.1 { _ = try readCopy(number, 0, disk: &disk) }
    return max(generations.0, generations.1)
  }

  private mutating func readCopy<D: Disk & ~Copyable>(
    _ number: Int, _ copy: UInt64, disk: inout D
  ) throws(DiskError) -> UInt64 {
    let offset = RevokedFormat.offset(ofDirectoryPage: number, generation: copy)
    var target = memory.mutableSpan(Self.bytes(ofPage: number))
    try disk.read(.revoked, at: offset, into: &target)
    let generation = RevokedFormat.generation(of: target.span, at: offset, with: P.self)
    return generation % 2 == copy ? generation : 0
  }

  /// Goes by the manifest of a newer document. One of other bits needs other shards: what was held
  /// is forgotten, so the document must be durable.
  /// - Returns: false if the store is busy: ask again when it is idle.
  public mutating func follow(_ trust: borrowing TrustDocument<P>) -> Bool {
    guard isOpen, let manifest = trust.manifest, manifest.bits != bits else { return true }
    guard isIdle else { return false }
    bits = manifest.bits
    for number in 0..<RevokedFormat.directoryPages {
      let generation = memory.span(Self.bytes(ofPage: number)).uint64(at: RevokedFormat.generation)
      blank(number, generation: generation)
    }
    taken = RevokedBits()
    damaged = RevokedBits()
    return true
  }

  /// An empty directory page in memory; it is written with the next shard of it.
  private mutating func blank(_ number: Int, generation: UInt64 = 0) {
    let bits = bits
    var page = memory.mutableSpan(Self.bytes(ofPage: number))
    for i in page.indices { page[i] = 0 }
    page.put(RevokedFormat.version, at: 4)
    for (i, byte) in TextBytes(RevokedFormat.magic).enumerated() {
      page[RevokedFormat.magicField + i] = byte
    }
    page.put(generation, at: RevokedFormat.generation)
    page[RevokedFormat.bits] = UInt8(bits)
  }

  // MARK: Shards

  /// Takes a shard if it is the manifest's. It counts when `flushed` has been told of two flushes.
  /// - Parameter actions: room for 17.
  /// - Complexity: one hash of the shard.
  public mutating func put(
    _ shard: borrowing RevocationShard, trust: borrowing TrustDocument<P>,
    into actions: inout DiskActions
  ) -> RevokedPut {
    guard isOpen, let manifest = trust.manifest, shard.bits == manifest.bits, fits(manifest) else {
      return .refused
    }
    let hash = RevocationShard.hash(shard.bytes, with: P.self)
    guard hash == trust.shardHash(shard.index) else { return .refused }
    guard failure == nil, manifest.bits == bits else { return .deferred }
    if isCurrent(shard.index, of: trust) || isStaged(shard.index) { return .repeated }
    let pages = RevokedFormat.pages(shard.revokedCount + shard.blockedCount)
    guard stagedCount < Limits.revokedRoundShards,
      pages <= Limits.revokedStagedPages - stagedPages, let slot = freeSlot
    else { return .deferred }
    taken[slot] = true
    let entry = RevokedEntry(
      hash: hash, slot: slot, revoked: shard.revokedCount, blocked: shard.blockedCount)
    for page in 0..<pages { stage(page, of: shard, entry) }
    staged[stagedCount] = Staged(index: shard.index, entry: entry, page: stagedPages)
    stagedCount += 1
    stagedPages += pages
    if phase == .idle { startRound(into: &actions) }
    return .accepted
  }

  private var freeSlot: Int? {
    for slot in 0..<slots where !taken[slot] { return slot }
    return nil
  }

  private mutating func stage(
    _ number: Int, of shard: borrowing RevocationShard, _ entry: RevokedEntry
  ) {
    let offset = RevokedFormat.offset(ofPage: number, inSlot: entry.slot ?? 0)
    let identities = shard.identities
    let start = 16 * Limits.revokedPerPage * number
    let end = min(start + 16 * Limits.revokedPerPage, identities.count)
    var page = memory.mutableSpan(Self.bytes(ofPage: Self.stagingPage + stagedPages + number))
    for i in page.indices { page[i] = 0 }
    copy(identities.extracting(start..<end), to: &page, at: RevokedFormat.identities)
    page.put(
      RevokedFormat.checksum(page.span, at: offset, of: entry.hash, with: P.self), at: 0)
  }

  /// Everything that waits goes to its slots.
  private mutating func startRound(into actions: inout DiskActions) {
    roundCount = stagedCount
    phase = .writing
    counters.rounds += 1
    for i in 0..<roundCount {
      let shard = staged[i]
      let pages = RevokedFormat.pages(shard.entry.revoked + shard.entry.blocked)
      if pages == 0 { continue }
      let first = Self.bytes(ofPage: Self.stagingPage + shard.page).lowerBound
      let extent = memory.extent(first..<first + pages * Limits.pageBytes)
      let offset = RevokedFormat.offset(ofPage: 0, inSlot: shard.entry.slot ?? 0)
      actions.append(.write(DiskWrite(file: .revoked, offset: offset, extent: extent)))
    }
    actions.append(.flush(.revoked))
  }

  /// The flush that was asked for has ended. After an error there is nothing more until a restart.
  /// - Parameter actions: room for 17.
  public mutating func flushed(_ error: DiskError?, into actions: inout DiskActions) {
    if let error {
      phase = .failed(error)
      return
    }
    switch phase {
    case .recovering: phase = .idle
    case .writing:
      phase = .directing
      direct(into: &actions)
    case .directing:
      endRound()
      phase = .idle
    case .closed, .idle, .failed: preconditionFailure("no flush was asked for")
    }
    if phase == .idle && stagedCount > 0 { startRound(into: &actions) }
  }

  /// The directory names the round's shards, in memory at once.
  private mutating func direct(into actions: inout DiskActions) {
    var isChanged = RevokedBits()
    for i in 0..<roundCount {
      let shard = staged[i]
      freed[i] = entry(shard.index).slot ?? -1
      var bytes = memory.mutableSpan
      shard.entry.encode(into: &bytes, at: Self.place(ofEntry: shard.index))
      damaged[shard.index] = false
      isChanged[shard.index / RevokedFormat.entriesPerPage] = true
    }
    for number in 0..<RevokedFormat.directoryPages where isChanged[number] {
      var page = memory.mutableSpan(Self.bytes(ofPage: number))
      let generation = page.span.uint64(at: RevokedFormat.generation) + 1
      page.put(generation, at: RevokedFormat.generation)
      let offset = RevokedFormat.offset(ofDirectoryPage: number, generation: generation)
      page.put(
        RevokedFormat.checksum(ofDirectoryPage: page.span, at: offset, with: P.self), at: 0)
      write(number, generation, into: &actions)
    }
    actions.append(.flush(.revoked))
  }

  private func write(_ number: Int, _ generation: UInt64, into actions: inout DiskActions) {
    let offset = RevokedFormat.offset(ofDirectoryPage: number, generation: generation)
    let extent = memory.extent(Self.bytes(ofPage: number))
    actions.append(.write(DiskWrite(file: .revoked, offset: offset, extent: extent)))
  }

  private mutating func endRound() {
    for i in 0..<roundCount where freed[i] >= 0 && freed[i] < slots { taken[freed[i]] = false }
    counters.shards += UInt64(roundCount)
    for i in roundCount..<stagedCount { staged[i - roundCount] = staged[i] }
    stagedCount -= roundCount
    roundCount = 0
    // Pages are handed out from the beginning again when none is in use.
    if stagedCount == 0 { stagedPages = 0 }
  }
}
