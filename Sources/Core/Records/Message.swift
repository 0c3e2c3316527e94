// The payload of every bundle: what it is, and its bytes (FORMAT.md, "Messages").

public import Wire

public struct Message: Equatable {
  public enum Kind: UInt8, Sendable {
    case batch = 1
    case receipt = 2
    case settlement = 3
    case trust = 4
    case shard = 5
    case increment = 6
  }

  public var kind: Kind
  /// The body's place in the bytes that were parsed.
  public var body: Range<Int>

  /// Bytes before the body, at most: array, kind, and the head of 64 KiB.
  public static let headBytesMax = 7

  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    var reader = CBORReader(bytes)
    try reader.array(exactly: 2)
    guard let kind = Kind(rawValue: UInt8(try reader.unsigned(max: 6))) else { throw .outOfRange }
    self.kind = kind
    let count = try reader.byteString().count
    body = reader.position - count..<reader.position
    try reader.finish()
  }

  /// Encodes to the beginning of `output`; returns the number of bytes.
  @_lifetime(output: copy output)
  public static func encode(
    _ kind: Kind, _ body: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try head(kind, count: body.count, into: &writer)
    try writer.raw(body)
    return writer.count
  }

  /// Writes the head right before the body that stands at `body`; returns the message's place.
  /// - Throws: `noSpace` if fewer bytes than the head needs are in front of the body.
  @_lifetime(bytes: copy bytes)
  public static func wrap(
    _ kind: Kind, body: Range<Int>, in bytes: inout MutableSpan<UInt8>
  ) throws(WireError) -> Range<Int> {
    var head = InlineArray<16, UInt8>(repeating: 0)
    var target = head.mutableSpan
    var writer = CBORWriter(target.whole())
    try Self.head(kind, count: body.count, into: &writer)
    guard writer.count <= body.lowerBound else { throw .noSpace }
    let start = body.lowerBound - writer.count
    copy(writer.written(), to: &bytes, at: start)
    return start..<body.upperBound
  }

  @_lifetime(writer: copy writer)
  private static func head(
    _ kind: Kind, count: Int, into writer: inout CBORWriter
  ) throws(WireError) {
    try writer.array(2)
    try writer.unsigned(UInt64(kind.rawValue))
    try writer.head(2, UInt64(count))
  }
}
