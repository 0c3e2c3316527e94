// The record of a range that is missing (FORMAT.md, "Records"): what was evicted or expired before a
// validator had it, and the hashes at both ends of it.
// Invariants: as ScanRecord; the range is not empty.

public import Wire

public struct GapRecord: Sendable, Equatable {
  public enum Cause: UInt8, Sendable {
    case evicted = 1
    case expired = 2
  }

  /// Of the gap record itself, in class `control`.
  public var sequence: UInt64
  public var previous: Hash
  public var instant: Instant
  /// What is missing: `first` to `last` of this class.
  public var missingClass: RecordClass
  public var first: UInt64
  public var last: UInt64
  /// Hash of the record before the range, and of its last one.
  public var before: Hash
  public var end: Hash
  public var cause: Cause

  static let kind: UInt64 = 2

  public init(
    sequence: UInt64, previous: Hash, instant: Instant, missingClass: RecordClass, first: UInt64,
    last: UInt64, before: Hash, end: Hash, cause: Cause
  ) {
    self.sequence = sequence
    self.previous = previous
    self.instant = instant
    self.missingClass = missingClass
    self.first = first
    self.last = last
    self.before = before
    self.end = end
    self.cause = cause
  }

  /// Encodes to the beginning of `output`; returns the number of bytes, at most
  /// `Limits.recordBytesMax`.
  @_lifetime(output: copy output)
  public func encode(into output: inout MutableSpan<UInt8>) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try writer.array(12)
    try writer.unsigned(Self.kind)
    try writer.unsigned(sequence)
    try writer.byteString(previous.span)
    try instant.encode(into: &writer)
    try writer.unsigned(UInt64(missingClass.rawValue))
    try writer.unsigned(first)
    try writer.unsigned(last)
    try writer.byteString(before.span)
    try writer.byteString(end.span)
    try writer.unsigned(UInt64(cause.rawValue))
    return writer.count
  }

  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    guard case .gap(let gap) = try Record(parsing: bytes) else { throw .unexpectedType }
    self = gap
  }

  /// Reads what follows the kind.
  init(from reader: inout CBORReader) throws(WireError) {
    sequence = try reader.ordinal()
    previous = try reader.fixed()
    instant = try Instant(from: &reader)
    missingClass = try reader.recordClass()
    first = try reader.ordinal()
    last = try reader.ordinal()
    guard first <= last else { throw .outOfRange }
    before = try reader.fixed()
    end = try reader.fixed()
    guard let cause = Cause(rawValue: UInt8(try reader.unsigned(max: 2))) else { throw .outOfRange }
    self.cause = cause
  }
}
