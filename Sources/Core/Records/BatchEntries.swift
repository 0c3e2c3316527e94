// One pass over the records of a batch, without copying them.
// Invariants: total on any bytes; classes strictly descend, no run is empty or longer than
// `Limits.batchRecordsMax`, and nothing follows the last run.

import Limits
public import Wire

/// Where a record stands in its batch.
public struct BatchEntry: Sendable, Equatable {
  public var recordClass: RecordClass
  public var sequence: UInt64
  /// Of the batch's bytes.
  public var range: Range<Int>
}

public struct BatchEntries: ~Escapable {
  private var reader: CBORReader
  private let offset: Int
  private var runsLeft = -1
  private var recordsLeft = 0
  private var recordClass: RecordClass?
  private var sequence: UInt64 = 0

  /// - Parameter runs: where the array of runs stands in `bytes`.
  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, _ runs: Range<Int>) {
    reader = CBORReader(bytes.extracting(runs))
    offset = runs.lowerBound
  }

  /// The next record; nil after the last. (A verified batch has no error in it.)
  public mutating func next() -> BatchEntry? {
    do throws(BatchError) {
      return try advance()
    } catch {
      return nil
    }
  }

  mutating func advance() throws(BatchError) -> BatchEntry? {
    do throws(WireError) {
      return try read()
    } catch {
      throw .malformed
    }
  }

  private mutating func read() throws(WireError) -> BatchEntry? {
    if runsLeft < 0 { runsLeft = try reader.array(max: Limits.ringClasses) }
    if recordsLeft == 0 {
      guard runsLeft > 0 else {
        try reader.finish()
        return nil
      }
      try startRun()
    }
    let record = try reader.byteString()
    let end = offset + reader.position
    let entry = BatchEntry(
      recordClass: recordClass ?? .telemetry, sequence: sequence, range: end - record.count..<end)
    recordsLeft -= 1
    sequence += 1
    return entry
  }

  private mutating func startRun() throws(WireError) {
    try reader.array(exactly: 3)
    let next = try reader.recordClass()
    if let before = recordClass, next.rawValue >= before.rawValue { throw .outOfRange }
    recordClass = next
    sequence = try reader.ordinal()
    recordsLeft = try reader.array(max: Limits.batchRecordsMax)
    guard recordsLeft > 0 else { throw .outOfRange }
    runsLeft -= 1
  }
}
