// Reads the durable records of one class in order, whole runs of pages at a time.
// Invariants: it yields each sequence once, ascending, and only what is durable; every block is
// checked before a record of it is seen; a page that cannot be read hides no other; it holds no
// claim on the ring, which may go on, free segments and use them again between two calls.

public import Wire
import Limits

public struct RingCursor: ~Copyable {
  /// Bytes of memory that a cursor needs: one segment.
  public static var memoryBytes: Int { Limits.segmentBytes }

  private var memory: Memory
  public private(set) var recordClass = RecordClass.control
  /// Sequence of `record`.
  public private(set) var sequence: UInt64 = 0
  /// When `record` expires, Unix milliseconds; 0 for never.
  public private(set) var expires: Int64 = 0
  /// The hole that the last `corrupt` was thrown for; empty if there was none.
  public private(set) var missing: Range<UInt64> = 0..<0
  /// Blocks read so far; those among them that were corrupt, and pages that could not be read.
  public private(set) var blocks: UInt64 = 0
  public private(set) var corruptBlocks: UInt64 = 0

  private var wanted: UInt64 = 1
  private var recordRange = 0..<0
  private var frameOffset = 0
  // The block that is being read: place of the next frame, end, frames left, first sequence.
  private var offset = 0
  private var blockEnd = 0
  private var framesLeft = 0
  private var blockFirst: UInt64 = 0
  // The segment: which use of it, the block before and where it ended, the page to look at next.
  private var segment = -1
  private var opened: UInt64 = 0
  private var before: BlockHeader?
  private var endPage = 0
  private var page = 0
  private var loaded = 0..<0
  /// Bit p: page p of what is loaded could not be read, and stands as zeros.
  private var unreadable: UInt16 = 0

  public init(memory: consuming Memory) {
    precondition(memory.count >= Self.memoryBytes, "memory is too small")
    self.memory = memory
  }

  /// The record that `next` found. Valid until the next call.
  public var record: Span<UInt8> {
    @_lifetime(borrow self)
    get { memory.span(recordRange) }
  }

  /// H of `record`, as the ring computed it at `append`.
  public var hash: Hash { Frame.hash(memory.span, at: frameOffset) }

  /// Goes to `sequence` of a class: `next` yields it, or the first kept one behind it.
  public mutating func seek(_ recordClass: RecordClass, _ sequence: UInt64) {
    if recordClass != self.recordClass { segment = -1 }
    self.recordClass = recordClass
    wanted = max(sequence, 1)
    framesLeft = 0
    rewind()
  }

  /// Goes to the next durable record; false if there is none yet.
  /// - Throws: `disk`; `corrupt` if durable records are missing: `missing` says which, and the next
  ///   call goes on behind them.
  /// - Complexity: O(1), and one read of up to a segment when the records in memory are used up;
  ///   O(log segments) at the first record of a segment.
  public mutating func next<P: Primitives, D: Disk & ~Copyable>(
    in ring: borrowing Ring<P>, _ disk: inout D
  ) throws(RingError) -> Bool {
    while true {
      wanted = max(wanted, ring.oldest(recordClass))
      guard wanted <= ring.durableThrough(recordClass) else { return false }
      if takeFrame() { return true }
      try openBlock(ring, &disk)
    }
  }

  private mutating func takeFrame() -> Bool {
    while framesLeft > 0 {
      guard let frame = Frame.decode(memory.span, at: offset, end: blockEnd) else {
        framesLeft = 0
        corruptBlocks += 1
        return false
      }
      frameOffset = offset
      offset += Layout.frameBytes(frame.record.count)
      framesLeft -= 1
      let sequence = blockFirst + UInt64(frame.relative)
      guard sequence >= wanted else { continue }
      self.sequence = sequence
      expires = frame.expires
      recordRange = frame.record
      wanted = sequence + 1
      return true
    }
    return false
  }

