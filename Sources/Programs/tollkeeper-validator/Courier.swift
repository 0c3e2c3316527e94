// Bundles around messages, in and out (Core/Bundles, Core/Sync/MAPPING.md).
// Invariants: what goes out is of this node, CRC-32C on every block, with a hop count; what comes in
// is believed for nothing but its structure.

import Bundles
import Limits
import Records
import Seal
import Wire

/// Why something that arrived was not looked at further.
enum Dropped: Error, CaseIterable {
  /// Longer than any bundle.
  case tooLong
  case notABundle
  /// Well-formed, against RFC 9171's rules or expired.
  case policy
  case fragment
  case notForUs
  case notAMessage
  /// A message that only devices take.
  case notABatch

  var name: String {
    switch self {
    case .tooLong: "too_long"
    case .notABundle: "not_a_bundle"
    case .policy: "bundle_policy"
    case .fragment: "fragment"
    case .notForUs: "not_for_us"
    case .notAMessage: "not_a_message"
    case .notABatch: "not_a_batch"
    }
  }
}

struct Courier {
  let node: UInt64
  /// Creation times are not used twice: RFC 9171 4.2.7 asks for a sequence within each.
  private var creationTime: UInt64 = 0
  private var sequence: UInt64 = 0
  private var message = [UInt8](repeating: 0, count: Limits.bundleBytesMax)
  /// What `make` made last.
  private(set) var bundle = [UInt8](repeating: 0, count: Limits.bundleBytesMax)

  /// Service number of every endpoint (MAPPING.md).
  private static let service: UInt64 = 1
  private static let hopLimit: UInt64 = 16

  init(node: UInt64) { self.node = node }

  /// The batch inside a bundle that arrived, as a range of `bytes`.
  /// - Parameter now: Unix milliseconds.
  func batch(in bytes: Span<UInt8>, now: Int64) throws(Dropped) -> Range<Int> {
    guard bytes.count <= Limits.bundleBytesMax else { throw .tooLong }
    let bundle: Bundle
    do throws(BundleError) {
      bundle = try Bundle(parsing: bytes, with: Sodium.self)
    } catch {
      throw .notABundle
    }
    do throws(BundleError) {
      try BundlePolicy.check(bundle, of: bytes, now: now)
    } catch {
      throw .policy
    }
    guard bundle.primary.fragment == nil else { throw .fragment }
    guard bundle.primary.destination == .ipn(node: node, service: Self.service) else {
      throw .notForUs
    }
    let message: Message
    do throws(WireError) {
      message = try Message(parsing: bytes.extracting(bundle.payload))
    } catch {
      throw .notAMessage
    }
    guard message.kind == .batch else { throw .notABatch }
    let start = bundle.payload.lowerBound
    return start + message.body.lowerBound..<start + message.body.upperBound
  }

  /// Makes the bundle with a message for `device`; returns its length in `bundle`.
  mutating func make(
    _ kind: Message.Kind, _ body: Span<UInt8>, for device: UInt64, now: Int64
  ) -> Int {
    let time = DTNTime.from(unixMilliseconds: now)
    if time > creationTime {
      creationTime = time
      sequence = 0
    } else {
      sequence += 1
    }
    let primary = PrimaryBlock(
      destination: .ipn(node: device, service: Self.service),
      source: .ipn(node: node, service: Self.service), creationTime: creationTime,
      sequence: sequence, lifetimeMilliseconds: UInt64(Limits.bundleLifetimeMilliseconds))
    guard let count = try? encode(kind, body), let bytes = try? write(primary, count) else {
      preconditionFailure("a message is longer than a bundle's limit")
    }
    return bytes
  }

  private mutating func encode(
    _ kind: Message.Kind, _ body: Span<UInt8>
  ) throws(WireError) -> Int {
    var target = message.mutableSpan
    return try Message.encode(kind, body, into: &target)
  }

  private mutating func write(
    _ primary: PrimaryBlock, _ messageBytes: Int
  ) throws(BundleError) -> Int {
    let message = message
    var writer = try BundleWriter(primary, into: bundle.mutableSpan, with: Sodium.self)
    try writer.hopCount(HopCount(limit: Self.hopLimit, count: 0))
    return try writer.payload(message.span.extracting(first: messageBytes))
  }
}
