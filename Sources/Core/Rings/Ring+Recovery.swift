// A start: what the file says, then the tail written again. FORMAT.md, "Which block speaks" and
// "Rules of writing" 5.
// Invariants: reading changes nothing in the file; nothing is reported durable before the tail has
// been written again and flushed; a page that cannot be read ends no start. A segment whose first
// page cannot be read goes to the free ones unless a live block is found behind it: a lone record on
// that page is then gone, which the end of its class or a hole in it tells.

public import Wire
import Limits

/// What a start found.
public struct RecoveryReport: Equatable, Sendable {
  /// Newest commit in the file, and the boot that wrote it.
  public var commit: UInt64 = 0
  public var boot: UInt32 = 0
  /// The cut hit a commit on the way: what nobody had been promised is gone.
  public var isTailTorn = false
  /// Records of the tail, which are written again: never reported durable, yet here.
  public var tailRecords = 0
  /// Blocks, or holes where blocks must have been, that were durable once: an alarm.
  public var corruptBlocks = 0
  /// Reads that the media refused: an alarm. A page may be read more than once.
  public var failedReads: UInt64 = 0
}

/// What `recover` learns on its way.
struct Survey {
  var newest: BlockHeader?
  var states = InlineArray<4, ClassState>(repeating: ClassState())
  var doubtful = 0
  var report = RecoveryReport()
}

extension Ring {
  /// Finds everything again and asks for the first flush. `ready` after two of `flushed`.
  /// - Parameter nonce: random.
  /// - Throws: `blank` (call `create`), `damaged`, `otherFormat`, `disk`.
  /// - Complexity: one read a segment, and at most 16 more for each class and unreadable segment.
  public mutating func recover<D: Disk & ~Copyable>(
    _ disk: inout D, nonce: UInt64, into actions: inout DiskActions
  ) throws(RingError) -> RecoveryReport {
    precondition(state == .closed, "the ring is in use")
    let report = try examine(&disk)
    // Nobody gets there in honest ways; what follows must be readable again.
    guard report.boot < UInt32.max - 1, report.commit < 1 << 62 else { throw .damaged }
    self.nonce = nonce
    boot = report.boot + 1
    // Two numbers that no block shows may have been on the way: a commit, and its second attempt.
    lastCommit = report.commit + 2
    if touched == 0 { touchControl() }
    state = .starting
    isSettling = true
    isCommitting = true
    actions.append(.flush(.ring))
    return report
  }

  /// Reads what `recover` needs to know, and the tail into the buffers of the batch on the way.
  mutating func examine<D: Disk & ~Copyable>(
    _ disk: inout D
  ) throws(RingError) -> RecoveryReport {
    guard let file = try FileHeader.read(&disk, checkedBy: P.self) else {
      throw try isUnused(&disk) ? .blank : .damaged
    }
    guard file.segments == segments else { throw .otherFormat }
    header = file
    table.clear()
    var survey = Survey()
    for segment in 0..<segments { try look(at: segment, &disk, &survey) }
    for index in 0..<Limits.ringClasses {
      table.sort(index)
      let count = table.count(index)
      if count > 0 { try findNewest(in: table.segment(index, count - 1), &disk, &survey) }
    }
    guard let newest = survey.newest else { throw try isUnused(&disk) ? .blank : .damaged }
    durableCommit = newest.durable
    lastCommit = newest.commit
    survey.report.commit = newest.commit
    survey.report.boot = newest.boot
    try settleDoubtful(&disk, &survey)
    touched = 0
    for index in 0..<Limits.ringClasses {
      table.sort(index)
      try settle(index, &disk, &survey)
      release(index)
    }
    // What was freed last is used last: if the newest watermark should be lost, it is still there.
    table.sort(SegmentTable.free)
    if newest.commit > newest.durable && newest.touched & ~touched != 0 {
      survey.report.isTailTorn = true
    }
    counters.corruptBlocks += UInt64(survey.report.corruptBlocks)
    survey.report.failedReads = counters.failedReads
    return survey.report
  }

