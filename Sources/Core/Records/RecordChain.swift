// The end of a chain of records: of one device, epoch and class.
// Invariants: `previous` is the id of record `next` - 1, zero if there is none.

public import Wire

/// Why a record does not continue a chain.
public enum ChainError: Error, Equatable, Sendable {
  /// Its sequence is below the next: a replay, or a fork.
  case old
  /// Records between the chain's end and this one are missing.
  case hole
  /// It names another record as its predecessor: a clone, or a rollback.
  case fork
}

public struct RecordChain: Sendable, Equatable {
  /// Sequence of the next record, from 1.
  public private(set) var next: UInt64
  /// What the next record names as its predecessor.
  public private(set) var previous: Hash

  /// A chain without a record.
  public init() {
    next = 1
    previous = Hash()
  }

  /// A chain whose last record is `last`, with this id.
  /// - Precondition: `last` < 2^63.
  public init(last: UInt64, id: Hash) {
    next = last + 1
    previous = id
  }

  /// Sequence of the last record, 0 if there is none.
  public var last: UInt64 { next - 1 }

  /// Takes a record that the caller numbered and chained by this value.
  public mutating func advance<P: Primitives>(over bytes: Span<UInt8>, with primitives: P.Type) {
    previous = P.hash(bytes)
    next += 1
  }

  /// Takes the record that `bytes` are, if it is the next.
  public mutating func append<P: Primitives>(
    _ record: Record, bytes: Span<UInt8>, with primitives: P.Type
  ) throws(ChainError) {
    guard record.sequence >= next else { throw .old }
    guard record.sequence == next else { throw .hole }
    guard record.previous == previous else { throw .fork }
    advance(over: bytes, with: primitives)
  }
}
