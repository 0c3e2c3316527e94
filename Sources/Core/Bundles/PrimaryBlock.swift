// The primary block (RFC 9171 4.3.1), and its place in the bundle: forwarded byte for byte.

import Wire

/// Which part of an application data unit a fragment holds.
public struct BundleFragment: Sendable, Equatable {
  /// Bytes from the beginning of the unit.
  public var offset: UInt64
  public var totalBytes: UInt64
}

public struct PrimaryBlock: Sendable, Equatable {
  public static let version: UInt64 = 7

  public var flags = BundleFlags.none
  public var crcType = CRCType.crc32c
  public var destination: EndpointID
  public var source: EndpointID
  public var reportTo: EndpointID
  /// DTN time; 0 = unknown.
  public var creationTime: UInt64
  public var sequence: UInt64
  public var lifetimeMilliseconds: UInt64
  public var fragment: BundleFragment?

  public init(
    destination: EndpointID, source: EndpointID, creationTime: UInt64, sequence: UInt64,
    lifetimeMilliseconds: UInt64
  ) {
    self.destination = destination
    self.source = source
    self.reportTo = .none
    self.creationTime = creationTime
    self.sequence = sequence
    self.lifetimeMilliseconds = lifetimeMilliseconds
  }

  /// Reads the block that stands next, and checks its CRC.
  init<P: Primitives>(
    _ reader: inout CBORReader, with primitives: P.Type
  ) throws(BundleError) {
    let start = reader.position
    let count: Int
    do throws(WireError) {
      count = try reader.array(max: 11)
      guard count >= 8 else { throw WireError.outOfRange }
    } catch .outOfRange {
      throw .itemCount
    } catch {
      throw BundleError(error)
    }
    guard try reader.number() == Self.version else { throw .version }
    flags = BundleFlags(rawValue: try reader.number())
    crcType = try reader.crcType()
    let isFragment = flags.contains(.isFragment)
    guard count == 8 + (isFragment ? 2 : 0) + (crcType == .none ? 0 : 1) else { throw .itemCount }
    destination = try EndpointID(&reader)
    source = try EndpointID(&reader)
    reportTo = try EndpointID(&reader)
    do throws(WireError) { try reader.array(exactly: 2) } catch { throw BundleError(error) }
    creationTime = try reader.number()
    sequence = try reader.number()
    lifetimeMilliseconds = try reader.number()
    fragment = nil
    if isFragment {
      let offset = try reader.number()
      fragment = BundleFragment(offset: offset, totalBytes: try reader.number())
    }
    try reader.endBlock(crcType, from: start, with: P.self)
  }
}

// What primary and canonical blocks have in common.
extension CBORReader {
  mutating func number() throws(BundleError) -> UInt64 {
    do throws(WireError) { return try unsigned() } catch { throw BundleError(error) }
  }

  mutating func crcType() throws(BundleError) -> CRCType {
    guard let type = UInt8(exactly: try number()).flatMap(CRCType.init) else { throw .crcType }
    return type
  }

  /// Takes the CRC, if the block that began at `start` has one, and checks it.
  mutating func endBlock<P: Primitives>(
    _ type: CRCType, from start: Int, with primitives: P.Type
  ) throws(BundleError) {
    if type == .none { return }
    do throws(WireError) {
      guard try byteString().count == type.byteCount else { throw WireError.outOfRange }
    } catch {
      throw BundleError(error)
    }
    let block = bytes.extracting(start..<position)
    guard type.holds(in: block, with: P.self) else { throw .crcMismatch }
  }
}
