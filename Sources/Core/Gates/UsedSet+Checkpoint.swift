// A checkpoint: what the delta held at its beginning goes to the table, in rounds of at most 64
// pages, each written to the journal first (FORMAT.md, "Order of writes").
//
//   startCheckpoint -> waiting -> ( journaling -> placing )* -> heading -> idle
//
// Uses and look-ups go on meanwhile. An entry that rises during the checkpoint stays for the next.
// It waits for the ring because a use that the table holds and the ring lost would refuse a holder
// who was never let in.

import Limits
public import Wire

extension UsedSet {
  /// Begins a checkpoint of everything that is known now. `advance` carries it on.
  /// - Parameters:
  ///   - sequence: the last class-2 sequence whose use was recorded here, durable or not; a lower
  ///     one keeps what follows it for the next start's replay.
  ///   - height: the ledger height up to which every settlement was applied here.
  /// - Precondition: `isIdle`.
  public mutating func startCheckpoint(throughSequence sequence: UInt64, height: UInt64) {
    precondition(isIdle, "a checkpoint is on its way, or there will be none")
    nextSequence = max(sequence, header.sequence)
    nextHeight = max(height, header.height)
    delta.freeze()
    frozenAreas = areas
    phase = .waiting
  }

  /// Carries a checkpoint on once the ring holds its uses durably; else does nothing. Call it after
  /// `startCheckpoint` and after every commit of the ring.
  /// - Parameters:
  ///   - sequence: the ring's class 2 is durable up to here.
  ///   - actions: room for 66.
  public mutating func advance<D: Disk & ~Copyable>(
    durableThrough sequence: UInt64, disk: inout D, into actions: inout DiskActions
  ) {
    guard phase == .waiting, sequence >= nextSequence else { return }
    nextStep(disk: &disk, into: &actions)
  }

  /// The flush that was asked for has ended. After an error there is nothing more until a restart.
  /// - Parameter actions: room for 66.
  public mutating func flushed<D: Disk & ~Copyable>(
    _ error: DiskError?, disk: inout D, into actions: inout DiskActions
  ) {
    if let error {
      // The images stay where the file may be half written: look-ups go on reading them.
      if phase == .journaling { roundCount = 0 }
      phase = .failed(.disk(error))
      return
    }
    switch phase {
    case .creating, .recovering:
      coveredSequence = header.sequence
      coveredHeight = header.height
      if roundCount > 0 {
        phase = .restoring
        writeImages(into: &actions)
      } else {
        phase = .idle
      }
    case .restoring:
      roundCount = 0
      phase = .idle
    case .journaling:
      phase = .placing
      writeImages(into: &actions)
    case .placing:
      roundCount = 0
      nextStep(disk: &disk, into: &actions)
    case .heading:
      namesOtherEpoch = false
      coveredSequence = header.sequence
      coveredHeight = header.height
      delta.settle()
      counters.checkpoints += 1
      phase = .idle
    case .closed, .idle, .waiting, .failed: preconditionFailure("no flush was asked for")
    }
  }

  /// The next round, or the header if all is placed.
  private mutating func nextStep<D: Disk & ~Copyable>(
    disk: inout D, into actions: inout DiskActions
  ) {
    do throws(UsedSetError) {
      try buildRound(disk: &disk)
    } catch {
      roundCount = 0
      phase = .failed(error)
      return
    }
    if roundCount > 0 {
      sealRound()
      phase = .journaling
      writeJournal(into: &actions)
      actions.append(.flush(.used))
    } else {
      header.sequence = nextSequence
      header.height = nextHeight
      header.areas = frozenAreas
      header.generation += 1
      header.occupied = occupied
      phase = .heading
      writeHeader(into: &actions)
      actions.append(.flush(.used))
    }
  }

  // MARK: A round

  private enum ImagePlace {
    case image(Int)
    case noRoom
    case invalid
  }

  /// Places frozen entries on pages until the round is full or none is left.
  private mutating func buildRound<D: Disk & ~Copyable>(disk: inout D) throws(UsedSetError) {
    for entry in 0..<delta.count where delta.stage(at: entry) == .frozen {
      if try place(delta.hash(at: entry), delta.frozenUses(at: entry), disk: &disk) {
        delta.place(entry)
      }
    }
  }

