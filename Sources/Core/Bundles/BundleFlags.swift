// Control flags and numbers of RFC 9171: bundles, blocks, block types, CRC types, DTN time.

/// A set of flags. Not an OptionSet: its literals are arrays, which the device has no heap for.
public protocol ControlFlags: Sendable, Equatable {
  var rawValue: UInt64 { get set }
  init(rawValue: UInt64)
}

extension ControlFlags {
  public static var none: Self { Self(rawValue: 0) }

  public func contains(_ other: Self) -> Bool { rawValue & other.rawValue == other.rawValue }

  public static func | (a: Self, b: Self) -> Self { Self(rawValue: a.rawValue | b.rawValue) }

  public static func & (a: Self, b: Self) -> Self { Self(rawValue: a.rawValue & b.rawValue) }
}

/// Bundle processing control flags (RFC 9171 4.2.3). Unassigned bits are kept and mean nothing.
public struct BundleFlags: ControlFlags {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let isFragment = BundleFlags(rawValue: 1 << 0)
  public static let isAdministrative = BundleFlags(rawValue: 1 << 1)
  public static let mustNotFragment = BundleFlags(rawValue: 1 << 2)
  public static let acknowledgementRequested = BundleFlags(rawValue: 1 << 5)
  public static let statusTimeRequested = BundleFlags(rawValue: 1 << 6)
  public static let reportReception = BundleFlags(rawValue: 1 << 14)
  public static let reportForwarding = BundleFlags(rawValue: 1 << 16)
  public static let reportDelivery = BundleFlags(rawValue: 1 << 17)
  public static let reportDeletion = BundleFlags(rawValue: 1 << 18)

  static let reports: BundleFlags =
    .reportReception | .reportForwarding | .reportDelivery | .reportDeletion
}

/// Block processing control flags (RFC 9171 4.2.4).
public struct BlockFlags: ControlFlags {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let replicateInFragments = BlockFlags(rawValue: 1 << 0)
  public static let reportIfUnprocessed = BlockFlags(rawValue: 1 << 1)
  public static let deleteBundleIfUnprocessed = BlockFlags(rawValue: 1 << 2)
  public static let discardIfUnprocessed = BlockFlags(rawValue: 1 << 4)
}

/// Block types (RFC 9171 9.1, RFC 9172 11.1).
public enum BlockType {
  public static let payload: UInt64 = 1
  public static let previousNode: UInt64 = 6
  public static let bundleAge: UInt64 = 7
  public static let hopCount: UInt64 = 10
  public static let integrity: UInt64 = 11
  public static let confidentiality: UInt64 = 12
}

/// CRC types (RFC 9171 4.2.1).
public enum CRCType: UInt8, Sendable, Equatable {
  case none = 0
  /// CRC-16 as in X.25.
  case crc16 = 1
  /// CRC-32C (Castagnoli).
  case crc32c = 2

  /// Bytes of the CRC's value.
  var byteCount: Int {
    switch self {
    case .none: 0
    case .crc16: 2
    case .crc32c: 4
    }
  }
}

/// DTN time (RFC 9171 4.2.6): milliseconds since 2000-01-01 00:00:00 UTC; 0 means unknown.
public enum DTNTime {
  /// Unix time of DTN time 0, milliseconds.
  public static let epochMilliseconds: Int64 = 946_684_800_000

  /// DTN time of a Unix time, both in milliseconds; 0 (unknown) before the year 2000.
  public static func from(unixMilliseconds: Int64) -> UInt64 {
    unixMilliseconds > epochMilliseconds ? UInt64(unixMilliseconds - epochMilliseconds) : 0
  }

  /// Unix time of a DTN time, both in milliseconds, at most Int64.max.
  public static func unixMilliseconds(_ time: UInt64) -> Int64 {
    let (sum, isBeyond) = Int64(clamping: time).addingReportingOverflow(epochMilliseconds)
    return isBeyond ? .max : sum
  }
}
