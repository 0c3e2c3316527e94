// The state folder: the block log, and the index that is made from it.
// Invariants: the log is never written but by `run`, and never cut but where a torn frame was put
// aside; the index is thrown away without regret.

import Foundation
import Ledger
import Platform
import Seal
import Store
import Trust
import Wire

enum LedgerFolder {
  /// A ledger without a block.
  static func emptyLedger(_ configuration: Configuration) -> Ledger<Sodium> {
    let count = TrustDocument<Sodium>.memoryBytes
    guard var arena = System.arena(bytes: count) else {
      fatalError("the system has no memory for a trust document")
    }
    return Ledger(
      node: configuration.node, key: configuration.key, authority: configuration.authority,
      trust: TrustDocument(memory: arena.take(count)))
  }

  /// Makes the state folder if it is not there, and counts this start of the validator.
  static func begin(_ configuration: Configuration) throws(Failure) -> UInt32 {
    let path = configuration.state + "/boot"
    do {
      try FileManager.default.createDirectory(
        atPath: configuration.state, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "0"
      let digits = text.trimmingCharacters(in: .whitespacesAndNewlines)
      let boot = (UInt32(digits) ?? 0) &+ 1
      try Data("\(boot)\n".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
      return boot
    } catch {
      throw .failed(
        "\(configuration.state) cannot hold the state: \(error.localizedDescription)")
    }
  }

  /// Replays the log from what the file holds now, without changing it.
  static func replay(
    _ configuration: Configuration, into ledger: inout Ledger<Sodium>,
    each: (borrowing Effects) -> Void
  ) throws(Failure) {
    var log = try open(configuration, for: .read)
    _ = try replay(&log, configuration, into: &ledger, each: each)
  }

  static func open(
    _ configuration: Configuration, for use: LogFile.Access
  ) throws(Failure) -> LogFile {
    do throws(FileFailure) {
      return try LogFile(configuration.logPath, for: use)
    } catch {
      if error.code == EWOULDBLOCK {
        throw .failed("\(configuration.logPath) is in use: another validator runs on it")
      }
      throw .failed("\(configuration.logPath): \(error.reason)")
    }
  }

  static func replay(
    _ log: inout LogFile, _ configuration: Configuration, into ledger: inout Ledger<Sodium>,
    each: (borrowing Effects) -> Void
  ) throws(Failure) -> LogEnd {
    do throws(LedgerError) {
      return try ledger.replay(&log, each: each)
    } catch {
      throw .failed(reason(error, configuration.logPath))
    }
  }

  static func reason(_ error: LedgerError, _ path: String) -> String {
    switch error {
    case .notALedger: "\(path) is no block log"
    case .unreadable: "\(path) cannot be read"
    case .corrupt(let offset, let fault):
      "\(path) is damaged at offset \(offset) (\(fault.name)), and was acknowledged up to there and"
        + " beyond: restore it from a copy; nothing was changed"
    }
  }

  /// Puts a torn frame aside and cuts it off.
  static func repair(_ log: inout LogFile, _ torn: Range<Int64>, _ path: String) throws(Failure) {
    guard !torn.isEmpty else { return }
    do throws(LedgerError) {
      var bytes: [UInt8] = []
      try log.read(at: torn.lowerBound, count: torn.count, into: &bytes)
      let aside = "\(path).torn-\(torn.lowerBound)"
      do {
        try Data(bytes).write(to: URL(fileURLWithPath: aside), options: .atomic)
      } catch {
        throw LedgerError.unreadable
      }
    } catch {
      throw .failed("the torn frame at the end of \(path) cannot be put aside")
    }
    do throws(FileFailure) {
      try log.cut(to: torn.lowerBound)
    } catch {
      throw .failed("\(path) cannot be cut: \(error.reason)")
    }
  }

  // MARK: Index

  /// `reindex`: makes the index anew, and puts it in the old one's place when it is complete.
  static func reindex(_ configuration: Configuration, isJSON: Bool) throws(Failure) {
    let path = configuration.indexPath + ".new"
    removeIndex(path)
    let (blocks, rows) = try fill(path, configuration)
    for suffix in ["-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: configuration.indexPath + suffix)
    }
    guard unsafe rename(path, configuration.indexPath) == 0 else {
      throw .failed("\(path) cannot be renamed to \(configuration.indexPath)")
    }
    if isJSON {
      var object = JSONObject()
      object.put("height", blocks)
      object.put("rows", rows)
      try Output.put(object.line)
    } else {
      try Output.put("index made from \(blocks) blocks: \(rows) rows")
    }
  }

  private static func fill(
    _ path: String, _ configuration: Configuration
  ) throws(Failure) -> (blocks: UInt64, rows: Int) {
    // A validator that runs would go on writing to the old index: its lock says so.
    var log = try open(configuration, for: .lock)
    var ledger = emptyLedger(configuration)
    let filler = try IndexFiller(path)
    _ = try replay(&log, configuration, into: &ledger) { filler.add($0) }
    try filler.finish()
    return (ledger.durableHeight, filler.rows)
  }

  static func removeIndex(_ path: String) {
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: path + suffix)
    }
  }
}

/// Brings replayed blocks to an index, many in one transaction.
final class IndexFiller {
  let store: Store
  private var waiting: [Effects] = []
  private var waitingRows = 0
  private(set) var rows = 0
  private var failure: StoreError?
  private let path: String

  init(_ path: String) throws(Failure) {
    self.path = path
    do throws(StoreError) {
      store = try Store(path: path)
    } catch {
      throw .failed("\(path): \(error)")
    }
  }

  func add(_ effects: borrowing Effects) {
    rows += effects.rows
    waitingRows += effects.rows
    waiting.append(copy effects)
    if waitingRows > 50_000 { flush() }
  }

  func finish() throws(Failure) {
    flush()
    do throws(StoreError) {
      try store.checkpoint()
    } catch {
      failure = failure ?? error
    }
    if let failure { throw .failed("\(path): \(failure)") }
  }

  private func flush() {
    guard failure == nil else { return }
    do throws(StoreError) {
      try store.add(waiting)
    } catch {
      failure = error
    }
    waiting = []
    waitingRows = 0
  }
}
