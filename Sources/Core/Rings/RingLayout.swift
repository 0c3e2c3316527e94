// Where everything stands in the ring file: see FORMAT.md.

import Limits
public import Wire

/// Offsets and sizes of the ring file, bytes.
enum Layout {
  static let fileMagic: UInt32 = 0x4652_4b54  // "TKRF"
  static let version: UInt32 = 1
  static let fileHeaderBytes = 128
  static let fileHeaderCopies: InlineArray<2, Int64> = [0, 61440]
  static let segmentsOffset: Int64 = 65536

  static let blockMagic: UInt32 = 0x4252_4b54  // "TKRB"
  static let headerBytes = Limits.blockHeaderBytes
  static let classStates = 96
  static let classStateBytes = 64

  static let frameHeaderBytes = 48
  static let frameBytesMax = frameBytes(Limits.recordBytesMax)
  /// A whole batch in one class: the longest block.
  static let blockPagesMax = pages(headerBytes + Limits.commitRecordsMax * frameBytesMax)
  static let blockBytesMax = blockPagesMax * Limits.pageBytes

  static func frameBytes(_ record: Int) -> Int { (frameHeaderBytes + record + 7) & ~7 }

  static func pages(_ bytes: Int) -> Int { (bytes + Limits.pageBytes - 1) / Limits.pageBytes }

  static func offset(segment: Int, page: Int) -> Int64 {
    segmentsOffset + Int64(segment) * Int64(Limits.segmentBytes) + Int64(page * Limits.pageBytes)
  }
}

/// What can go wrong with a ring.
public enum RingError: Error, Equatable, Sendable {
  /// No place for another record of a kept class: nothing is evicted for it.
  case full
  /// What is free is kept for classes 3 and 2.
  case reserved
  /// The batch that is filling has all the records that one commit may group, and the commit before
  /// it is still on the way: try again when that is durable.
  case batchFull
  /// A record of no bytes or of more than `Limits.recordBytesMax`.
  case badLength
  /// Not created, not recovered, or recovery is not durable yet.
  case notReady
  /// Two flushes in a row failed: nothing more is written until the next start.
  case readOnly
  /// The file was never finished: it holds nothing, `create` may be called.
  case blank
  /// No copy of the file header is whole, or no block is, in a file that has been used.
  case damaged
  /// Another version of the format, or another number of segments than was said.
  case otherFormat
  /// Records are missing that were durable once. The cursor stands behind the hole.
  case corrupt
  case disk(DiskError)
}
