// The ledger of a validator: batches in, blocks out, and the state that follows from the blocks.
// A state machine without I/O: the caller writes the frame that `propose` made, flushes it, and says
// so with `flushed`; what the ledger has to read back it reads through a LogSource.
//
// Invariants: state is a function of the blocks in order (replaying them gives it again, and the
// header of each says so); at most one block is being written, and at most one is being made on top
// of it; nothing is given out of a block that is not durable.

public import Trust
public import Wire

public struct Ledger<P: Primitives>: ~Copyable {
  /// This validator.
  public let node: UInt64
  let key: SecretKey
  let authority: PublicKey

  /// The document in force for the block that is being made.
  public internal(set) var trust: TrustDocument<P>
  /// Height of the block that begins with it, 0 before the first.
  public private(set) var trustHeight: UInt64 = 0

  // The tables, with everything that is in the block that is being made.
  var devices = DeviceTable()
  var tickets = TicketTable()
  var deviceTree = HashTree()
  var ticketTree = HashTree()
  var changedDevices: [UInt32] = []
  var receiptedDevices: [UInt32] = []
  var changedTickets: [UInt32] = []
  var pending = BlockBuffer()
  var pendingEffects = Effects()

  // The block that is being written.
  var flying = BlockBuffer()
  var flyingEffects = Effects()
  public internal(set) var isFlying = false

  // The chain up to the last sealed block, the one being written included.
  /// Height of the last block that is sealed.
  public internal(set) var height: UInt64 = 0
  var tip = Hash()
  var tipTime = Int64.min
  /// Last height with settlements, sealed.
  var lastSettlement: UInt64 = 0

  // What is durable.
  /// Offset of each block's frame.
  var offsets: [Int64] = []
  /// Length of the log.
  public internal(set) var end = Int64(LogFormat.headerBytes)
  /// Durable heights that have settlements, ascending.
  public internal(set) var settlementHeights: [UInt64] = []

  var hashes: [Hash] = []
  var scratch = [UInt8](repeating: 0, count: TrustDocument<P>.scratchBytes)

  /// A ledger without a block.
  /// - Parameters:
  ///   - authority: who signed the first trust document of the ledger.
  ///   - trust: not loaded; the place where documents are read.
  public init(
    node: UInt64, key: SecretKey, authority: PublicKey, trust: consuming TrustDocument<P>
  ) {
    precondition(!trust.isLoaded, "the trust document comes from the ledger, or from adopt")
    self.node = node
    self.key = key
    self.authority = authority
    self.trust = trust
  }

  /// Height of the last durable block, 0 if there is none.
  public var durableHeight: UInt64 { UInt64(offsets.count) }

  /// Whether the block that the document in force came with is durable.
  public var isTrustDurable: Bool { trustHeight <= durableHeight }

  /// Whether there is something to propose.
  public var hasPending: Bool { !pending.transactions.isEmpty }

  /// Whether the block that is being made can take one more batch.
  public var hasRoom: Bool { pending.hasRoom }

  /// Totals of every device and epoch that is in the ledger, in the order in which they came.
  public var deviceRows: [DeviceRow] { (0..<UInt32(devices.count)).map { row(of: $0) } }

  /// Tickets that have been consumed.
  public var ticketCount: Int { tickets.tickets.count }

  func row(of place: UInt32) -> DeviceRow {
    let device = devices.device(place)
    return DeviceRow(
      device: device.key, isQuarantined: device.isQuarantined,
      through: device.chains.map { $0.through }, totals: device.totals)
  }

  /// Takes a newer trust document: it begins the next block, and is in force from there on.
  /// - Precondition: nothing is pending.
  /// - Throws: what `TrustDocument.load` throws; then the document in force stays.
  public mutating func adopt(_ document: Span<UInt8>) throws(TrustError) -> TrustChange {
    precondition(!hasPending, "a trust document stands first in its block")
    var room = [UInt8](repeating: 0, count: TrustDocument<P>.scratchBytes)
    var target = room.mutableSpan
    let change = try trust.load(document, anchor: .pinned(authority), scratch: &target)
    if change == .loaded {
      append(kind: Transaction.trustKind, document)
      trustHeight = height + 1
    }
    return change
  }

  /// Appends the transaction `[kind, body]` to the block that is being made.
  mutating func append(kind: UInt64, _ body: Span<UInt8>) {
    let head: [2 of UInt8] = [0x82, UInt8(kind)]
    pending.append(head: head.span, body: body, with: P.self)
  }
}
