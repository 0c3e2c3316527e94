// The tickets that a block touched, or a part of them.
// Invariants: what parses is well-formed to its last entry, so that going through the entries
// cannot fail.

import Limits
import Records
public import Wire

/// Which part of which height's settlements a leaf is.
public struct SettlementPart: Sendable, Equatable {
  public var height: UInt64
  /// Leaf `index` of `count` of this height.
  public var index: UInt64
  public var count: UInt64
  /// The last height below that had settlements, 0 if none.
  public var before: UInt64

  static let kind: UInt64 = 2

  public init(height: UInt64, index: UInt64, count: UInt64, before: UInt64) {
    self.height = height
    self.index = index
    self.count = count
    self.before = before
  }
}

public struct SettlementLeaf: ~Escapable {
  public let part: SettlementPart
  /// Tickets in it.
  public let count: Int
  private let settled: Span<UInt8>

  @_lifetime(copy bytes)
  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    var reader = CBORReader(bytes)
    try reader.array(exactly: 6)
    guard try reader.unsigned() == SettlementPart.kind else { throw .outOfRange }
    let part = SettlementPart(
      height: try reader.ordinal(), index: try reader.counter(), count: try reader.counter(),
      before: try reader.counter())
    guard part.index < part.count, part.before < part.height else { throw .outOfRange }
    let count = try reader.array(max: Limits.settlementEntriesMax)
    guard count > 0 else { throw .outOfRange }
    let start = reader.position
    for _ in 0..<count { _ = try Settled(from: &reader) }
    try reader.finish()
    self.part = part
    self.count = count
    settled = bytes.extracting(start..<bytes.count)
  }

  /// The tickets, in the leaf's order.
  public var entries: SettledEntries {
    @_lifetime(copy self)
    get { SettledEntries(settled) }
  }
}

/// One pass over a leaf's tickets.
public struct SettledEntries: ~Escapable {
  private var reader: CBORReader

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { reader = CBORReader(bytes) }

  /// The next ticket; nil after the last.
  public mutating func next() -> Settled? {
    guard !reader.isAtEnd else { return nil }
    do throws(WireError) {
      return try Settled(from: &reader)
    } catch {
      return nil
    }
  }
}

/// Makes a settlement leaf in the caller's bytes.
public struct SettlementLeafWriter: ~Copyable, ~Escapable {
  private var writer: CBORWriter
  private var left: Int

  /// - Parameter entries: tickets that will follow, 1 to `Limits.settlementEntriesMax`.
  /// - Throws: `outOfRange` for another number; `noSpace`.
  @_lifetime(copy bytes)
  public init(
    _ bytes: consuming MutableSpan<UInt8>, part: SettlementPart, entries: Int
  ) throws(WireError) {
    guard entries > 0, entries <= Limits.settlementEntriesMax else { throw .outOfRange }
    var writer = CBORWriter(bytes)
    try writer.array(6)
    try writer.unsigned(SettlementPart.kind)
    try writer.unsigned(part.height)
    try writer.unsigned(part.index)
    try writer.unsigned(part.count)
    try writer.unsigned(part.before)
    try writer.array(entries)
    self.writer = writer
    left = entries
  }

  /// - Throws: `outOfRange` after the last; `noSpace`.
  @_lifetime(self: copy self)
  public mutating func append(_ settled: Settled) throws(WireError) {
    guard left > 0 else { throw .outOfRange }
    try settled.encode(into: &writer)
    left -= 1
  }

  /// Bytes written.
  /// - Throws: `truncated` if entries are missing.
  public func finish() throws(WireError) -> Int {
    guard left == 0 else { throw .truncated }
    return writer.count
  }
}
