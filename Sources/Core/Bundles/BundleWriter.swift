// Writes a bundle (RFC 9171) into the caller's bytes, block by block, CRC-32C on each.
// Invariants: the primary block first, the payload block last and number 1, the others numbered from
// 2 in the order in which they are written.

public import Wire

public struct BundleWriter<P: Primitives>: ~Copyable, ~Escapable {
  private var writer: CBORWriter
  private var nextNumber: UInt64 = 2

  /// Begins a bundle with its primary block.
  /// - Parameter primary: with CRC-32C, with `ipn` endpoints or none, and not a fragment.
  @_lifetime(copy bytes)
  public init(
    _ primary: PrimaryBlock, into bytes: consuming MutableSpan<UInt8>, with primitives: P.Type
  ) throws(BundleError) {
    precondition(
      primary.crcType == .crc32c && primary.fragment == nil, "a bundle that is not written here")
    writer = CBORWriter(bytes)
    do throws(WireError) {
      try writer.startIndefiniteArray()
      try writer.array(9)
      try writer.unsigned(PrimaryBlock.version)
      try writer.unsigned(primary.flags.rawValue)
      try writer.unsigned(UInt64(CRCType.crc32c.rawValue))
    } catch {
      throw BundleError(error)
    }
    try writer.endpoint(primary.destination)
    try writer.endpoint(primary.source)
    try writer.endpoint(primary.reportTo)
    do throws(WireError) {
      try writer.array(2)
      try writer.unsigned(primary.creationTime)
      try writer.unsigned(primary.sequence)
      try writer.unsigned(primary.lifetimeMilliseconds)
      try writer.endBlock(from: 1, with: P.self)
    } catch {
      throw BundleError(error)
    }
  }

  /// A hop count block (RFC 9171 4.4.3).
  @_lifetime(self: copy self)
  public mutating func hopCount(_ hops: HopCount) throws(BundleError) {
    var data = InlineArray<19, UInt8>(repeating: 0)
    let count: Int
    do throws(WireError) {
      var bytes = data.mutableSpan
      var item = CBORWriter(bytes.whole())
      try item.array(2)
      try item.unsigned(hops.limit)
      try item.unsigned(hops.count)
      count = item.count
    } catch {
      throw BundleError(error)
    }
    try block(BlockType.hopCount, data.span.extracting(first: count))
  }

  /// A bundle age block (RFC 9171 4.4.2).
  @_lifetime(self: copy self)
  public mutating func bundleAge(milliseconds: UInt64) throws(BundleError) {
    var data = InlineArray<9, UInt8>(repeating: 0)
    let count: Int
    do throws(WireError) {
      var bytes = data.mutableSpan
      var item = CBORWriter(bytes.whole())
      try item.unsigned(milliseconds)
      count = item.count
    } catch {
      throw BundleError(error)
    }
    try block(BlockType.bundleAge, data.span.extracting(first: count))
  }

  /// A block of any type but the payload's, without flags.
  @_lifetime(self: copy self)
  public mutating func block(_ type: UInt64, _ data: Span<UInt8>) throws(BundleError) {
    precondition(type > BlockType.payload, "the payload ends the bundle")
    try block(type, number: nextNumber, data)
    nextNumber += 1
  }

  /// The payload block and the end of the bundle.
  /// - Returns: the bundle's length in bytes.
  @_lifetime(self: copy self)
  public mutating func payload(_ data: Span<UInt8>) throws(BundleError) -> Int {
    try block(BlockType.payload, number: 1, data)
    do throws(WireError) { try writer.endIndefiniteArray() } catch { throw BundleError(error) }
    return writer.count
  }

  @_lifetime(self: copy self)
  private mutating func block(
    _ type: UInt64, number: UInt64, _ data: Span<UInt8>
  ) throws(BundleError) {
    let start = writer.count
    do throws(WireError) {
      try writer.array(6)
      try writer.unsigned(type)
      try writer.unsigned(number)
      try writer.unsigned(0)
      try writer.unsigned(UInt64(CRCType.crc32c.rawValue))
      try writer.byteString(data)
      try writer.endBlock(from: start, with: P.self)
    } catch {
      throw BundleError(error)
    }
  }
}

extension CBORWriter {
  /// The CRC-32C of the block that began at `start`.
  @_lifetime(self: copy self)
  fileprivate mutating func endBlock<P: Primitives>(
    from start: Int, with primitives: P.Type
  ) throws(WireError) {
    var field = InlineArray<4, UInt8>(repeating: 0)
    try byteString(field.span)
    let value = CRCType.crc32c.value(of: written(from: start), with: P.self)
    for i in 0..<4 { field[i] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * i)) }
    patch(field.span, at: count - 4)
  }
}
