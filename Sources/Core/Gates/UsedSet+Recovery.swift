// How a used-set's file is made, and how it is found again after a crash (FORMAT.md, "Recovery").

import Limits
public import Wire

/// From where the ring is to be replayed, and settlements asked for.
public struct UsedSetCoverage: Sendable, Equatable {
  /// The last class-2 sequence whose use is in the table.
  public var sequence: UInt64
  /// The last ledger height whose settlements are in the table.
  public var height: UInt64

  public init(sequence: UInt64, height: UInt64) {
    self.sequence = sequence
    self.height = height
  }
}

extension UsedSet {
  /// Makes the file for `tickets`, of `fileBytes(tickets:)` zeros. It can be used at once, and
  /// `flushed` says when it is durable.
  /// - Parameters:
  ///   - tickets: 1 to `Limits.usedTicketsMax`.
  ///   - identity: random; no other file has it.
  ///   - key: random.
  ///   - epoch: the device's enrolment.
  public mutating func create(
    tickets: Int, identity: Bytes<16>, key: Bytes<32>, epoch: UInt64,
    into actions: inout DiskActions
  ) {
    precondition(phase == .closed, "the used-set is open")
    header.identity = identity
    header.key = key
    header.tablePages = UsedHeader.tablePages(tickets: tickets)
    header.epoch = epoch
    header.generation = 1
    identityChecksum = P.crc32c(identity.span)
    phase = .creating
    writeHeader(into: &actions)
    actions.append(.flush(.used))
  }

  /// Opens the file. Uses and look-ups are possible at once, checkpoints after `flushed`.
  /// - Parameters:
  ///   - epoch: the device's enrolment; with another one in the file, nothing of the ring counts as
  ///     covered, the table stands, and `namesOtherEpoch` is set.
  ///   - actions: room for 3.
  /// - Returns: where the replay begins. What may be released is `coveredSequence`, later.
  /// - Throws: `notCreated`, `corruptHeader`, `disk`.
  public mutating func recover<D: Disk & ~Copyable>(
    epoch: UInt64, disk: inout D, into actions: inout DiskActions
  ) throws(UsedSetError) -> UsedSetCoverage {
    precondition(phase == .closed, "the used-set is open")
    var newest: UsedHeader?
    var isBlank = true
    for number in 0..<UsedFormat.headerPages {
      try read(Int64(number * Limits.pageBytes), to: Self.headerPage, disk: &disk)
      if !UsedFormat.isZero(page(Self.headerPage)) { isBlank = false }
      guard let found = UsedHeader(page(Self.headerPage), page: number, with: P.self) else {
        continue
      }
      if found.generation > newest?.generation ?? 0 { newest = found }
    }
    guard let newest else { throw isBlank ? .notCreated : .corruptHeader }
    header = newest
    occupied = header.occupied
    areas = header.areas
    identityChecksum = P.crc32c(header.identity.span)
    try checkLength(disk: &disk)
    try readJournal(disk: &disk)
    // What is relied on is written again, as it is and where it is: after a failed flush a read may
    // show what is in the kernel's cache alone, and no later flush makes that durable.
    if roundCount > 0 { writeJournal(into: &actions) }
    writeHeader(into: &actions)
    actions.append(.flush(.used))
    if header.epoch != epoch {
      header.epoch = epoch
      header.sequence = 0
      namesOtherEpoch = true
    }
    phase = .recovering
    return UsedSetCoverage(sequence: header.sequence, height: header.height)
  }

  /// A header that names more pages than the file has is none: nothing is written behind its end.
  private mutating func checkLength<D: Disk & ~Copyable>(disk: inout D) throws(UsedSetError) {
    let last = UsedFormat.offset(ofTablePage: header.tablePages - 1)
    do throws(UsedSetError) {
      try read(last, to: Self.lookupPage, disk: &disk)
    } catch {
      // A page that cannot be read is the matter of who asks for it.
      if error == .disk(.shortRead) { throw .corruptHeader }
    }
  }

  /// Takes the journal's round up again if it is valid. That its images stand in their places, as
  /// far as a read shows, does not say that they are durable there.
  private mutating func readJournal<D: Disk & ~Copyable>(disk: inout D) throws(UsedSetError) {
    let offset = Int64(UsedFormat.journalPage * Limits.pageBytes)
    try read(offset, to: 0, disk: &disk)
    guard
      UsedFormat.checksum(page(0), at: offset, from: identityChecksum, with: P.self)
        == page(0).uint32(at: 0)
    else { return }
    let count = Int(page(0).uint32(at: UsedFormat.journalCount))
    let found = page(0).uint64(at: UsedFormat.journalRound)
    guard count <= Limits.usedJournalPages else { return }
    for image in 0..<count {
      guard try readImage(image, disk: &disk) else { return }
    }
    round = found
    roundCount = count
  }

  /// - Returns: whether it is the image that the journal's header names.
  private mutating func readImage<D: Disk & ~Copyable>(
    _ image: Int, disk: inout D
  ) throws(UsedSetError) -> Bool {
    let entry = UsedFormat.journalImages + 8 * image
    let number = page(0).uint32(at: entry)
    let checksum = page(0).uint32(at: entry + 4)
    guard number < UInt32(header.tablePages) else { return false }
    roundPages[image] = number
    let place = UsedFormat.journalPage + 1 + image
    try read(Int64(place * Limits.pageBytes), to: 1 + image, disk: &disk)
    return page(1 + image).uint32(at: 0) == checksum
      && UsedFormat.isValid(
        page(1 + image), at: UsedFormat.offset(ofTablePage: Int(number)), from: identityChecksum,
        with: P.self)
  }
}
