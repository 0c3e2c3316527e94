// The 512 bytes at the head of every block: what it holds, what came before it, and the state of the
// whole ring.
// Invariants: a header that `decode` returns has the identity and offset that it was written for, and
// lengths and counts that fit; its frames are checked apart.

import Limits
import Wire

/// One class as block headers remember it.
struct ClassState: Equatable {
  /// Sequence that follows the last durable one.
  var next: UInt64 = 1
  var acked: UInt64 = 0
  /// All up to here may be overwritten.
  var released: UInt64 = 0
  /// Released without a receipt, ever.
  var dropped: UInt64 = 0
  /// H of record `next - 1`.
  var head = Hash()
}

struct BlockHeader {
  var length = 0
  var commit: UInt64 = 0
  var durable: UInt64 = 0
  var first: UInt64 = 0
  var covered: UInt32 = 0
  var records = 0
  var recordClass = RecordClass.control
  /// Bit c: the commit has a block of class c.
  var touched: UInt8 = 0
  var previous: UInt32 = 0
  var boot: UInt32 = 0
  var nonce: UInt64 = 0
  /// Of this header, of its frames: set by `encode` and `decode`.
  var checksum: UInt32 = 0
  var bodyChecksum: UInt32 = 0

  /// Whether this block may stand in `page`, given the block before it in the segment, which ended at
  /// page `end`: commits rise, and what follows without a gap is chained to it.
  func follows(_ previous: BlockHeader?, endingAt end: Int, in page: Int) -> Bool {
    guard let previous else { return true }
    return commit > previous.commit && (page > end || self.previous == previous.checksum)
  }

  /// Sequence behind the last one that the block speaks for.
  var end: UInt64 { first + UInt64(covered) }
  var pages: Int { Layout.pages(length) }

  /// The header of a block that stands at `offset` bytes of the file; nil if it is not whole.
  static func decode<P: Primitives>(
    _ bytes: Span<UInt8>, at offset: Int64, of identity: Bytes<16>, checkedBy primitives: P.Type
  ) -> BlockHeader? {
    guard bytes.uint32(at: 0) == Layout.blockMagic else { return nil }
    var header = BlockHeader()
    header.checksum = bytes.uint32(at: 4)
    guard header.checksum == checksum(bytes, at: offset, of: identity, by: P.self) else {
      return nil
    }
    header.bodyChecksum = bytes.uint32(at: 8)
    header.length = Int(bytes.uint32(at: 12))
    header.commit = bytes.uint64(at: 16)
    header.durable = bytes.uint64(at: 24)
    header.first = bytes.uint64(at: 32)
    header.covered = bytes.uint32(at: 40)
    header.records = Int(bytes.uint16(at: 44))
    header.touched = bytes[47]
    header.previous = bytes.uint32(at: 48)
    header.boot = bytes.uint32(at: 52)
    header.nonce = bytes.uint64(at: 56)
    // Sequences and commit numbers beyond 2^63 would let later sums overflow.
    guard let recordClass = RecordClass(rawValue: bytes[46]), bytes[64] == 0,
      header.length >= Layout.headerBytes, header.length <= Layout.blockBytesMax,
      (header.records == 0) == (header.length == Layout.headerBytes),
      header.covered == UInt32(header.records), header.boot < UInt32.max,
      header.commit < 1 << 63, header.first > 0, header.first < 1 << 63,
      header.durable < header.commit,
      // Until a commit is known durable there are no records but the ring's own.
      header.durable > 0 || recordClass == .control
    else { return nil }
    header.recordClass = recordClass
    return header
  }

  /// State of class `index` in the same 512 bytes, which `decode` has found whole.
  static func state(_ index: Int, in bytes: Span<UInt8>) -> ClassState {
    let at = Layout.classStates + index * Layout.classStateBytes
    let next = min(max(bytes.uint64(at: at), 1), 1 << 63 - 1)
    return ClassState(
      next: next, acked: min(bytes.uint64(at: at + 8), next - 1),
      released: min(bytes.uint64(at: at + 16), next - 1), dropped: bytes.uint64(at: at + 24),
      head: Hash(bytes.extracting(at + 32..<at + 64)))
  }

