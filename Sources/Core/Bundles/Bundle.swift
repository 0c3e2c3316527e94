// A bundle (RFC 9171) as ranges of the bytes that hold it. Structure only: whether a node should
// accept it is BundlePolicy's question.
// Invariants: any bytes give a Bundle or a named error; every CRC that is there holds; block numbers
// are distinct and not 0; the payload block is the last, and number 1; all ranges lie in the bytes.

import Limits
public import Wire

public struct Bundle: Sendable {
  public let primary: PrimaryBlock
  /// The blocks after the primary one, in order.
  private var blocks: InlineArray<16, CanonicalBlock>
  public private(set) var blockCount = 0

  public init<P: Primitives>(
    parsing bytes: Span<UInt8>, with primitives: P.Type
  ) throws(BundleError) {
    var reader = CBORReader(bytes)
    do throws(WireError) { try reader.startIndefiniteArray() } catch { throw BundleError(error) }
    primary = try PrimaryBlock(&reader, with: P.self)
    blocks = .init(repeating: .absent)
    while try !reader.takesBreak() {
      guard blockCount < Limits.bundleBlocksMax else { throw .blockCount }
      let block = try CanonicalBlock(&reader, with: P.self)
      for i in 0..<blockCount where blocks[i].number == block.number { throw .blockNumber }
      blocks[blockCount] = block
      blockCount += 1
    }
    do throws(WireError) { try reader.finish() } catch { throw BundleError(error) }
    try checkPayload()
  }

  /// - Precondition: `index` is below `blockCount`.
  public func block(_ index: Int) -> CanonicalBlock {
    precondition(index < blockCount, "no such block")
    return blocks[index]
  }

  /// The first block of `type`.
  public func first(_ type: UInt64) -> CanonicalBlock? {
    for i in 0..<blockCount where blocks[i].type == type { return blocks[i] }
    return nil
  }

  /// The payload's bytes.
  public var payload: Range<Int> { blocks[blockCount - 1].data }

  private func checkPayload() throws(BundleError) {
    for i in 0..<blockCount {
      let isLast = i == blockCount - 1
      guard (blocks[i].type == BlockType.payload) == isLast else { throw .payload }
      guard (blocks[i].number == 1) == isLast else { throw .payload }
    }
    guard blockCount > 0 else { throw .payload }
  }
}

extension CBORReader {
  fileprivate mutating func takesBreak() throws(BundleError) -> Bool {
    do throws(WireError) { return try takeBreak() } catch { throw BundleError(error) }
  }
}
