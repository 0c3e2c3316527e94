// Looks through a whole ring file without changing anything, the tail included: `ring check` and
// `ring list`, on a stopped or a running agent's file.
// Invariants: it only reads. On a running agent's file a segment may be used again while it is being
// looked at; what is missing then is counted as moved, not as corrupt.

public import Wire
import Limits

/// What an inspection found in one class.
public struct ClassInspection: Equatable, Sendable {
  /// Records that are kept, and the lowest and highest sequence among them (0 if there is none).
  public var records: UInt64 = 0
  public var oldest: UInt64 = 0
  public var newest: UInt64 = 0
  public var bytes: UInt64 = 0
}

public struct RingInspection<P: Primitives>: ~Copyable {
  /// Bytes of memory that an inspection of a ring of `segments` needs.
  public static func memoryBytes(segments: Int) -> Int {
    Ring<P>.memoryBytes(segments: segments) + RingCursor.memoryBytes
  }

  /// The ring as the file shows it: header, watermarks, free segments.
  public private(set) var ring: Ring<P>
  private var cursor: RingCursor
  private var classes = InlineArray<4, ClassInspection>(repeating: ClassInspection())
  private var position = Limits.ringClasses

  /// Records that are missing although they were durable; holes; records that are not what their
  /// hash says; holes that a running agent made by using a segment again.
  public private(set) var missingRecords: UInt64 = 0
  public private(set) var holes: UInt64 = 0
  public private(set) var wrongHashes: UInt64 = 0
  public private(set) var movedHoles: UInt64 = 0

  /// - Parameter memory: at least `memoryBytes(segments:)`.
  public init(memory: consuming Memory, segments: Int) {
    var memory = memory
    cursor = RingCursor(memory: memory.takeLast(RingCursor.memoryBytes))
    ring = Ring<P>(memory: memory, segments: segments)
  }

  /// Reads what a start would read.
  /// - Throws: as `Ring.recover`.
  public mutating func open<D: Disk & ~Copyable>(
    _ disk: inout D
  ) throws(RingError) -> RecoveryReport {
    let report = try ring.examine(&disk)
    ring.readsTail = true
    position = Limits.ringClasses
    nextClass()
    return report
  }

  public var blocks: UInt64 { cursor.blocks }
  public var corruptBlocks: UInt64 { cursor.corruptBlocks }

  /// What was found in a class so far.
  public func found(_ recordClass: RecordClass) -> ClassInspection { classes[recordClass.index] }

  public var recordClass: RecordClass { cursor.recordClass }
  public var sequence: UInt64 { cursor.sequence }
  public var expires: Int64 { cursor.expires }
  public var hash: Hash { cursor.hash }
  public var record: Span<UInt8> {
    @_lifetime(borrow self)
    get { cursor.record }
  }

  /// Goes to the next record, highest class first; false at the end. Holes are counted and stepped
  /// over.
  /// - Throws: `disk`.
  public mutating func next<D: Disk & ~Copyable>(_ disk: inout D) throws(RingError) -> Bool {
    while position >= 0 {
      do throws(RingError) {
        if try cursor.next(in: ring, &disk) {
          count()
          return true
        }
        nextClass()
      } catch {
        guard error == .corrupt else { throw error }
        try judgeHole(&disk)
      }
    }
    return false
  }

  private mutating func nextClass() {
    position -= 1
    guard position >= 0 else { return }
    let recordClass = RecordClass(rawValue: UInt8(position))!
    cursor.seek(recordClass, ring.oldest(recordClass))
  }

  private mutating func count() {
    let index = cursor.recordClass.index
    if classes[index].records == 0 { classes[index].oldest = cursor.sequence }
    classes[index].records += 1
    classes[index].newest = cursor.sequence
    classes[index].bytes += UInt64(cursor.record.count)
    if P.hash(cursor.record) != cursor.hash { wrongHashes += 1 }
  }

  /// A hole in a segment that has another first block by now is the agent's doing.
  private mutating func judgeHole<D: Disk & ~Copyable>(_ disk: inout D) throws(RingError) {
    if try ring.wasReused(cursor.missing.lowerBound, cursor.recordClass, &disk) {
      movedHoles += 1
    } else {
      holes += 1
      // Numbers of a file that somebody forged may add up beyond what there is.
      let (sum, isOver) = missingRecords.addingReportingOverflow(
        cursor.missing.upperBound - cursor.missing.lowerBound)
      missingRecords = isOver ? .max : sum
    }
  }
}
