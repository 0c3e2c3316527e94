// The ring file's own header: whose it is and how it is divided. Two copies, written once.

import Limits
public import Wire

/// Identity and shape of a ring file.
public struct FileHeader: Equatable, Sendable {
  /// Random, drawn when the file was made: seeds every checksum of it.
  public var identity: Bytes<16>
  public var node: UInt64
  public var epoch: UInt64
  public var segments: Int

  public init(identity: Bytes<16>, node: UInt64, epoch: UInt64, segments: Int) {
    self.identity = identity
    self.node = node
    self.epoch = epoch
    self.segments = segments
  }

  /// Reads the first whole copy; nil if there is none.
  /// - Throws: `disk` if a copy that counts cannot be read; `otherFormat` for another version or shape than this program knows.
  public static func read<P: Primitives, D: Disk & ~Copyable>(
    _ disk: inout D, checkedBy primitives: P.Type
  ) throws(RingError) -> FileHeader? {
    var bytes = InlineArray<128, UInt8>(repeating: 0)
    for copy in 0..<Layout.fileHeaderCopies.count {
      var target = bytes.mutableSpan
      do throws(DiskError) {
        try disk.read(.ring, at: Layout.fileHeaderCopies[copy], into: &target)
      } catch {
        // The other copy is as good.
        if error == .inputOutput && copy + 1 < Layout.fileHeaderCopies.count { continue }
        throw .disk(error)
      }
      if let header = try decode(bytes.span, checkedBy: P.self) { return header }
    }
    return nil
  }

  static func decode<P: Primitives>(
    _ bytes: Span<UInt8>, checkedBy primitives: P.Type
  ) throws(RingError) -> FileHeader? {
    guard bytes.uint32(at: 0) == Layout.fileMagic,
      bytes.uint32(at: 124) == P.crc32c(bytes.extracting(0..<124))
    else { return nil }
    let segments = bytes.uint32(at: 40)
    guard bytes.uint32(at: 4) == Layout.version,
      bytes.uint32(at: 44) == UInt32(Limits.pageBytes),
      bytes.uint32(at: 48) == UInt32(Limits.pagesPerSegment),
      segments >= UInt32(Limits.segmentsMin), segments <= UInt32(Limits.segmentsMax)
    else { throw .otherFormat }
    return FileHeader(
      identity: Bytes<16>(bytes.extracting(8..<24)), node: bytes.uint64(at: 24),
      epoch: bytes.uint64(at: 32), segments: Int(segments))
  }

  /// Writes one copy, 128 bytes, to the beginning of `target`, which must be zero there.
  @_lifetime(target: copy target)
  func encode<P: Primitives>(into target: inout MutableSpan<UInt8>, checkedBy primitives: P.Type) {
    target.put(Layout.fileMagic, at: 0)
    target.put(Layout.version, at: 4)
    copy(identity.span, to: &target, at: 8)
    target.put(node, at: 24)
    target.put(epoch, at: 32)
    target.put(UInt32(segments), at: 40)
    target.put(UInt32(Limits.pageBytes), at: 44)
    target.put(UInt32(Limits.pagesPerSegment), at: 48)
    target.put(P.crc32c(target.span.extracting(0..<124)), at: 124)
  }
}
