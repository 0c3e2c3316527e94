// The ring: an endless log of records in a file of fixed size, in four classes, that loses nothing
// which it has called durable until that has been released. Format and rules: FORMAT.md.
// Invariants:
//  - a record is durable when the flush behind its block has succeeded, and no earlier;
//  - one commit is on the way at a time, from the buffers of one batch, while the other batch fills;
//  - a page that holds acknowledged data is not written again before its segment is free;
//  - a segment is free when what it holds was released by a watermark that is durable, and is used
//    again in a later commit than the one that carried the watermark.

import Limits
public import Wire

/// What a ring can do at the moment.
public enum RingState: Equatable, Sendable {
  /// Nothing is known of the file yet.
  case closed
  /// Created or recovered, and not yet durable: wait for `flushed`.
  case starting
  case ready
  /// Two flushes in a row failed. What is durable can still be read.
  case readOnly
}

/// Counts since the start.
public struct RingCounters: Equatable, Sendable {
  public var appended: UInt64 = 0
  public var commits: UInt64 = 0
  /// Appends refused with `full`, with `reserved`.
  public var refusedFull: UInt64 = 0
  public var refusedReserved: UInt64 = 0
  public var flushFailures: UInt64 = 0
  public var abandonedSegments: UInt64 = 0
  /// Found at the start.
  public var corruptBlocks: UInt64 = 0
  /// Reads that the media refused at the start.
  public var failedReads: UInt64 = 0
}

/// Records of one class on their way into a block.
struct Batch {
  var first: UInt64 = 0
  var records = 0
  /// Bytes of the block so far, with its header.
  var length = Layout.headerBytes
}

/// One class, in memory.
struct Lane {
  /// Sequence that the next record gets, and H of the last one, durable or not.
  var next: UInt64 = 1
  var head = Hash()
  var acked: UInt64 = 0
  /// What is durable.
  var durable = ClassState()
  /// What the commit on the way says of the class.
  var sent = ClassState()
  /// Checksum of the class's newest durable block.
  var previous: UInt32 = 0
  /// Page of the newest segment where the next block goes; `pagesPerSegment` if none is open.
  var openPage = Limits.pagesPerSegment
  var filling = Batch()
  /// The batch on the way, its last hash, and its place.
  var flight = Batch()
  var flightHead = Hash()
  var flightSegment = 0
  var flightPage = 0
  var flightChecksum: UInt32 = 0

  var isOpen: Bool { openPage < Limits.pagesPerSegment }
}

public struct Ring<P: Primitives>: ~Copyable {
  /// Segments that only a second attempt, the commit behind it and receipts may use.
  public static var keptSegments: Int { 9 }

  /// Bytes of memory that a ring of `segments` needs.
  public static func memoryBytes(segments: Int) -> Int {
    2 * Limits.ringClasses * Layout.blockBytesMax + SegmentTable.memoryBytes(segments: segments)
  }

  /// Bytes of the file of a ring of `segments`.
  public static func fileBytes(segments: Int) -> Int64 {
    Layout.offset(segment: segments, page: 0)
  }

  /// Two batches of a block buffer for each class.
  var memory: Memory
  var table: SegmentTable
  var lanes = InlineArray<4, Lane>(repeating: Lane())

  /// Whose the ring is; known when it is created or recovered.
  public internal(set) var header: FileHeader
  /// Number of this start: higher than that of every block in the file.
  public internal(set) var boot: UInt32 = 0
  public internal(set) var state = RingState.closed
  public internal(set) var counters = RingCounters()
  /// Highest commit that is durable.
  public internal(set) var durableCommit: UInt64 = 0

  var nonce: UInt64 = 0
  /// Highest commit number that was given.
  var lastCommit: UInt64 = 0
  /// Which of the two batches is filling; the other one is on the way.
  var fillingBatch = 1
  var touched: UInt8 = 0
  /// A flush is on the way.
  public internal(set) var isCommitting = false
  /// The flush on the way is the one before recovery's commit.
  var isSettling = false
  /// The commit on the way has failed once.
  var isSecondAttempt = false
  /// New segments that the filling batch will take.
  var promisedSegments = 0
  var replayFloor: UInt64 = 0
  /// Nothing is promised of what an inspection reads, so it reads the tail as well.
  var readsTail = false

