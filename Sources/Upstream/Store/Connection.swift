// SQLite as far as the index needs it. The only file that calls it.
// Invariants: one thread at a time; a statement is reset before it is used again; an error of SQLite
// is a StoreError here and nowhere else.

import CSQLite
import Wire

/// Why the index cannot be used. It can always be made anew from the ledger.
public struct StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// SQLite's result code.
  public var code: Int32
  public var message: String

  /// Something stands in the index that is never written to it.
  static var damaged: StoreError {
    StoreError(code: SQLITE_CORRUPT, message: "the index holds what it cannot hold")
  }

  public var description: String { "\(message) (SQLite \(code))" }
}

@safe
final class Connection {
  private var handle: OpaquePointer?

  init(path: String) throws(StoreError) {
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
    if code != SQLITE_OK {
      let error = failure(code)
      unsafe sqlite3_close_v2(handle)
      throw error
    }
    unsafe sqlite3_busy_timeout(handle, 5_000)
  }

  deinit { unsafe sqlite3_close_v2(handle) }

  /// Runs statements that give no rows, or whose rows do not matter.
  func run(_ sql: String) throws(StoreError) {
    let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw failure(code) }
  }

  func prepare(_ sql: String) throws(StoreError) -> Statement {
    var statement: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(
      handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let found = unsafe statement else { throw failure(code) }
    return unsafe Statement(found, of: self)
  }

  fileprivate func failure(_ code: Int32) -> StoreError {
    let text = unsafe sqlite3_errmsg(handle)
    return StoreError(code: code, message: unsafe text.map { unsafe String(cString: $0) } ?? "?")
  }
}

@safe
final class Statement {
  private let handle: OpaquePointer
  private let connection: Connection
  private var bound: Int32 = 0

  fileprivate init(_ handle: OpaquePointer, of connection: Connection) {
    unsafe self.handle = unsafe handle
    self.connection = connection
  }

  deinit { unsafe sqlite3_finalize(handle) }

  /// Binds the next parameter.
  func bind(_ value: Int64) { unsafe sqlite3_bind_int64(handle, next(), value) }
  func bind(_ value: UInt64) { bind(Int64(bitPattern: value)) }
  func bind<T: BinaryInteger>(_ value: T) { bind(Int64(value)) }
  func bind(_ value: Bool) { bind(Int64(value ? 1 : 0)) }
  func bindNull() { unsafe sqlite3_bind_null(handle, next()) }

  func bind(_ text: String) {
    unsafe sqlite3_bind_text(handle, next(), text, -1, Self.transient)
  }

  func bind<let size: Int>(_ bytes: Bytes<size>) {
    let place = next()
    unsafe bytes.span.withUnsafeBufferPointer { b in
      _ = unsafe sqlite3_bind_blob(handle, place, b.baseAddress, Int32(b.count), Self.transient)
    }
  }

  /// Runs the statement with what was bound, and makes it ready for the next time.
  func run() throws(StoreError) {
    _ = try step()
    reset()
  }

  /// The next row; false after the last, when the statement is ready for the next time.
  func step() throws(StoreError) -> Bool {
    switch unsafe sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE:
      reset()
      return false
    case let code:
      let error = connection.failure(code)
      reset()
      throw error
    }
  }

  func reset() {
    bound = 0
    unsafe sqlite3_reset(handle)
  }

  func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  func text(_ column: Int32) -> String {
    let text = unsafe sqlite3_column_text(handle, column)
    return unsafe text.map { unsafe String(cString: $0) } ?? ""
  }

  /// A blob of exactly `size` bytes; nil for anything else.
  func bytes<let size: Int>(_ column: Int32) -> Bytes<size>? {
    guard unsafe sqlite3_column_bytes(handle, column) == Int32(size),
      let blob = unsafe sqlite3_column_blob(handle, column)
    else { return nil }
    var value = Bytes<size>()
    for i in 0..<size { unsafe value.storage[i] = blob.load(fromByteOffset: i, as: UInt8.self) }
    return value
  }

  private func next() -> Int32 {
    bound += 1
    return bound
  }

  /// SQLITE_TRANSIENT: SQLite copies what is bound.
  private static var transient: sqlite3_destructor_type {
    unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
  }
}
