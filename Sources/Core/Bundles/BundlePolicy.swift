// What RFC 9171 asks of a bundle beyond its structure. A layer of its own, because bundles that are
// well formed and against these rules exist, RFC 9173's own examples among them.

import Wire

public enum BundlePolicy {
  /// Whether a node may accept `bundle`, parsed from `bytes`.
  /// - Parameter now: Unix milliseconds; nil where the time is not known: then only the age counts.
  /// - Throws: the first rule that is broken, in the order of `BundleError`.
  public static func check(
    _ bundle: Bundle, of bytes: Span<UInt8>, now: Int64?
  ) throws(BundleError) {
    let primary = bundle.primary
    if primary.crcType == .none && bundle.first(BlockType.integrity) == nil {
      throw .primaryWithoutCRC
    }
    if primary.creationTime == 0 && bundle.first(BlockType.bundleAge) == nil { throw .noTime }
    try checkFlags(bundle)
    try checkBlocks(bundle, of: bytes)
    if try isExpired(bundle, of: bytes, now: now) { throw .expired }
  }

  private static func checkFlags(_ bundle: Bundle) throws(BundleError) {
    let flags = bundle.primary.flags
    let asksForReports = flags & .reports != .none
    var asksForBlockReports = false
    for i in 0..<bundle.blockCount where bundle.block(i).flags.contains(.reportIfUnprocessed) {
      asksForBlockReports = true
    }
    if bundle.primary.source.isNull {
      guard flags.contains(.mustNotFragment), !asksForReports, !asksForBlockReports else {
        throw .anonymous
      }
    }
    if flags.contains(.isAdministrative) && (asksForReports || asksForBlockReports) {
      throw .administrative
    }
    if flags.contains(.isFragment) && flags.contains(.mustNotFragment) { throw .fragment }
  }

  /// One block at most of each type of RFC 9171 4.4, and a hop count within its limit.
  private static func checkBlocks(_ bundle: Bundle, of bytes: Span<UInt8>) throws(BundleError) {
    for i in 0..<bundle.blockCount {
      let block = bundle.block(i)
      switch block.type {
      case BlockType.previousNode, BlockType.bundleAge, BlockType.hopCount:
        if bundle.first(block.type) != block { throw .duplicateBlock }
      default: break
      }
    }
    if let block = bundle.first(BlockType.hopCount) {
      let hops = try block.hopCount(in: bytes)
      guard (1...255).contains(hops.limit), hops.count <= hops.limit else { throw .hopLimit }
    }
    for i in 0..<bundle.blockCount where !isProcessed(bundle.block(i).type) {
      if bundle.block(i).flags.contains(.deleteBundleIfUnprocessed) { throw .unprocessedBlock }
    }
  }

  private static func isProcessed(_ type: UInt64) -> Bool {
    switch type {
    case BlockType.payload, BlockType.previousNode, BlockType.bundleAge, BlockType.hopCount: true
    default: false
    }
  }

  /// RFC 9171 4.3.1, 4.4.2: by its creation time, or by its age where that or the time is unknown.
  private static func isExpired(
    _ bundle: Bundle, of bytes: Span<UInt8>, now: Int64?
  ) throws(BundleError) -> Bool {
    let primary = bundle.primary
    if primary.creationTime != 0, let now {
      let (end, isBeyond) = primary.creationTime.addingReportingOverflow(
        primary.lifetimeMilliseconds)
      return !isBeyond && DTNTime.from(unixMilliseconds: now) > end
    }
    guard let block = bundle.first(BlockType.bundleAge) else { return false }
    return try block.age(in: bytes) > primary.lifetimeMilliseconds
  }
}
