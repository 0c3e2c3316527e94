// The framing of the block log (FORMAT.md, "File" and "Frame").
// Invariants: a frame is valid at one offset only; parsing is total on any bytes.

public import Wire

/// Reads the bytes of a block log.
public protocol LogSource: ~Copyable {
  /// Length of the file in bytes.
  var count: Int64 { get }
  /// Appends exactly `count` bytes from `offset` to `target`.
  /// - Throws: `unreadable`.
  mutating func read(
    at offset: Int64, count: Int, into target: inout [UInt8]
  ) throws(LedgerError)
}

public enum LogFormat {
  public static let headerBytes = 16
  public static let frameHeadBytes = 12
  public static let bodyBytesMax = 8 << 20

  private static let fileMagic: StaticString = "TKLEDGER"
  private static let frameMagic: StaticString = "TKB1"
  private static let version: UInt32 = 1

  /// The first bytes of every log.
  public static func header<P: Primitives>(with primitives: P.Type) -> [UInt8] {
    var bytes = Array(TextBytes(fileMagic)) + [UInt8](repeating: 0, count: 8)
    var target = bytes.mutableSpan
    target.put(version, at: 8)
    target.put(P.crc32c(target.span.extracting(0..<12)), at: 12)
    return bytes
  }

  static func checkHeader<P: Primitives>(
    _ bytes: Span<UInt8>, with primitives: P.Type
  ) throws(LedgerError) {
    guard bytes.count == headerBytes, equal(bytes.extracting(0..<8), fileMagic),
      bytes.uint32(at: 8) == version,
      bytes.uint32(at: 12) == P.crc32c(bytes.extracting(0..<12))
    else { throw .notALedger }
  }

  /// Length of the body, if `head` can begin a frame.
  static func bodyCount(_ head: Span<UInt8>) -> Int? {
    guard head.count >= frameHeadBytes, equal(head.extracting(0..<4), frameMagic) else {
      return nil
    }
    let count = Int(head.uint32(at: 4))
    return count > 0 && count <= bodyBytesMax ? count : nil
  }

  /// Whether the checksum in `head` is that of `body`, for a frame at `offset`.
  static func isWhole<P: Primitives>(
    head: Span<UInt8>, body: Span<UInt8>, at offset: Int64, with primitives: P.Type
  ) -> Bool {
    head.uint32(at: 8) == checksum(body, at: offset, with: primitives)
  }

  /// Writes the head of the frame at `offset` whose body is `body`.
  @_lifetime(head: copy head)
  static func writeHead<P: Primitives>(
    of body: Span<UInt8>, at offset: Int64, with primitives: P.Type,
    into head: inout MutableSpan<UInt8>
  ) {
    precondition(body.count > 0 && body.count <= bodyBytesMax, "a block beyond its limit")
    var i = 0
    for byte in TextBytes(frameMagic) {
      head[i] = byte
      i += 1
    }
    head.put(UInt32(body.count), at: 4)
    head.put(checksum(body, at: offset, with: primitives), at: 8)
  }

  private static func checksum<P: Primitives>(
    _ body: Span<UInt8>, at offset: Int64, with primitives: P.Type
  ) -> UInt32 {
    var prefix = InlineArray<12, UInt8>(repeating: 0)
    var target = prefix.mutableSpan
    target.put(offset, at: 0)
    target.put(UInt32(body.count), at: 8)
    return P.crc32c(body, from: P.crc32c(prefix.span, from: 0))
  }
}
