// What a block did, row by row: what the index and the reports are made of.
// Invariants: computed from the block and the state before it alone, so replaying the log gives the
// same rows in the same order.

public import Records
public import Wire

public struct BlockRow: Sendable, Equatable {
  public var height: UInt64 = 0
  public var id = Hash()
  /// Proposer's, Unix milliseconds.
  public var time: Int64 = 0
  public var transactions = 0
  /// Of the frame in the log.
  public var offset: Int64 = 0
  public var bytes = 0
}

/// How a scan was settled.
public enum Settlement: UInt8, Sendable {
  /// Nothing to settle: a refusal, or an operation that consumes nothing.
  case none = 0
  case final = 1
  case causalDuplicate = 2
  case concurrentDuplicate = 3

  public var name: StaticString {
    switch self {
    case .none: "none"
    case .final: "final"
    case .causalDuplicate: "causal"
    case .concurrentDuplicate: "concurrent"
    }
  }
}

public struct ScanRow: Sendable {
  public var device: DeviceKey
  public var sequence: UInt64
  public var recordClass: RecordClass
  public var operation: Operation
  public var reason: Reason
  public var settlement: Settlement
  public var boot: UInt32
  /// As the gate says, Unix milliseconds, either way uncertain by `uncertainty` ms.
  public var time: Int64
  public var uncertainty: UInt32
  public var ticket: TicketKey?
  public var event: UInt32
  public var zone: UInt32
  public var use: UInt16
  public var entries: UInt16
  /// Ledger height that the gate knew.
  public var known: UInt64
}

/// One side of a duplicate.
public struct UseRow: Sendable, Equatable {
  public var device: DeviceKey
  public var recordClass: RecordClass
  public var sequence: UInt64
  public var time: Int64
  /// Of the block that settled it.
  public var height: UInt64
}

public struct DuplicateRow: Sendable, Equatable {
  public var ticket: TicketKey
  public var isCausal: Bool
  /// The final consume that it collides with.
  public var final: UseRow
  public var duplicate: UseRow
}

public struct EvidenceRow: Sendable, Equatable {
  public var device: DeviceKey
  public var recordClass: RecordClass
  public var sequence: UInt64
  /// The transaction that was there, and the one that contradicts it.
  public var known: TransactionPlace
  public var contradicting: TransactionPlace
}

public struct DeviceRow: Sendable, Equatable {
  public var device: DeviceKey
  public var isQuarantined: Bool
  /// By number of the class.
  public var through: [UInt64]
  public var totals: Totals
}

/// All rows of one block.
public struct Effects: Sendable {
  public var block = BlockRow()
  public var scans: [ScanRow] = []
  public var duplicates: [DuplicateRow] = []
  public var evidence: [EvidenceRow] = []
  /// Devices that the block changed, as they are after it.
  public var devices: [DeviceRow] = []

  public init() {}

  public var rows: Int { 1 + scans.count + duplicates.count + evidence.count + devices.count }
}
