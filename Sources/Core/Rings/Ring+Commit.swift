// A batch becomes blocks, blocks become durable, segments become free.

public import Wire
import Limits

extension Ring {
  /// Whether `commit` has something to do and may: no commit is on the way, and records or receipts
  /// are waiting.
  public var mayCommit: Bool {
    state == .ready && !isCommitting && (pendingRecords > 0 || hasUnsavedReceipts)
  }

  /// Starts a commit: one write for each class that has records, one flush. Answered by `flushed`.
  /// - Precondition: `mayCommit`, and place for seven actions.
  public mutating func commit(into actions: inout DiskActions) {
    precondition(mayCommit, "nothing to commit, or not now")
    touched = 0
    for index in 0..<Limits.ringClasses where lanes[index].filling.records > 0 {
      touched |= 1 << UInt8(index)
      lanes[index].flight = lanes[index].filling
      lanes[index].flightHead = lanes[index].head
      lanes[index].filling = Batch()
    }
    if touched == 0 { touchControl() }
    fillingBatch = 1 - fillingBatch
    promisedSegments = 0
    isSecondAttempt = false
    start(into: &actions)
  }

  /// A commit without records is a block of class 3.
  mutating func touchControl() {
    let index = RecordClass.control.index
    touched = 1 << UInt8(index)
    lanes[index].flight = Batch(first: lanes[index].next)
    lanes[index].flightHead = lanes[index].head
  }

  /// The flush that was asked for is done, or has failed.
  public mutating func flushed(_ error: DiskError?, into actions: inout DiskActions) {
    precondition(isCommitting, "no flush was asked for")
    isCommitting = false
    if isSettling {
      isSettling = false
      guard error == nil else { return fail() }
      start(into: &actions)
    } else if error == nil {
      complete()
    } else if isSecondAttempt {
      fail()
    } else {
      counters.flushFailures += 1
      abandon()
      isSecondAttempt = true
      start(into: &actions)
    }
  }

  /// Writes the batch on the way, under a new commit number, and flushes.
  mutating func start(into actions: inout DiskActions) {
    var needed = 0
    for index in 0..<Limits.ringClasses where isTouched(index) && !fitsOpenSegment(index) {
      needed += 1
    }
    // The reserve is made for this not to happen; failures on top of failures may use it up.
    guard needed <= freeSegments else {
      state = .readOnly
      return
    }
    lastCommit += 1
    var states = InlineArray<4, ClassState>(repeating: ClassState())
    for index in 0..<Limits.ringClasses {
      states[index] = lanes[index].durable
      states[index].acked = lanes[index].acked
      states[index].released = releasable(index)
      lanes[index].sent = states[index]
    }
    if durableCommit == 0 { writeFileHeader(into: &actions) }
    for index in 0..<Limits.ringClasses where isTouched(index) {
      place(index)
      write(index, states, into: &actions)
    }
    actions.append(.flush(.ring))
    isCommitting = true
  }

  func isTouched(_ index: Int) -> Bool { touched & 1 << UInt8(index) != 0 }

  private func fitsOpenSegment(_ index: Int) -> Bool {
    lanes[index].openPage + Layout.pages(lanes[index].flight.length) <= Limits.pagesPerSegment
  }

  /// Finds the pages of a class's block.
  private mutating func place(_ index: Int) {
    if !fitsOpenSegment(index) {
      let segment = table.takeFirst(SegmentTable.free)
      table.set(
        segment, first: lanes[index].flight.first, opened: lastCommit, last: lastCommit, pages: 0)
      table.append(segment, to: index)
      lanes[index].openPage = 0
    }
    lanes[index].flightSegment = table.segment(index, table.count(index) - 1)
    lanes[index].flightPage = lanes[index].openPage
    lanes[index].openPage += Layout.pages(lanes[index].flight.length)
  }

  private mutating func write(
    _ index: Int, _ states: InlineArray<4, ClassState>, into actions: inout DiskActions
  ) {
    let flight = lanes[index].flight
    var block = BlockHeader()
    block.length = flight.length
    block.commit = lastCommit
    block.durable = durableCommit
    block.first = flight.first
    block.covered = UInt32(flight.records)
    block.records = flight.records
    block.recordClass = RecordClass(rawValue: UInt8(index))!
    block.touched = touched
    block.previous = lanes[index].previous
    block.boot = boot
    block.nonce = nonce

    let buffer = bufferOffset(batch: 1 - fillingBatch, index: index)
    let range = buffer..<buffer + block.pages * Limits.pageBytes
    let offset = Layout.offset(
      segment: lanes[index].flightSegment, page: lanes[index].flightPage)
    let identity = header.identity
    var target = memory.mutableSpan(range)
    var padding = target.part(flight.length..<range.count)
    padding.update(repeating: 0)
    block.encode(
      into: &target, at: offset, of: identity, states: states, checkedBy: P.self)
    lanes[index].flightChecksum = block.checksum
    actions.append(
      .write(DiskWrite(file: .ring, offset: offset, extent: memory.extent(range))))
  }

  /// The commit on the way is durable.
  private mutating func complete() {
    durableCommit = lastCommit
    counters.commits += 1
    for index in 0..<Limits.ringClasses {
      lanes[index].durable.acked = lanes[index].sent.acked
      lanes[index].durable.released = lanes[index].sent.released
      guard isTouched(index) else { continue }
      let flight = lanes[index].flight
      lanes[index].durable.next = flight.first + UInt64(flight.records)
      lanes[index].durable.head = lanes[index].flightHead
      lanes[index].previous = lanes[index].flightChecksum
      table.extend(
        lanes[index].flightSegment, last: durableCommit,
        pages: lanes[index].flightPage + Layout.pages(flight.length))
    }
    for index in 0..<Limits.ringClasses { reclaim(index) }
    state = .ready
  }

  /// Frees segments of a class that hold nothing but what is durably released, except where the
  /// newest commit stands.
  /// - Complexity: O(1) for each segment that becomes free.
  private mutating func reclaim(_ index: Int) {
    // What recovery wrote again leaves the segment before it empty.
    while table.count(index) > 1 {
      let newest = table.takeLast(index)
      let other = table.takeLast(index)
      let isEmpty = table.first(other) >= table.first(newest) && table.last(other) < durableCommit
      table.append(isEmpty ? newest : other, to: index)
      guard isEmpty else {
        table.append(newest, to: index)
        break
      }
      table.append(other, to: SegmentTable.free)
    }
    while table.count(index) > 0 {
      let oldest = table.segment(index, 0)
      var end = lanes[index].durable.next
      if table.count(index) > 1 {
        end = table.first(table.segment(index, 1))
      } else if lanes[index].isOpen {
        return
      }
      guard table.last(oldest) < durableCommit,
        end <= lanes[index].durable.released + 1 || end <= table.first(oldest)
      else { return }
      table.append(table.takeFirst(index), to: SegmentTable.free)
    }
  }

  /// Leaves the segments of a commit whose flush failed. One that held durable blocks before keeps
  /// them; one that was new is not used again before the next start.
  private mutating func abandon() {
    for index in 0..<Limits.ringClasses where isTouched(index) {
      counters.abandonedSegments += 1
      if lanes[index].flightPage == 0 { _ = table.takeLast(index) }
      lanes[index].openPage = Limits.pagesPerSegment
    }
  }

  private mutating func fail() {
    counters.flushFailures += 1
    state = .readOnly
  }
}
