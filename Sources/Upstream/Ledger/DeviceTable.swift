// What the ledger has of every device and epoch: a chain for each class, and whether the epoch is
// quarantined.
// Invariants: devices stand in the order of their first batch and never move; a chain only grows; a
// quarantined epoch stays so.

import Records
import Wire

/// A device's enrolment, as a key.
public struct DeviceKey: Hashable, Sendable {
  public var node: UInt64
  public var epoch: UInt64

  public init(node: UInt64, epoch: UInt64) {
    self.node = node
    self.epoch = epoch
  }
}

/// Counts over the records of one device that are in the ledger.
public struct Totals: Sendable, Equatable {
  public var scans: UInt64 = 0
  public var admitted: UInt64 = 0
  /// By the number of the reason; `valid` are the admissions.
  public var reasons = [UInt64](repeating: 0, count: Reason.count)
  /// Consumes after a ticket's last final one.
  public var causal: UInt64 = 0
  public var concurrent: UInt64 = 0
  /// Gap records.
  public var gaps: UInt64 = 0

  public init() {}

  public var refused: UInt64 { scans - admitted }
  public var duplicates: UInt64 { causal + concurrent }
}

/// A transaction of the ledger.
public struct TransactionPlace: Sendable, Equatable {
  public var height: UInt64
  /// Among the block's transactions, from 0.
  public var index: Int

  public init(height: UInt64, index: Int) {
    self.height = height
    self.index = index
  }
}

/// The records of one device, epoch and class.
struct Chain {
  private(set) var through: UInt64 = 0
  /// Of record `through`.
  private(set) var head = Hash()
  private var runs: [RunStart] = []
  private var ends: [End] = []

  /// Which transaction holds the records from `sequence` on; 16 bytes, for these are kept for ever.
  private struct RunStart {
    var sequence: UInt64
    var place: UInt64
  }

  private struct End {
    var sequence: UInt64
    var hash: Hash
  }

  private static let endsMax = 64

  /// A run from the next sequence on, in the transaction at `place`.
  mutating func begin(at place: TransactionPlace) {
    runs.append(
      RunStart(sequence: through + 1, place: place.height << 16 | UInt64(place.index)))
  }

  mutating func advance(to sequence: UInt64, hash: Hash) {
    through = sequence
    head = hash
  }

  /// Remembers where a run ended, so that hearing it again costs no read.
  mutating func end() {
    if ends.count == Self.endsMax { ends.removeFirst() }
    ends.append(End(sequence: through, hash: head))
  }

  /// Hash of the record with `sequence`, if a recent run ended there.
  func recentHash(of sequence: UInt64) -> Hash? {
    if sequence == through { return head }
    return ends.last { $0.sequence == sequence }?.hash
  }

  /// The transaction that holds `sequence`, or the nearest before it.
  /// - Complexity: O(log runs).
  func place(of sequence: UInt64) -> TransactionPlace? {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let place = runs[low - 1].place
    return TransactionPlace(height: place >> 16, index: Int(place & 0xffff))
  }
}

struct DeviceState {
  var key: DeviceKey
  var isQuarantined = false
  /// By number of the class.
  var chains = [Chain](repeating: Chain(), count: 4)
  var totals = Totals()
  /// Height of the last block that changed it, and of the last one that applied records of it.
  var touched: UInt64 = 0
  var receipted: UInt64 = 0
}

struct DeviceTable {
  private var devices: [DeviceState] = []
  private var places: [DeviceKey: UInt32] = [:]

  var count: Int { devices.count }

  subscript(_ place: UInt32) -> DeviceKey { devices[Int(place)].key }

  func device(_ place: UInt32) -> DeviceState { devices[Int(place)] }

  func place(of key: DeviceKey) -> UInt32? { places[key] }

  /// Place of `key`, made if it is new.
  mutating func enter(_ key: DeviceKey) -> UInt32 {
    if let place = places[key] { return place }
    let place = UInt32(devices.count)
    devices.append(DeviceState(key: key))
    places[key] = place
    return place
  }

  func isQuarantined(_ place: UInt32) -> Bool { devices[Int(place)].isQuarantined }

  static let noHeads = [(through: UInt64, head: Hash)](repeating: (0, Hash()), count: 4)

  /// Where the chains end, by number of the class.
  func heads(_ place: UInt32) -> [(through: UInt64, head: Hash)] {
    devices[Int(place)].chains.map { ($0.through, $0.head) }
  }

  func recentHash(_ place: UInt32, _ recordClass: RecordClass, _ sequence: UInt64) -> Hash? {
    devices[Int(place)].chains[recordClass.index].recentHash(of: sequence)
  }

  func transaction(
    _ place: UInt32, _ recordClass: RecordClass, _ sequence: UInt64
  ) -> TransactionPlace? {
    devices[Int(place)].chains[recordClass.index].place(of: sequence)
  }

  /// Marks the device as changed by the block of `height`; false if it was.
  mutating func touch(_ place: UInt32, height: UInt64) -> Bool {
    guard devices[Int(place)].touched != height else { return false }
    devices[Int(place)].touched = height
    return true
  }

  /// Marks that the block of `height` applies records of the device; false if it was.
  mutating func receipt(_ place: UInt32, height: UInt64) -> Bool {
    guard devices[Int(place)].receipted != height else { return false }
    devices[Int(place)].receipted = height
    return true
  }

  func receipted(_ place: UInt32) -> UInt64 { devices[Int(place)].receipted }

  mutating func change<E: Error>(
    _ place: UInt32, _ body: (inout DeviceState) throws(E) -> Void
  ) throws(E) {
    try body(&devices[Int(place)])
  }

  /// Bytes that a leaf needs at most.
  static let leafBytesMax = 256

  /// Writes the leaf of `place` (FORMAT.md, "State").
  @_lifetime(writer: copy writer)
  func encode(leaf place: Int, into writer: inout CBORWriter) throws(WireError) {
    try writer.array(4)
    try writer.unsigned(devices[place].key.node)
    try writer.unsigned(devices[place].key.epoch)
    try writer.bool(devices[place].isQuarantined)
    try writer.array(4)
    for number in [3, 2, 1, 0] {
      try writer.array(2)
      try writer.unsigned(devices[place].chains[number].through)
      try writer.byteString(devices[place].chains[number].head.span)
    }
  }
}