  /// Writes the header in front of frames that stand in `block` already; sets both checksums.
  @_lifetime(block: copy block)
  mutating func encode<P: Primitives>(
    into block: inout MutableSpan<UInt8>, at offset: Int64, of identity: Bytes<16>,
    states: InlineArray<4, ClassState>, checkedBy primitives: P.Type
  ) {
    var head = block.part(0..<Layout.headerBytes)
    head.update(repeating: 0)
    bodyChecksum = P.crc32c(block.span.extracting(Layout.headerBytes..<length))
    block.put(Layout.blockMagic, at: 0)
    block.put(bodyChecksum, at: 8)
    block.put(UInt32(length), at: 12)
    block.put(commit, at: 16)
    block.put(durable, at: 24)
    block.put(first, at: 32)
    block.put(covered, at: 40)
    block.put(UInt16(records), at: 44)
    block[46] = recordClass.rawValue
    block[47] = touched
    block.put(previous, at: 48)
    block.put(boot, at: 52)
    block.put(nonce, at: 56)
    for index in 0..<Limits.ringClasses {
      let at = Layout.classStates + index * Layout.classStateBytes
      block.put(states[index].next, at: at)
      block.put(states[index].acked, at: at + 8)
      block.put(states[index].released, at: at + 16)
      block.put(states[index].dropped, at: at + 24)
      copy(states[index].head.span, to: &block, at: at + 32)
    }
    checksum = Self.checksum(block.span, at: offset, of: identity, by: P.self)
    block.put(checksum, at: 4)
  }

  /// Whether `body`, the bytes from 512 to `length`, is what the header was written for.
  func covers<P: Primitives>(_ body: Span<UInt8>, checkedBy primitives: P.Type) -> Bool {
    P.crc32c(body) == bodyChecksum
  }

  /// H of the last record in `body`; nil if the frames are not what the header was written for.
  /// - Precondition: `records` is not 0.
  func lastHash<P: Primitives>(
    in body: Span<UInt8>, checkedBy primitives: P.Type
  ) -> Hash? {
    guard covers(body, checkedBy: P.self) else { return nil }
    var offset = 0
    var last = 0
    for relative in 0..<records {
      guard let frame = Frame.decode(body, at: offset, end: body.count),
        frame.relative == UInt32(relative)
      else { return nil }
      last = offset
      offset += Layout.frameBytes(frame.record.count)
    }
    return offset == body.count ? Frame.hash(body, at: last) : nil
  }

  private static func checksum<P: Primitives>(
    _ bytes: Span<UInt8>, at offset: Int64, of identity: Bytes<16>, by primitives: P.Type
  ) -> UInt32 {
    var seed = InlineArray<24, UInt8>(repeating: 0)
    for i in 0..<16 { seed[i] = identity.storage[i] }
    for i in 0..<8 { seed[16 + i] = UInt8(truncatingIfNeeded: offset >> Int64(8 * i)) }
    return P.crc32c(
      bytes.extracting(8..<Layout.headerBytes), from: P.crc32c(seed.span))
  }
}

/// One frame: where its record stands, and what stands beside it.
struct Frame {
  /// Bytes of the record in the span that was parsed.
  var record: Range<Int>
  /// Sequence, less the block's first.
  var relative: UInt32
  var expires: Int64

  /// The frame at `offset` of a body that ends at `end`; nil if what stands there is none.
  static func decode(_ bytes: Span<UInt8>, at offset: Int, end: Int) -> Frame? {
    guard end - offset >= Layout.frameHeaderBytes else { return nil }
    let length = Int(bytes.uint16(at: offset))
    guard length > 0, length <= Limits.recordBytesMax, bytes[offset + 2] == 1,
      Layout.frameBytes(length) <= end - offset
    else { return nil }
    let start = offset + Layout.frameHeaderBytes
    return Frame(
      record: start..<start + length, relative: bytes.uint32(at: offset + 4),
      expires: Int64(bitPattern: bytes.uint64(at: offset + 8)))
  }

  static func hash(_ bytes: Span<UInt8>, at offset: Int) -> Hash {
    Hash(bytes.extracting(offset + 16..<offset + 48))
  }

  /// Writes a frame at `offset`; returns the bytes that it takes.
  @_lifetime(target: copy target)
  static func encode(
    _ record: Span<UInt8>, hash: Hash, relative: UInt32, expires: Int64,
    into target: inout MutableSpan<UInt8>, at offset: Int
  ) -> Int {
    let bytes = Layout.frameBytes(record.count)
    target.put(UInt16(record.count), at: offset)
    target.put(UInt16(1), at: offset + 2)
    target.put(relative, at: offset + 4)
    target.put(expires, at: offset + 8)
    copy(hash.span, to: &target, at: offset + 16)
    copy(record, to: &target, at: offset + Layout.frameHeaderBytes)
    for i in Layout.frameHeaderBytes + record.count..<bytes { target[offset + i] = 0 }
    return bytes
  }
}
