// A message in its bundle, as every Tollkeeper node makes and takes it (MAPPING.md, "Endpoints").
// Invariants: (source, creation time, sequence) never stands twice: the sequence carries the boot
// number and counts up within it.

public import Bundles
import Limits
public import Records
public import Wire

/// Makes the bundles of one node.
public struct BundleMaker: Sendable {
  /// RFC 9171 4.4.3: more than a way through rovers ever takes.
  public static let hopLimit: UInt64 = 16
  /// Bytes around a message, at most: primary block, hop count block, payload block's frame.
  public static let overheadBytesMax = 160

  public let node: UInt64
  private let boot: UInt32
  private var count: UInt64 = 0

  /// - Parameter boot: rises with every start of the node.
  public init(node: UInt64, boot: UInt32) {
    self.node = node
    self.boot = boot
  }

  /// Writes a bundle for `destination` around `message`; returns its length in bytes.
  /// - Throws: `noSpace` if `output` is not `overheadBytesMax` longer than the message.
  @_lifetime(output: copy output)
  public mutating func make<P: Primitives>(
    for destination: UInt64, message: Span<UInt8>, now: Instant, with primitives: P.Type,
    into output: inout MutableSpan<UInt8>
  ) throws(BundleError) -> Int {
    count += 1
    let primary = PrimaryBlock(
      destination: .ipn(node: destination, service: 1), source: .ipn(node: node, service: 1),
      creationTime: DTNTime.from(unixMilliseconds: now.milliseconds),
      sequence: UInt64(boot) << 32 | count & 0xffff_ffff,
      lifetimeMilliseconds: UInt64(Limits.bundleLifetimeMilliseconds))
    var writer = try BundleWriter(primary, into: output.whole(), with: P.self)
    try writer.hopCount(HopCount(limit: Self.hopLimit, count: 0))
    return try writer.payload(message)
  }
}

/// A bundle that came, and the message in it.
public struct ReceivedMessage: Sendable {
  public let bundle: Bundle
  public let kind: Message.Kind
  /// The message's body, of the bundle's bytes.
  public let body: Range<Int>

  public enum Problem: Error, Equatable, Sendable {
    case bundle(BundleError)
    /// Not for this node.
    case notForUs
    /// The payload is no message.
    case message
  }

  /// Checks structure, policy and destination.
  /// - Parameter now: Unix milliseconds.
  public init<P: Primitives>(
    parsing bytes: Span<UInt8>, node: UInt64, now: Int64, with primitives: P.Type
  ) throws(Problem) {
    do throws(BundleError) {
      bundle = try Bundle(parsing: bytes, with: P.self)
      try BundlePolicy.check(bundle, of: bytes, now: now)
    } catch {
      throw .bundle(error)
    }
    guard case .ipn(node, _) = bundle.primary.destination else { throw .notForUs }
    let payload = bundle.payload
    do throws(WireError) {
      let message = try Message(parsing: bytes.extracting(payload))
      kind = message.kind
      body =
        payload.lowerBound + message.body.lowerBound..<payload.lowerBound + message.body.upperBound
    } catch {
      throw .message
    }
  }
}
