// The keys of one map, or of several that must not share any: finds a key that stands twice, in
// whatever order keys come, without a heap.
// Invariants: a key is an integer or a text; both have their shortest form (the reader sees to
// that), so two keys are the same exactly if their bytes are.

public struct MapKeys: ~Copyable {
  /// Keys that one instance can hold.
  public static let capacity = 32

  private var starts = InlineArray<32, UInt32>(repeating: 0)
  private var ends = InlineArray<32, UInt32>(repeating: 0)
  private var count = 0

  public init() {}

  /// Takes the key at the reader's position; returns it if it is an integer in the range of Int64,
  /// nil if it is another integer or a text.
  /// - Parameter reader: of the same bytes at every call, from their beginning.
  /// - Throws: `duplicateKey`; `unexpectedType` for a key of another type; `outOfRange` for more
  ///   keys than `capacity`; what the reader throws.
  public mutating func take(_ reader: inout CBORReader) throws(WireError) -> Int64? {
    let start = reader.position
    let label = try Self.label(&reader)
    let end = reader.position
    let key = reader.bytes.extracting(start..<end)
    for i in 0..<count where equal(key, reader.bytes.extracting(Int(starts[i])..<Int(ends[i]))) {
      throw .duplicateKey
    }
    guard count < Self.capacity, end <= UInt32.max else { throw .outOfRange }
    starts[count] = UInt32(start)
    ends[count] = UInt32(end)
    count += 1
    return label
  }

  private static func label(_ reader: inout CBORReader) throws(WireError) -> Int64? {
    guard try reader.peekMajor() <= 1 else {
      _ = try reader.text()
      return nil
    }
    let head = try reader.head()
    guard head.argument <= UInt64(Int64.max) else { return nil }
    return head.major == 0 ? Int64(head.argument) : -1 - Int64(head.argument)
  }
}