  /// - Parameters:
  ///   - memory: at least `memoryBytes(segments:)`.
  ///   - segments: `Limits.segmentsMin` to `Limits.segmentsMax`, as in the file.
  public init(memory: consuming Memory, segments: Int) {
    precondition(
      segments >= Limits.segmentsMin && segments <= Limits.segmentsMax, "segments out of range")
    var memory = memory
    let table = memory.takeLast(SegmentTable.memoryBytes(segments: segments))
    precondition(
      memory.count >= 2 * Limits.ringClasses * Layout.blockBytesMax, "memory is too small")
    self.memory = memory
    self.table = SegmentTable(memory: table, segments: segments)
    header = FileHeader(identity: .init(), node: 0, epoch: 0, segments: segments)
  }

  // MARK: What is known

  public var segments: Int { table.segments }
  public var freeSegments: Int { table.count(SegmentTable.free) }

  /// Free segments below which classes 1 and 0 are refused (FORMAT.md, Reserve).
  public var reservedSegments: Int { Self.keptSegments + max(2, segments / 8) }

  /// Sequence that the next record of the class gets.
  public func nextSequence(_ recordClass: RecordClass) -> UInt64 { lanes[recordClass.index].next }

  /// H of the last record of the class, durable or not; zero before the first.
  public func chainHead(_ recordClass: RecordClass) -> Hash { lanes[recordClass.index].head }

  /// The highest sequence of the class that is durable; 0 if there is none.
  public func durableThrough(_ recordClass: RecordClass) -> UInt64 {
    let lane = lanes[recordClass.index]
    return (readsTail ? lane.next : lane.durable.next) - 1
  }

  /// The lowest sequence of the class that is kept, if it is not beyond `durableThrough`.
  public func oldest(_ recordClass: RecordClass) -> UInt64 {
    lanes[recordClass.index].durable.released + 1
  }

  public func acknowledgedThrough(_ recordClass: RecordClass) -> UInt64 {
    lanes[recordClass.index].acked
  }

  /// Up to here the class's records may be gone.
  public func releasedThrough(_ recordClass: RecordClass) -> UInt64 {
    lanes[recordClass.index].durable.released
  }

  /// Records that wait for a commit.
  public var pendingRecords: Int {
    var count = 0
    for index in 0..<Limits.ringClasses { count += lanes[index].filling.records }
    return count
  }

  /// Records of the class that wait for a commit.
  public func pending(_ recordClass: RecordClass) -> Int {
    lanes[recordClass.index].filling.records
  }

  // MARK: Creation

  /// Makes a new ring in a file that is full of zeros. `ready` after `flushed`.
  /// - Parameters:
  ///   - identity: random, never used before.
  ///   - nonce: random.
  public mutating func create(
    identity: Bytes<16>, node: UInt64, epoch: UInt64, nonce: UInt64,
    into actions: inout DiskActions
  ) {
    precondition(state == .closed, "the ring is in use")
    header = FileHeader(identity: identity, node: node, epoch: epoch, segments: segments)
    boot = 1
    self.nonce = nonce
    table.clear()
    for segment in 0..<segments {
      table.set(segment, first: 0, opened: 0, last: 0, pages: 0)
      table.append(segment, to: SegmentTable.free)
    }
    state = .starting
    touched = 1 << RecordClass.control.rawValue
    lanes[RecordClass.control.index].flight = Batch(first: 1)
    start(into: &actions)
  }

  /// Both copies of the file header: with the first commit, and with every later one until a commit
  /// is known durable. (A failed flush may leave them in the kernel's cache and not on the media.)
  mutating func writeFileHeader(into actions: inout DiskActions) {
    // Until then no class but 3 has had records: the first buffer of the batch is free.
    let buffer = bufferOffset(batch: 1 - fillingBatch, index: 0)
    let page = buffer..<buffer + Limits.pageBytes
    let header = self.header
    var target = memory.mutableSpan(page)
    target.update(repeating: 0)
    header.encode(into: &target, checkedBy: P.self)
    for copy in 0..<Layout.fileHeaderCopies.count {
      let offset = Layout.fileHeaderCopies[copy]
      actions.append(.write(DiskWrite(file: .ring, offset: offset, extent: memory.extent(page))))
    }
  }

  func bufferOffset(batch: Int, index: Int) -> Int {
    (batch * Limits.ringClasses + index) * Layout.blockBytesMax
  }
}