  /// Finds the block of `wanted` and makes it the one that is being read.
  private mutating func openBlock<P: Primitives, D: Disk & ~Copyable>(
    _ ring: borrowing Ring<P>, _ disk: inout D
  ) throws(RingError) {
    let index = recordClass.index
    let behind = ring.durableThrough(recordClass) + 1
    guard ring.table.count(index) > 0 else { throw lost(to: behind) }
    let position = ring.table.position(of: wanted, in: index)
    let current = ring.table.segment(index, position)
    // From `upper` on a later segment decides.
    var upper = behind
    if position + 1 < ring.table.count(index) {
      upper = min(behind, ring.table.first(ring.table.segment(index, position + 1)))
    }
    if current != segment || ring.table.opened(current) != opened {
      segment = current
      opened = ring.table.opened(current)
      loaded = 0..<0
      rewind()
    }
    let pages = ring.table.pages(current)
    while page < pages {
      if !loaded.contains(page) { try load(page..<pages, &disk) }
      let place = (page - loaded.lowerBound) * Limits.pageBytes
      guard
        let block = BlockHeader.decode(
          memory.span(place..<place + Layout.headerBytes),
          at: Layout.offset(segment: segment, page: page), of: ring.header.identity,
          checkedBy: P.self),
        block.recordClass == recordClass, block.commit >= opened, page + block.pages <= pages,
        block.follows(before, endingAt: endPage, in: page)
      else {
        if unreadable & 1 << UInt16(page) != 0 { corruptBlocks += 1 }
        page += 1
        continue
      }
      if page + block.pages > loaded.upperBound {
        try load(page..<pages, &disk)
        continue
      }
      page += block.pages
      endPage = page
      before = block
      if block.end <= wanted { continue }
      if block.first >= upper { break }
      blocks += 1
      guard
        block.covers(
          memory.span(place + Layout.headerBytes..<place + block.length), checkedBy: P.self)
      else {
        corruptBlocks += 1
        continue
      }
      offset = place + Layout.headerBytes
      blockEnd = place + block.length
      framesLeft = block.records
      blockFirst = block.first
      if block.first > wanted { throw lost(to: block.first) }
      return
    }
    segment = -1
    throw lost(to: max(upper, wanted + 1))
  }

  /// Steps over a hole up to `sequence`.
  private mutating func lost(to sequence: UInt64) -> RingError {
    missing = wanted..<sequence
    wanted = sequence
    return .corrupt
  }

  private mutating func rewind() {
    page = 0
    before = nil
  }

  private mutating func load<D: Disk & ~Copyable>(
    _ pages: Range<Int>, _ disk: inout D
  ) throws(RingError) {
    framesLeft = 0
    loaded = 0..<0
    unreadable = 0
    if try !read(pages, to: 0, &disk) {
      for page in pages {
        let place = page - pages.lowerBound
        if try read(page..<page + 1, to: place, &disk) { continue }
        unreadable |= 1 << UInt16(page)
        var target = memory.mutableSpan(Self.bytes(place..<place + 1))
        target.update(repeating: 0)
      }
    }
    loaded = pages
  }

  /// Reads pages of the segment to page `place` of the memory.
  /// - Returns: false if the media refuses.
  private mutating func read<D: Disk & ~Copyable>(
    _ pages: Range<Int>, to place: Int, _ disk: inout D
  ) throws(RingError) -> Bool {
    let offset = Layout.offset(segment: segment, page: pages.lowerBound)
    var target = memory.mutableSpan(Self.bytes(place..<place + pages.count))
    do throws(DiskError) {
      try disk.read(.ring, at: offset, into: &target)
      return true
    } catch {
      guard error == .inputOutput else { throw .disk(error) }
      return false
    }
  }

  private static func bytes(_ pages: Range<Int>) -> Range<Int> {
    pages.lowerBound * Limits.pageBytes..<pages.upperBound * Limits.pageBytes
  }
}
