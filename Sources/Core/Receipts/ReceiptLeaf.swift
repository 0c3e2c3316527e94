// The receipt of one device: what of it is in the ledger.
// Invariants: one entry a class at most, highest class first.

import Limits
import Records
public import Wire

public struct ReceiptLeaf: Sendable, Equatable {
  /// Every record of `recordClass` up to `through` is in the ledger; `hash` is that one's id.
  public struct Entry: Sendable, Equatable {
    public var recordClass: RecordClass
    public var through: UInt64
    public var hash: Hash

    public init(recordClass: RecordClass, through: UInt64, hash: Hash) {
      self.recordClass = recordClass
      self.through = through
      self.hash = hash
    }
  }

  public let node: UInt64
  public let epoch: UInt64
  private var entries: InlineArray<4, Entry>
  public private(set) var count = 0

  static let kind: UInt64 = 1
  /// Array, kind, node, epoch, array; per class array, class, through, hash.
  public static let bytesMax = 1 + 1 + 9 + 9 + 1 + Limits.ringClasses * (1 + 1 + 9 + 34)

  public init(node: UInt64, epoch: UInt64) {
    self.node = node
    self.epoch = epoch
    entries = .init(repeating: Entry(recordClass: .telemetry, through: 0, hash: Hash()))
  }

  public subscript(_ index: Int) -> Entry {
    precondition(index >= 0 && index < count, "no such entry")
    return entries[index]
  }

  /// - Throws: `duplicateKey` unless its class is below all before it.
  public mutating func append(_ entry: Entry) throws(WireError) {
    guard count == 0 || entry.recordClass.rawValue < entries[count - 1].recordClass.rawValue else {
      throw .duplicateKey
    }
    entries[count] = entry
    count += 1
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.node == b.node, a.epoch == b.epoch, a.count == b.count else { return false }
    for i in 0..<a.count where a.entries[i] != b.entries[i] { return false }
    return true
  }

  /// Encodes to the beginning of `output`; returns the number of bytes, at most `bytesMax`.
  @_lifetime(output: copy output)
  public func encode(into output: inout MutableSpan<UInt8>) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try writer.array(4)
    try writer.unsigned(Self.kind)
    try writer.unsigned(node)
    try writer.unsigned(epoch)
    try writer.array(count)
    for i in 0..<count {
      try writer.array(3)
      try writer.unsigned(UInt64(entries[i].recordClass.rawValue))
      try writer.unsigned(entries[i].through)
      try writer.byteString(entries[i].hash.span)
    }
    return writer.count
  }

  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    var reader = CBORReader(bytes)
    try reader.array(exactly: 4)
    guard try reader.unsigned() == Self.kind else { throw .outOfRange }
    self.init(node: try reader.node(), epoch: try reader.unsigned())
    let classes = try reader.array(max: Limits.ringClasses)
    guard classes > 0 else { throw .outOfRange }
    for _ in 0..<classes {
      try reader.array(exactly: 3)
      try append(
        Entry(
          recordClass: reader.recordClass(), through: reader.ordinal(), hash: reader.fixed()))
    }
    try reader.finish()
  }
}
