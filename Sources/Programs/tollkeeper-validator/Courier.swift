// Messages in their bundles, in and out.
// Invariants: what comes in is believed for nothing but its structure; why something is not looked at
// further has a name and is counted.

import Bundles
import Limits
import Records
import Seal
import Sync
import Wire

/// Why something that arrived was not looked at further.
enum Dropped: Error, CaseIterable {
  /// Longer than any bundle.
  case tooLong
  /// No bundle, or one that breaks RFC 9171's rules, or expired.
  case notABundle
  case notForUs
  case notAMessage
  /// A message that only devices take.
  case notABatch
  /// It arrived while the disk was full and too much waited already.
  case noRoom

  var name: String {
    switch self {
    case .tooLong: "too_long"
    case .notABundle: "not_a_bundle"
    case .notForUs: "not_for_us"
    case .notAMessage: "not_a_message"
    case .notABatch: "not_a_batch"
    case .noRoom: "no_room"
    }
  }
}

struct Courier {
  private var maker: BundleMaker
  private var message = [UInt8](repeating: 0, count: Limits.bundleBytesMax)
  /// What `make` made last.
  private(set) var bundle = [UInt8](repeating: 0, count: Limits.bundleBytesMax)

  init(node: UInt64, boot: UInt32) { maker = BundleMaker(node: node, boot: boot) }

  /// The batch inside a bundle that arrived, as a range of `bytes`.
  /// - Parameter now: Unix milliseconds.
  func batch(in bytes: Span<UInt8>, now: Int64) throws(Dropped) -> Range<Int> {
    guard bytes.count <= Limits.bundleBytesMax else { throw .tooLong }
    let received: ReceivedMessage
    do throws(ReceivedMessage.Problem) {
      received = try ReceivedMessage(
        parsing: bytes, node: maker.node, now: now, with: Sodium.self)
    } catch {
      switch error {
      case .bundle: throw .notABundle
      case .notForUs: throw .notForUs
      case .message: throw .notAMessage
      }
    }
    guard received.kind == .batch else { throw .notABatch }
    return received.body
  }

  /// Makes the bundle with a message for `device`; returns its length in `bundle`.
  mutating func make(
    _ kind: Message.Kind, _ body: Span<UInt8>, for device: UInt64, now: Instant
  ) -> Int {
    guard let count = try? encode(kind, body), let bytes = try? write(count, device, now) else {
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
    _ count: Int, _ device: UInt64, _ now: Instant
  ) throws(BundleError) -> Int {
    let message = message
    var maker = maker
    defer { self.maker = maker }
    var target = bundle.mutableSpan
    return try maker.make(
      for: device, message: message.span.extracting(first: count), now: now, with: Sodium.self,
      into: &target)
  }
}
