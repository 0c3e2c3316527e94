// Records into the batch that is filling, and receipts: memory only, nothing waits.

public import Wire
import Limits

extension Ring {
  /// Adds a record, which the caller has made with `nextSequence` and `chainHead`; returns its
  /// sequence. It is durable once `durableThrough` has reached that.
  /// - Parameters:
  ///   - bytes: 1 to `Limits.recordBytesMax` bytes.
  ///   - expires: Unix milliseconds; 0 for never.
  /// - Throws: `full` (kept classes), `reserved` (classes 1 and 0), `batchFull`, `badLength`,
  ///   `notReady`, `readOnly`.
  /// - Complexity: O(1), and one BLAKE2b of the record.
  public mutating func append(
    _ bytes: Span<UInt8>, recordClass: RecordClass, expires: Int64 = 0
  ) throws(RingError) -> UInt64 {
    guard state == .ready else { throw state == .readOnly ? .readOnly : .notReady }
    guard bytes.count > 0, bytes.count <= Limits.recordBytesMax else { throw .badLength }
    guard pendingRecords < Limits.commitRecordsMax else { throw .batchFull }
    let index = recordClass.index
    try admit(Layout.frameBytes(bytes.count), recordClass)

    let sequence = lanes[index].next
    if lanes[index].filling.records == 0 { lanes[index].filling.first = sequence }
    let hash = P.hash(bytes)
    let buffer = bufferOffset(batch: fillingBatch, index: index)
    let filling = lanes[index].filling
    var target = memory.mutableSpan(buffer..<buffer + Layout.blockBytesMax)
    let taken = Frame.encode(
      bytes, hash: hash, relative: UInt32(filling.records), expires: expires, into: &target,
      at: filling.length)
    lanes[index].filling.length += taken
    lanes[index].filling.records += 1
    lanes[index].next = sequence + 1
    lanes[index].head = hash
    counters.appended += 1
    return sequence
  }

  /// Free segments that a record of the class must leave.
  private func floor(_ recordClass: RecordClass) -> Int {
    recordClass.isKept ? Self.keptSegments : reservedSegments
  }

  /// Makes sure of the space for another frame (FORMAT.md, Reserve).
  private mutating func admit(_ bytes: Int, _ recordClass: RecordClass) throws(RingError) {
    let lane = lanes[recordClass.index]
    let room = Limits.pagesPerSegment - lane.openPage
    let takesSegment = Layout.pages(lane.filling.length + bytes) > room
    let hasTaken = lane.filling.records > 0 && Layout.pages(lane.filling.length) > room
    let more = takesSegment && !hasTaken ? 1 : 0
    guard freeSegments - promisedSegments - more >= floor(recordClass) else {
      if recordClass.isKept {
        counters.refusedFull += 1
        throw .full
      }
      counters.refusedReserved += 1
      throw .reserved
    }
    promisedSegments += more
  }

  // MARK: Receipts

  /// Notes that every record of the class up to `sequence` has been receipted. What was noted before,
  /// or is not durable yet, changes nothing. Durable with the next commit.
  /// - Complexity: O(1)
  public mutating func acknowledge(_ recordClass: RecordClass, through sequence: UInt64) {
    let index = recordClass.index
    lanes[index].acked = max(
      lanes[index].acked, min(sequence, lanes[index].durable.next - 1))
  }

  /// Notes that the used-set's checkpoint covers every admission up to `sequence`, durably. Those
  /// above are kept, receipted or not, so that they can be replayed. 0 at the start.
  public mutating func setReplayFloor(_ sequence: UInt64) {
    replayFloor = max(replayFloor, sequence)
  }

  /// Whether receipts or the replay floor would release more than is durably released, or receipts
  /// came that no commit carries.
  public var hasUnsavedReceipts: Bool {
    for index in 0..<Limits.ringClasses {
      let lane = lanes[index]
      if lane.acked != lane.durable.acked || releasable(index) != lane.durable.released {
        return true
      }
    }
    return false
  }

  /// What a commit may release of class `index` now.
  func releasable(_ index: Int) -> UInt64 {
    let lane = lanes[index]
    let wanted =
      index == RecordClass.admissions.index ? min(lane.acked, replayFloor) : lane.acked
    return max(lane.durable.released, wanted)
  }
}
