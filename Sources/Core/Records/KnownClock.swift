// What a gate knew when it decided: causality without trusting wall clocks.
// Invariants: at most `Limits.clockEntriesMax` events beyond the height.

import Limits
public import Wire

/// An event of a device that is not in a block yet.
public struct KnownEvent: Sendable, Equatable {
  public var node: UInt64
  public var recordClass: RecordClass
  public var sequence: UInt64

  public init(node: UInt64, recordClass: RecordClass, sequence: UInt64) {
    self.node = node
    self.recordClass = recordClass
    self.sequence = sequence
  }
}

/// The ledger height that was applied, and events beyond it.
public struct KnownClock: Sendable, Equatable {
  public var height: UInt64
  private var events: InlineArray<16, KnownEvent>
  public private(set) var count = 0

  public init(height: UInt64 = 0) {
    self.height = height
    events = .init(repeating: KnownEvent(node: 0, recordClass: .telemetry, sequence: 0))
  }

  public static var capacity: Int { Limits.clockEntriesMax }

  public subscript(_ index: Int) -> KnownEvent {
    precondition(index >= 0 && index < count, "no such event")
    return events[index]
  }

  /// - Throws: `noSpace` if `capacity` events are there already.
  public mutating func append(_ event: KnownEvent) throws(WireError) {
    guard count < Self.capacity else { throw .noSpace }
    events[count] = event
    count += 1
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.height == b.height, a.count == b.count else { return false }
    for i in 0..<a.count where a.events[i] != b.events[i] { return false }
    return true
  }

  @_lifetime(writer: copy writer)
  func encode(into writer: inout CBORWriter) throws(WireError) {
    try writer.array(2)
    try writer.unsigned(height)
    try writer.array(count)
    for i in 0..<count {
      try writer.array(3)
      try writer.unsigned(events[i].node)
      try writer.unsigned(UInt64(events[i].recordClass.rawValue))
      try writer.unsigned(events[i].sequence)
    }
  }

  init(from reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 2)
    self.init(height: try reader.counter())
    for _ in 0..<(try reader.array(max: Self.capacity)) {
      try reader.array(exactly: 3)
      try append(
        KnownEvent(
          node: reader.node(), recordClass: reader.recordClass(), sequence: reader.ordinal()))
    }
  }
}
