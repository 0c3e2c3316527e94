// Everything for which a bundle is refused, each with a name.

import Wire

/// What is wrong with a bundle. The first group is structure (`Bundle`), the second is policy
/// (`BundlePolicy`): bytes that are a bundle, which a node still must not accept.
public enum BundleError: UInt8, Error, Equatable, Sendable {
  /// The bytes end inside a block.
  case truncated
  /// Not the CBOR that RFC 9171 4 asks for: another type, not the shortest form, a block of
  /// indefinite length.
  case malformed
  /// Bytes follow the end of the bundle.
  case trailingBytes
  /// RFC 9171 4.3.1: the version is not 7.
  case version
  /// The number of a block's items differs from what its flags and CRC type ask for.
  case itemCount
  /// RFC 9171 4.2.1: a CRC type beyond 2.
  case crcType
  /// RFC 9171 4.2.1: a CRC does not hold.
  case crcMismatch
  /// RFC 9171 4.2.5.1, RFC 9758: an endpoint ID that is none.
  case endpoint
  /// Block type 0, which is reserved, or a block type in the primary block's place.
  case blockType
  /// RFC 9171 4.1: block number 0 (the primary block's), or one that stands twice.
  case blockNumber
  /// RFC 9171 4.1, 4.3.3: no payload block, or it is not the last, or not number 1.
  case payload
  /// More blocks than `Limits.bundleBlocksMax`.
  case blockCount
  /// The data of a block of a known type is not what RFC 9171 4.4 says.
  case blockData
  /// What was to be written does not fit.
  case noSpace

  /// RFC 9171 4.3.1: no CRC on the primary block, and no integrity block either.
  case primaryWithoutCRC
  /// RFC 9171 4.2.7: creation time 0 without a bundle age block.
  case noTime
  /// RFC 9171 4.2.3: an anonymous bundle that may be fragmented or asks for reports.
  case anonymous
  /// RFC 9171 4.2.3: an administrative record that asks for reports.
  case administrative
  /// RFC 9171 4.2.3: a fragment that must not be one.
  case fragment
  /// RFC 9171 4.4: more than one block of a type of which one is allowed.
  case duplicateBlock
  /// RFC 9171 4.4.3: the hop limit is not 1 to 255, or it is exceeded.
  case hopLimit
  /// RFC 9171 5.6: a block of a type that we do not process says that its bundle is to be deleted.
  case unprocessedBlock
  /// RFC 9171 5.5: its lifetime is over.
  case expired

  public var name: StaticString {
    switch self {
    case .truncated: "truncated"
    case .malformed: "malformed"
    case .trailingBytes: "trailing_bytes"
    case .version: "version"
    case .itemCount: "item_count"
    case .crcType: "crc_type"
    case .crcMismatch: "crc_mismatch"
    case .endpoint: "endpoint"
    case .blockType: "block_type"
    case .blockNumber: "block_number"
    case .payload: "payload"
    case .blockCount: "block_count"
    case .blockData: "block_data"
    case .noSpace: "no_space"
    case .primaryWithoutCRC: "primary_without_crc"
    case .noTime: "no_time"
    case .anonymous: "anonymous"
    case .administrative: "administrative"
    case .fragment: "fragment"
    case .duplicateBlock: "duplicate_block"
    case .hopLimit: "hop_limit"
    case .unprocessedBlock: "unprocessed_block"
    case .expired: "expired"
    }
  }

  init(_ error: WireError) {
    switch error {
    case .truncated: self = .truncated
    case .trailingBytes: self = .trailingBytes
    case .noSpace: self = .noSpace
    default: self = .malformed
    }
  }
}
