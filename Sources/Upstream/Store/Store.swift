// The index: what blocks did, in tables that can be asked. Never the truth: the block log is, and the
// index can be made anew from it.
// Invariants: blocks are added in order and whole, so the index is that of the ledger up to `height`;
// what one block did is in the file or is not, whatever happens to the process.

public import Ledger
import Records
public import Wire

public final class Store {
  private let connection: Connection
  private let block: Statement
  private let scan: Statement
  private let duplicate: Statement
  private let evidence: Statement
  private let device: Statement
  /// Place of each device in the table, from 1 in the order in which they came.
  private var devices: [DeviceKey: Int64] = [:]
  /// Height of the last block in the index, 0 if there is none.
  public private(set) var height: UInt64 = 0

  /// Opens the index at `path`, or makes an empty one.
  /// - Throws: also if the file is an index of another version, or no SQLite file.
  public init(path: String) throws(StoreError) {
    connection = try Connection(path: path)
    // The log is what must survive a power cut; the index is caught up from it.
    try connection.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
    let version = try Self.number("PRAGMA user_version", connection)
    guard version == 0 || version == Self.version else {
      throw StoreError(code: 26, message: "an index of version \(version), not \(Self.version)")
    }
    if version == 0 { try connection.run(Self.schema) }
    block = try connection.prepare("INSERT INTO blocks VALUES (?,?,?,?,?,?)")
    scan = try connection.prepare(
      "INSERT INTO scans VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
    duplicate = try connection.prepare(
      "INSERT INTO duplicates VALUES (?,?,?,?,?,?,?,?,?,?,?,?)")
    evidence = try connection.prepare("INSERT INTO evidence VALUES (?,?,?,?,?,?,?)")
    device = try connection.prepare(
      "INSERT OR REPLACE INTO devices VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
    height = try Self.unsigned(
      Self.number("SELECT coalesce(max(height), 0) FROM blocks", connection))
    let known = try connection.prepare("SELECT device, node, epoch FROM devices")
    while try known.step() {
      guard let epoch = UInt64(known.text(2), radix: 16) else { throw .damaged }
      let node = try Self.unsigned(known.integer(1))
      devices[DeviceKey(node: node, epoch: epoch)] = known.integer(0)
    }
  }

  /// Adds what blocks did, in one transaction; blocks that are in the index already are left out.
  /// - Precondition: in order, without a block left out.
  public func add(_ blocks: [Effects]) throws(StoreError) {
    let heightBefore = height
    let devicesBefore = devices
    try connection.run("BEGIN IMMEDIATE")
    do throws(StoreError) {
      for effects in blocks where effects.block.height > height {
        precondition(effects.block.height == height + 1, "the index would have a hole")
        try add(effects)
        height = effects.block.height
      }
      try connection.run("COMMIT")
    } catch {
      height = heightBefore
      devices = devicesBefore
      try? connection.run("ROLLBACK")
      throw error
    }
  }

  /// Id of the block of `height`, to see whether the index is of the same ledger.
  public func id(at height: UInt64) throws(StoreError) -> Hash? {
    let statement = try connection.prepare("SELECT id FROM blocks WHERE height = ?")
    statement.bind(height)
    return try statement.step() ? statement.bytes(0) : nil
  }

  /// Every row of every table as text, in a fixed order: two indexes are the same if these are.
  public func dump(_ line: (String) -> Void) throws(StoreError) {
    for (table, columns) in Self.columns {
      let values = columns.map { "quote(\($0))" }.joined(separator: " || ',' || ")
      let rows = try connection.prepare(
        "SELECT \(values) FROM \(table) ORDER BY \(columns.joined(separator: ","))")
      while try rows.step() { line("\(table): \(rows.text(0))") }
    }
  }

  /// Moves what is in the write-ahead log to the file, so that the file alone is the index.
  public func checkpoint() throws(StoreError) {
    try connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
  }

  private static func number(
    _ sql: String, _ connection: Connection
  ) throws(StoreError) -> Int64 {
    let statement = try connection.prepare(sql)
    return try statement.step() ? statement.integer(0) : 0
  }

  private static func unsigned(_ number: Int64) throws(StoreError) -> UInt64 {
    guard let number = UInt64(exactly: number) else { throw .damaged }
    return number
  }

  // MARK: Rows

  private func add(_ effects: borrowing Effects) throws(StoreError) {
    let height = effects.block.height
    block.bind(height)
    block.bind(effects.block.id)
    block.bind(effects.block.time)
    block.bind(effects.block.transactions)
    block.bind(effects.block.offset)
    block.bind(effects.block.bytes)
    try block.run()
    for row in effects.devices { try add(row) }
    for row in effects.scans { try add(row, height) }
    for row in effects.duplicates { try add(row) }
    for row in effects.evidence { try add(row) }
  }

  private func add(_ row: borrowing DeviceRow) throws(StoreError) {
    device.bind(place(of: row.device))
    device.bind(row.device.node)
    device.bind(Self.hex(row.device.epoch))
    device.bind(row.isQuarantined)
    device.bind(row.totals.scans)
    device.bind(row.totals.admitted)
    device.bind(row.totals.refused)
    device.bind(row.totals.causal)
    device.bind(row.totals.concurrent)
    device.bind(row.totals.gaps)
    for through in row.through.reversed() { device.bind(through) }
    try device.run()
  }

  private func add(_ row: borrowing ScanRow, _ height: UInt64) throws(StoreError) {
    scan.bind(place(of: row.device))
    scan.bind(row.recordClass.rawValue)
    scan.bind(row.sequence)
    scan.bind(height)
    if let ticket = row.ticket { scan.bind(ticket.identity) } else { scan.bindNull() }
    scan.bind(row.operation.rawValue)
    scan.bind(row.reason.rawValue)
    scan.bind(row.settlement.rawValue)
    scan.bind(row.boot)
    scan.bind(row.time)
    scan.bind(row.uncertainty)
    scan.bind(row.event)
    scan.bind(row.zone)
    scan.bind(row.use)
    scan.bind(row.entries)
    scan.bind(row.known)
    try scan.run()
  }

  private func add(_ row: borrowing DuplicateRow) throws(StoreError) {
    duplicate.bind(row.ticket.identity)
    duplicate.bind(row.isCausal)
    for use in [row.final, row.duplicate] {
      duplicate.bind(place(of: use.device))
      duplicate.bind(use.recordClass.rawValue)
      duplicate.bind(use.sequence)
      duplicate.bind(use.time)
      duplicate.bind(use.height)
    }
    try duplicate.run()
  }

  private func add(_ row: borrowing EvidenceRow) throws(StoreError) {
    evidence.bind(row.contradicting.height)
    evidence.bind(row.contradicting.index)
    evidence.bind(place(of: row.device))
    evidence.bind(row.recordClass.rawValue)
    evidence.bind(row.sequence)
    evidence.bind(row.known.height)
    evidence.bind(row.known.index)
    try evidence.run()
  }

  private func place(of key: DeviceKey) -> Int64 {
    if let place = devices[key] { return place }
    let place = Int64(devices.count) + 1
    devices[key] = place
    return place
  }

  private static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