  // MARK: Reading

  private var scratch: Range<Int> {
    let start = bufferOffset(batch: fillingBatch, index: 0)
    return start..<start + Layout.headerBytes
  }

  /// Notes a read that the media refused.
  /// - Throws: `disk` if it was something else.
  mutating func refused(_ error: DiskError) throws(RingError) {
    guard error == .inputOutput else { throw .disk(error) }
    counters.failedReads += 1
  }

  /// Reads where a block may begin into the scratch; nil if there is no whole header. A page that
  /// cannot be read holds none, and is not zero.
  mutating func readHeader<D: Disk & ~Copyable>(
    _ segment: Int, _ page: Int, _ disk: inout D
  ) throws(RingError) -> BlockHeader? {
    let offset = Layout.offset(segment: segment, page: page)
    let identity = header.identity
    var target = memory.mutableSpan(scratch)
    do throws(DiskError) {
      try disk.read(.ring, at: offset, into: &target)
    } catch {
      target.update(repeating: 0xff)
      try refused(error)
      return nil
    }
    let block = BlockHeader.decode(
      target.span, at: offset, of: identity, checkedBy: P.self)
    guard let block, page + block.pages <= Limits.pagesPerSegment else { return nil }
    return block
  }

  private var isScratchZero: Bool {
    let span = memory.span(scratch)
    for i in span.indices where span[i] != 0 { return false }
    return true
  }

  /// Whether nothing was ever written but what creation writes (FORMAT.md, File header).
  private mutating func isUnused<D: Disk & ~Copyable>(_ disk: inout D) throws(RingError) -> Bool {
    for segment in 0..<segments {
      _ = try readHeader(segment, 0, &disk)
      let span = memory.span(scratch)
      if span.uint64(at: 24) != 0 || span.uint16(at: 44) != 0 { return false }
    }
    return true
  }

  private func note(_ block: BlockHeader, _ survey: inout Survey) {
    if let newest = survey.newest, newest.commit >= block.commit { return }
    survey.newest = block
    let span = memory.span(scratch)
    for index in 0..<Limits.ringClasses {
      survey.states[index] = BlockHeader.state(index, in: span)
    }
  }

  /// Sorts a segment by its first header: a class, free, or doubtful.
  private mutating func look<D: Disk & ~Copyable>(
    at segment: Int, _ disk: inout D, _ survey: inout Survey
  ) throws(RingError) {
    if let block = try readHeader(segment, 0, &disk) {
      note(block, &survey)
      enter(segment, block)
    } else if isScratchZero {
      table.set(segment, first: 0, opened: 0, last: 0, pages: 0)
      table.append(segment, to: SegmentTable.free)
    } else {
      table.set(segment, first: 0, opened: 0, last: .max, pages: 0)
      survey.doubtful += 1
      try findNewest(in: segment, &disk, &survey)
    }
  }

  mutating func enter(_ segment: Int, _ block: BlockHeader) {
    table.set(
      segment, first: block.first, opened: block.commit, last: 0, pages: Limits.pagesPerSegment)
    table.append(segment, to: block.recordClass.index)
  }

  private mutating func findNewest<D: Disk & ~Copyable>(
    in segment: Int, _ disk: inout D, _ survey: inout Survey
  ) throws(RingError) {
    for page in 1..<Limits.pagesPerSegment {
      if let block = try readHeader(segment, page, &disk) { note(block, &survey) }
    }
  }
}

extension Ring {
  /// Whether the segment that held `sequence` when it was examined begins with a newer block now.
  mutating func wasReused<D: Disk & ~Copyable>(
    _ sequence: UInt64, _ recordClass: RecordClass, _ disk: inout D
  ) throws(RingError) -> Bool {
    guard table.count(recordClass.index) > 0 else { return false }
    let position = table.position(of: sequence, in: recordClass.index)
    let segment = table.segment(recordClass.index, position)
    guard let block = try readHeader(segment, 0, &disk) else { return false }
    return block.commit > lastCommit
  }
}
