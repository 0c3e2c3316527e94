// What a device asks for of the list of revoked and blocked tickets (FORMAT.md, "Batch").
// Invariants: 1 to 16 shards, ascending by index, each once.

import Limits
public import Wire

public struct ShardWant: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public var index: UInt16
    /// Hash of the older shard that the device holds.
    public var held: Bytes<16>?

    public init(index: UInt16, held: Bytes<16>?) {
      self.index = index
      self.held = held
    }
  }

  public let bits: UInt8
  private var entries = InlineArray<16, Entry>(repeating: Entry(index: 0, held: nil))
  public private(set) var count = 0

  /// Most bytes that one is encoded in: two heads, and for each shard array, index and hash.
  static let bytesMax = 3 + Limits.revokedRoundShards * (1 + 3 + 17)

  /// - Parameter bits: of the manifest, 1 to 10.
  public init(bits: Int) { self.bits = UInt8(bits) }

  public var isFull: Bool { count == Limits.revokedRoundShards }

  public subscript(_ place: Int) -> Entry {
    precondition(place < count, "no such shard")
    return entries[place]
  }

  /// - Precondition: not full; `index` is above those before it.
  public mutating func append(_ index: Int, held: Bytes<16>?) {
    entries[count] = Entry(index: UInt16(index), held: held)
    count += 1
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.bits == b.bits, a.count == b.count else { return false }
    for i in 0..<a.count where a.entries[i] != b.entries[i] { return false }
    return true
  }

  @_lifetime(writer: copy writer)
  func encode(into writer: inout CBORWriter) throws(WireError) {
    try writer.array(2)
    try writer.unsigned(UInt64(bits))
    try writer.array(count)
    for i in 0..<count {
      try writer.array(2)
      try writer.unsigned(UInt64(entries[i].index))
      if let held = entries[i].held { try writer.byteString(held.span) } else { try writer.null() }
    }
  }

  init(from reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 2)
    let bits = try reader.unsigned(max: UInt64(Limits.manifestBitsMax))
    let count = try reader.array(max: Limits.revokedRoundShards)
    guard bits > 0, count > 0 else { throw .outOfRange }
    self.bits = UInt8(bits)
    var next: UInt64 = 0
    for _ in 0..<count {
      try reader.array(exactly: 2)
      let index = try reader.unsigned(max: (1 << bits) - 1)
      guard index >= next else { throw .outOfRange }
      next = index + 1
      if try reader.null() {
        append(Int(index), held: nil)
      } else {
        append(Int(index), held: try reader.fixed())
      }
    }
  }
}
