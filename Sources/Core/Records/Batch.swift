// A signed batch of records, as it is read (FORMAT.md, "Batch").
// Invariants: nothing of a Batch but `claimed`, which finds the key, can be reached before the
// signature holds; a VerifiedBatch is well-formed down to the last record: at most 4 runs, classes
// descending, at most 256 records, each of its class and numbered without a hole.

import Limits
public import Wire

/// What is wrong with a batch, or with what is to be put in one.
public enum BatchError: Error, Equatable, Sendable {
  /// The bytes are not a batch in its one encoding, or too many.
  case malformed
  case badAlgorithm
  /// The key id is not the node number that the batch claims.
  case wrongKeyID
  case badSignature
  /// A record is malformed, or not of its run's class, or not the next of its run.
  case badRecord
  /// Writing: the batch has no room for this record. Finish it and begin another.
  case full
  /// Writing: the record does not continue its run, or its class does not follow. As `full`.
  case notNext
}

/// Who speaks, and where it is.
public struct BatchHeader: Sendable, Equatable {
  public var node: UInt64
  public var epoch: UInt64
  public var boot: UInt32
  /// Ledger height whose settlements the device holds durably.
  public var height: UInt64
  /// Version of its trust document.
  public var trust: UInt64
  /// Shards of the document's manifest that the device lacks.
  public var want: ShardWant?

  static let version: UInt64 = 1

  public init(node: UInt64, epoch: UInt64, boot: UInt32, height: UInt64, trust: UInt64) {
    self.node = node
    self.epoch = epoch
    self.boot = boot
    self.height = height
    self.trust = trust
  }

  /// The node number, big-endian: the key id of its batches.
  public var keyID: Bytes<8> {
    var id = Bytes<8>()
    for i in 0..<8 { id.storage[i] = UInt8(truncatingIfNeeded: node >> UInt64(56 - 8 * i)) }
    return id
  }
}

/// A batch whose signature nobody has checked.
public struct Batch: ~Escapable {
  public let bytes: Span<UInt8>
  /// What the batch says of itself. Only to find the key, until `verify`.
  public let claimed: BatchHeader
  private let parts: Sign1
  private let runs: Int

  static let external: StaticString = "tollkeeper/batch/1"

  /// Reads the envelope and the header.
  @_lifetime(copy bytes)
  public init(parsing bytes: Span<UInt8>) throws(BatchError) {
    guard bytes.count <= Limits.batchBytesMax else { throw .malformed }
    let parts: Sign1
    do throws(COSEError) {
      parts = try Sign1(parsing: bytes)
    } catch {
      throw error == .badAlgorithm ? .badAlgorithm : .malformed
    }
    guard parts.isDeterministic(bytes), let keyID = parts.keyID, keyID.count == 8 else {
      throw .malformed
    }
    var reader = CBORReader(bytes.extracting(parts.payload))
    let header: BatchHeader
    do throws(WireError) {
      header = try BatchHeader(from: &reader)
    } catch {
      throw .malformed
    }
    guard equal(bytes.extracting(keyID), header.keyID.span) else { throw .wrongKeyID }
    self.bytes = bytes
    self.parts = parts
    claimed = header
    runs = parts.payload.lowerBound + reader.position
  }

  /// Checks the signature, then every record.
  /// - Parameter scratch: as many bytes as the batch has, and 128 more.
  /// - Complexity: one signature check, and one pass over the bytes.
  @_lifetime(copy self)
  @_lifetime(scratch: copy scratch)
  public func verify<P: Primitives>(
    by key: PublicKey, with primitives: P.Type, scratch: inout MutableSpan<UInt8>
  ) throws(BatchError) -> VerifiedBatch {
    guard
      parts.verify(bytes, external: Self.external, by: key, with: primitives, scratch: &scratch)
    else { throw .badSignature }
    var entries = BatchEntries(bytes, runs..<parts.payload.upperBound)
    var count = 0
    while let entry = try entries.advance() {
      count += 1
      guard count <= Limits.batchRecordsMax else { throw .malformed }
      do throws(WireError) {
        let record = try Record(parsing: bytes.extracting(entry.range))
        guard record.sequence == entry.sequence, record.recordClass == entry.recordClass else {
          throw .outOfRange
        }
      } catch {
        throw .badRecord
      }
    }
    return VerifiedBatch(
      bytes, header: claimed, runs: runs..<parts.payload.upperBound, count: count)
  }
}

/// A batch that its device signed.
public struct VerifiedBatch: ~Escapable {
  public let bytes: Span<UInt8>
  public let header: BatchHeader
  /// Records in all runs.
  public let count: Int
  private let runs: Range<Int>

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, header: BatchHeader, runs: Range<Int>, count: Int) {
    self.bytes = bytes
    self.header = header
    self.runs = runs
    self.count = count
  }

  /// The records in order, highest class first.
  public var entries: BatchEntries {
    @_lifetime(copy self)
    get { BatchEntries(bytes, runs) }
  }

  @_lifetime(copy self)
  public func record(_ entry: BatchEntry) -> Span<UInt8> { bytes.extracting(entry.range) }
}

extension BatchHeader {
  @_lifetime(writer: copy writer)
  func encode(into writer: inout CBORWriter) throws(WireError) {
    try writer.array(want == nil ? 7 : 8)
    try writer.unsigned(Self.version)
    try writer.unsigned(node)
    try writer.unsigned(epoch)
    try writer.unsigned(UInt64(boot))
    try writer.unsigned(height)
    try writer.unsigned(trust)
    try want?.encode(into: &writer)
  }

  /// Reads what stands before the runs.
  init(from reader: inout CBORReader) throws(WireError) {
    let fields = try reader.array(max: 8)
    guard fields >= 7 else { throw .outOfRange }
    guard try reader.unsigned() == Self.version else { throw .outOfRange }
    node = try reader.node()
    epoch = try reader.unsigned()
    boot = try reader.uint32()
    height = try reader.counter()
    trust = try reader.unsigned()
    if fields == 8 { want = try ShardWant(from: &reader) }
  }
}
