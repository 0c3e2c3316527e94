// A block that is not the primary one (RFC 9171 4.3.2), and the data of the types of RFC 9171 4.4.

import Wire

public struct CanonicalBlock: Sendable, Equatable {
  public var type: UInt64
  public var number: UInt64
  public var flags: BlockFlags
  public var crcType: CRCType
  /// The block-type-specific data, as a range of the bundle.
  public var data: Range<Int>
  /// The whole block.
  public var range: Range<Int>

  static let absent = CanonicalBlock(
    type: 0, number: 0, flags: .none, crcType: .none, data: 0..<0, range: 0..<0)

  private init(
    type: UInt64, number: UInt64, flags: BlockFlags, crcType: CRCType, data: Range<Int>,
    range: Range<Int>
  ) {
    self.type = type
    self.number = number
    self.flags = flags
    self.crcType = crcType
    self.data = data
    self.range = range
  }

  /// Reads the block that stands next, and checks its CRC.
  init<P: Primitives>(
    _ reader: inout CBORReader, with primitives: P.Type
  ) throws(BundleError) {
    let start = reader.position
    let count: Int
    do throws(WireError) {
      count = try reader.array(max: 6)
      guard count >= 5 else { throw WireError.outOfRange }
    } catch .outOfRange {
      throw .itemCount
    } catch {
      throw BundleError(error)
    }
    type = try reader.number()
    number = try reader.number()
    flags = BlockFlags(rawValue: try reader.number())
    crcType = try reader.crcType()
    guard type != 0 else { throw .blockType }
    guard number != 0 else { throw .blockNumber }
    guard count == (crcType == .none ? 5 : 6) else { throw .itemCount }
    do throws(WireError) {
      let data = try reader.byteString()
      self.data = reader.position - data.count..<reader.position
    } catch {
      throw BundleError(error)
    }
    try reader.endBlock(crcType, from: start, with: P.self)
    range = start..<reader.position
  }
}

/// RFC 9171 4.4.3.
public struct HopCount: Sendable, Equatable {
  /// 1 to 255.
  public var limit: UInt64
  public var count: UInt64

  public init(limit: UInt64, count: UInt64) {
    self.limit = limit
    self.count = count
  }
}

// Read on demand and not while parsing: a confidentiality block may have made this data opaque.
extension CanonicalBlock {
  /// The hop count that this block of `bundle` holds.
  public func hopCount(in bundle: Span<UInt8>) throws(BundleError) -> HopCount {
    do throws(WireError) {
      var reader = CBORReader(bundle.extracting(data))
      try reader.array(exactly: 2)
      let limit = try reader.unsigned()
      let value = HopCount(limit: limit, count: try reader.unsigned())
      try reader.finish()
      return value
    } catch {
      throw .blockData
    }
  }

  /// The bundle's age that this block of `bundle` holds, milliseconds.
  public func age(in bundle: Span<UInt8>) throws(BundleError) -> UInt64 {
    do throws(WireError) {
      var reader = CBORReader(bundle.extracting(data))
      let value = try reader.unsigned()
      try reader.finish()
      return value
    } catch {
      throw .blockData
    }
  }

  /// The node that this block of `bundle` names; a `dtn` text is a range of `bundle`.
  public func previousNode(in bundle: Span<UInt8>) throws(BundleError) -> EndpointID {
    var reader = CBORReader(bundle.extracting(first: data.upperBound), at: data.lowerBound)
    do throws(BundleError) {
      let value = try EndpointID(&reader)
      guard reader.isAtEnd else { throw BundleError.blockData }
      return value
    } catch {
      throw .blockData
    }
  }
}
