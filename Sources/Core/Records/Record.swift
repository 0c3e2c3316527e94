// A record of any kind (FORMAT.md, "Records").
// Invariants: parsing is total, and takes only the one encoding of a value.

import Limits
public import Wire

public enum Record: Sendable, Equatable {
  case scan(ScanRecord)
  case gap(GapRecord)

  /// - Throws: `outOfRange` for a kind that there is not, a field beyond its range, or more than
  ///   `Limits.recordBytesMax` bytes; what else the reader finds.
  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    guard bytes.count <= Limits.recordBytesMax else { throw .outOfRange }
    var reader = CBORReader(bytes)
    let fields = try reader.array(max: ScanRecord.itemsWithPassage)
    switch (try reader.unsigned(), fields) {
    case (ScanRecord.kind, ScanRecord.items):
      self = .scan(try ScanRecord(from: &reader, hasPassage: false))
    case (ScanRecord.kind, ScanRecord.itemsWithPassage):
      self = .scan(try ScanRecord(from: &reader, hasPassage: true))
    case (GapRecord.kind, 12): self = .gap(try GapRecord(from: &reader))
    default: throw .outOfRange
    }
    try reader.finish()
  }

  public var sequence: UInt64 {
    switch self {
    case .scan(let scan): scan.sequence
    case .gap(let gap): gap.sequence
    }
  }

  public var previous: Hash {
    switch self {
    case .scan(let scan): scan.previous
    case .gap(let gap): gap.previous
    }
  }

  public var instant: Instant {
    switch self {
    case .scan(let scan): scan.instant
    case .gap(let gap): gap.instant
    }
  }

  /// The class that a record of this content belongs to.
  public var recordClass: RecordClass {
    switch self {
    case .scan(let scan): scan.recordClass
    case .gap: .control
    }
  }
}