  /// - Returns: false if the round has no room for another page; an empty round always has.
  /// - Throws: `full` if no page that the hash may stand in has room; `disk`.
  private mutating func place<D: Disk & ~Copyable>(
    _ hash: Bytes<16>, _ uses: Uses, disk: inout D
  ) throws(UsedSetError) -> Bool {
    let home = UsedFormat.home(hash, tablePages: header.tablePages)
    for probe in 0..<min(UsedFormat.probePages, header.tablePages) {
      switch try load((home + probe) % header.tablePages, disk: &disk) {
      case .noRoom: return false
      // What the page held is lost to us, but what comes now need not be.
      case .invalid: continue
      case .image(let image):
        var page = pages.mutableSpan(Self.bytes(ofPage: 1 + image))
        switch UsedFormat.put(hash, uses, on: &page) {
        case .noRoom: continue
        case .added:
          occupied += 1
          return true
        case .raised: return true
        }
      }
    }
    throw .full
  }

  private mutating func load<D: Disk & ~Copyable>(
    _ number: Int, disk: inout D
  ) throws(UsedSetError) -> ImagePlace {
    if let image = image(of: number) { return .image(image) }
    guard roundCount < Limits.usedJournalPages else { return .noRoom }
    guard try readPage(number, to: 1 + roundCount, disk: &disk) else { return .invalid }
    roundPages[roundCount] = UInt32(number)
    roundCount += 1
    return .image(roundCount - 1)
  }

  /// Checksums, and the journal's header.
  private mutating func sealRound() {
    round += 1
    counters.rounds += 1
    let (number, count, checksum) = (round, roundCount, identityChecksum)
    let numbers = roundPages
    var images = InlineArray<64, UInt32>(repeating: 0)
    for image in 0..<count {
      var page = pages.mutableSpan(Self.bytes(ofPage: 1 + image))
      page.put(number, at: UsedFormat.pageRound)
      images[image] = UsedFormat.tableChecksum(
        page.span, at: UsedFormat.offset(ofTablePage: Int(numbers[image])), from: checksum,
        with: P.self)
      page.put(images[image], at: 0)
    }
    var journal = pages.mutableSpan(Self.bytes(ofPage: 0))
    for i in journal.indices { journal[i] = 0 }
    journal.put(UInt32(count), at: UsedFormat.journalCount)
    journal.put(number, at: UsedFormat.journalRound)
    for image in 0..<count {
      journal.put(numbers[image], at: UsedFormat.journalImages + 8 * image)
      journal.put(images[image], at: UsedFormat.journalImages + 8 * image + 4)
    }
    let offset = Int64(UsedFormat.journalPage * Limits.pageBytes)
    journal.put(
      UsedFormat.checksum(journal.span, at: offset, from: checksum, with: P.self), at: 0)
  }

  /// Step 1 of a round: its header and its images.
  func writeJournal(into actions: inout DiskActions) {
    let bytes = 0..<(1 + roundCount) * Limits.pageBytes
    let offset = Int64(UsedFormat.journalPage * Limits.pageBytes)
    actions.append(.write(DiskWrite(file: .used, offset: offset, extent: pages.extent(bytes))))
  }

  /// Step 2 of a round: each image in its place.
  private func writeImages(into actions: inout DiskActions) {
    for image in 0..<roundCount {
      let write = DiskWrite(
        file: .used, offset: UsedFormat.offset(ofTablePage: Int(roundPages[image])),
        extent: pages.extent(Self.bytes(ofPage: 1 + image)))
      actions.append(.write(write))
    }
    actions.append(.flush(.used))
  }

  mutating func writeHeader(into actions: inout DiskActions) {
    let next = header
    var page = pages.mutableSpan(Self.bytes(ofPage: Self.headerPage))
    next.encode(into: &page, with: P.self)
    let write = DiskWrite(
      file: .used, offset: Int64(header.page * Limits.pageBytes),
      extent: pages.extent(Self.bytes(ofPage: Self.headerPage)))
    actions.append(.write(write))
  }
}
