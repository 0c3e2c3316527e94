// How often each device has consumed a ticket, from the beginning of the ledger.
// Invariants: at most 16 devices, sorted by node, each once.

import Records
public import Wire

public struct Settled: Sendable, Equatable {
  public struct Use: Sendable, Equatable {
    public var node: UInt64
    public var uses: UInt64

    public init(node: UInt64, uses: UInt64) {
      self.node = node
      self.uses = uses
    }
  }

  public let identity: TicketIdentity
  private var entries: InlineArray<16, Use>
  public private(set) var count = 0

  public static let capacity = 16
  /// Array, identity, array; per device array, node, uses.
  public static let bytesMax = 1 + 17 + 1 + capacity * (1 + 9 + 9)

  public init(identity: TicketIdentity) {
    self.identity = identity
    entries = .init(repeating: Use(node: 0, uses: 0))
  }

  public subscript(_ index: Int) -> Use {
    precondition(index >= 0 && index < count, "no such device")
    return entries[index]
  }

  /// - Throws: `duplicateKey` unless its node is above all before it; `noSpace` after `capacity`.
  public mutating func append(_ use: Use) throws(WireError) {
    guard count < Self.capacity else { throw .noSpace }
    guard count == 0 || use.node > entries[count - 1].node else { throw .duplicateKey }
    entries[count] = use
    count += 1
  }

  /// Uses at all devices but `node`; the largest number there is if the sum is beyond it.
  public func usesElsewhere(than node: UInt64) -> UInt64 {
    var sum: UInt64 = 0
    for i in 0..<count where entries[i].node != node {
      let (next, isOver) = sum.addingReportingOverflow(entries[i].uses)
      sum = isOver ? .max : next
    }
    return sum
  }

  /// Uses at `node`.
  public func uses(at node: UInt64) -> UInt64 {
    for i in 0..<count where entries[i].node == node { return entries[i].uses }
    return 0
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.identity == b.identity, a.count == b.count else { return false }
    for i in 0..<a.count where a.entries[i] != b.entries[i] { return false }
    return true
  }

  @_lifetime(writer: copy writer)
  func encode(into writer: inout CBORWriter) throws(WireError) {
    try writer.array(2)
    try writer.byteString(identity.span)
    try writer.array(count)
    for i in 0..<count {
      try writer.array(2)
      try writer.unsigned(entries[i].node)
      try writer.unsigned(entries[i].uses)
    }
  }

  init(from reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 2)
    self.init(identity: try reader.fixed())
    let devices = try reader.array(max: Self.capacity)
    guard devices > 0 else { throw .outOfRange }
    for _ in 0..<devices {
      try reader.array(exactly: 2)
      try append(Use(node: reader.node(), uses: reader.unsigned()))
    }
  }
}
