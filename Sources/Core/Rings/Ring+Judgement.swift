// Judging what a start has read: where each class ends, what is the tail, torn, corrupt or free.
// FORMAT.md, "Which block speaks" and "Torn or corrupt".
// Invariants: a segment in which a whole block with records that are not released is found is never
// given to the free ones; what was never durable is no reason for an alarm.

import Limits
import Wire

/// What one segment says of the newest blocks of its class.
private struct SegmentEnd {
  /// The newest block that counts, tail or not.
  var last: BlockHeader?
  var isTail = false
  var isTorn = false
  var corrupt = 0
}

extension Ring {
  /// A segment whose first header is unreadable: the tail's (torn), long released, or corrupt. Only
  /// live blocks behind it tell.
  mutating func settleDoubtful<D: Disk & ~Copyable>(
    _ disk: inout D, _ survey: inout Survey
  ) throws(RingError) {
    guard survey.doubtful > 0 else { return }
    for segment in 0..<segments where table.last(segment) == .max {
      var isUsed = false
      for page in 1..<Limits.pagesPerSegment where !isUsed {
        guard let block = try readHeader(segment, page, &disk) else { continue }
        guard isLive(block, survey.states[block.recordClass.index]) else { continue }
        isUsed = true
        // A block of the tail says nothing of the page before it: `settle` and readers will.
        if block.commit <= durableCommit { survey.report.corruptBlocks += 1 }
        enter(segment, block)
      }
      if !isUsed {
        table.set(segment, first: 0, opened: lastCommit, last: 0, pages: 0)
        table.append(segment, to: SegmentTable.free)
      }
    }
  }

  /// Whether a block behind an unreadable first page speaks for records that are not released: it
  /// may be left from an earlier use of the segment, or was written again elsewhere, or given up and
  /// its sequences used by others.
  private func isLive(_ block: BlockHeader, _ state: ClassState) -> Bool {
    guard block.records > 0, block.end > state.released + 1,
      block.commit > durableCommit || block.end <= state.next
    else { return false }
    let index = block.recordClass.index
    for position in 0..<table.count(index) {
      let other = table.segment(index, position)
      if table.opened(other) > block.commit && table.first(other) < block.end { return false }
    }
    return true
  }

  /// Finds where a class ends: its tail, if there is one, else its newest durable block.
  mutating func settle<D: Disk & ~Copyable>(
    _ index: Int, _ disk: inout D, _ survey: inout Survey
  ) throws(RingError) {
    lanes[index] = Lane()
    lanes[index].durable = survey.states[index]
    lanes[index].acked = survey.states[index].acked
    lanes[index].next = survey.states[index].next
    lanes[index].head = survey.states[index].head

    var end = SegmentEnd()
    var position = table.count(index) - 1
    while position >= 0 {
      let segment = table.segment(index, position)
      end = try readEnd(of: segment, index, &disk)
      survey.report.corruptBlocks += end.corrupt
      if end.isTorn { survey.report.isTailTorn = true }
      if end.last != nil { break }
      if end.corrupt == 0 && position == table.count(index) - 1 {
        // Nothing in it counts: a torn tail, or given up by an earlier start.
        _ = table.takeLast(index)
        table.append(segment, to: SegmentTable.free)
      }
      position -= 1
    }
    if let tail = end.last, end.isTail {
      touched |= 1 << UInt8(index)
      lanes[index].flight = Batch(
        first: tail.first, records: tail.records, length: tail.length)
      lanes[index].next = tail.end
      lanes[index].head = lanes[index].flightHead
      lanes[index].previous = tail.previous
      survey.report.tailRecords += tail.records
    } else {
      lanes[index].previous = end.last?.checksum ?? 0
      let durable = lanes[index].durable
      let found = end.last?.end ?? durable.released + 1
      if found < durable.next && durable.released + 1 < durable.next {
        survey.report.corruptBlocks += 1
      }
    }
  }

  /// Walks the blocks of a segment; reads the tail's frames if the tail is there.
  private mutating func readEnd<D: Disk & ~Copyable>(
    of segment: Int, _ index: Int, _ disk: inout D
  ) throws(RingError) -> SegmentEnd {
    var end = SegmentEnd()
    let next = lanes[index].durable.next
    var before: BlockHeader?
    var expected: UInt64?
    var page = 0
    var endPage = 0
    while page < Limits.pagesPerSegment {
      guard let block = try readHeader(segment, page, &disk), block.recordClass.index == index,
        block.commit >= table.opened(segment), block.follows(before, endingAt: endPage, in: page)
      else {
        page += 1
        continue
      }
      if block.commit > durableCommit {
        if block.first == next {
          if let head = try readTail(block, segment, page, index, &disk) {
            lanes[index].flightHead = head
            end.last = block
            end.isTail = true
          } else {
            end.isTorn = true
          }
        }
      } else if block.end <= next {
        if let expected, block.first > expected { end.corrupt += 1 }
        end.last = block
        expected = block.end
      }
      before = block
      page += block.pages
      endPage = page
    }
    return end
  }

  /// Reads the frames of a tail block to where they will be written from; H of the last record, or
  /// nil if they are not what the header was written for.
  private mutating func readTail<D: Disk & ~Copyable>(
    _ block: BlockHeader, _ segment: Int, _ page: Int, _ index: Int, _ disk: inout D
  ) throws(RingError) -> Hash? {
    guard block.records > 0 else { return lanes[index].durable.head }
    let buffer = bufferOffset(batch: 1 - fillingBatch, index: index)
    let offset = Layout.offset(segment: segment, page: page) + Int64(Layout.headerBytes)
    var target = memory.mutableSpan(buffer + Layout.headerBytes..<buffer + block.length)
    do throws(DiskError) {
      try disk.read(.ring, at: offset, into: &target)
    } catch {
      try refused(error)
      return nil
    }
    return block.lastHash(in: target.span, checkedBy: P.self)
  }

  /// Gives the segments of a class that hold nothing which is not released to the free ones.
  mutating func release(_ index: Int) {
    let count = table.count(index)
    for position in 0..<count {
      let segment = table.takeFirst(index)
      let isNewest = position == count - 1
      let next = isNewest ? UInt64.max : table.first(table.segment(index, 0))
      if !isNewest && (next <= table.first(segment) || next <= lanes[index].durable.released + 1) {
        table.append(segment, to: SegmentTable.free)
      } else {
        table.extend(segment, last: lastCommit, pages: Limits.pagesPerSegment)
        table.append(segment, to: index)
      }
    }
  }
}
