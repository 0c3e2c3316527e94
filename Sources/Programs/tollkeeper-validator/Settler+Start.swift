// From the files to a settler that can take batches.
// Invariants: what the log holds is replayed whole before anything is taken; the index is brought up
// to the log, or made anew, once, if it is not of this ledger or cannot be used.

import Ledger
import Seal
import Store
import Trust
import Wire

extension Settler {
  /// Replays the log, brings the index up to it, and adopts the trust document.
  /// - Parameter boot: number of this start of the validator.
  static func start(
    _ configuration: Configuration, boot: UInt32, _ journal: Journal
  ) throws(Failure) -> Settler {
    var ledger = LedgerFolder.emptyLedger(configuration)
    var log = try LedgerFolder.open(configuration, for: .write)
    let store = try replay(configuration, journal, &log, &ledger)
    var settler = Settler(configuration, boot, journal, ledger, log, IndexFeed(store))
    settler.readTrust()
    guard settler.ledger.trust.isLoaded else {
      throw .failed("\(configuration.trustPath) is no trust document that this validator can use")
    }
    guard settler.ledger.isValidator else {
      throw .failed(
        "the trust document in force (version \(settler.ledger.trust.version)) does not name node"
          + " \(configuration.node) with this key as its one validator")
    }
    journal.write(
      .info, "ledger_ready",
      [
        ("height", "\(settler.ledger.durableHeight)"),
        ("trust", "\(settler.ledger.trust.version)"),
      ])
    return settler
  }

  /// Replays, repairs a torn tail, and opens the index.
  private static func replay(
    _ configuration: Configuration, _ journal: Journal, _ log: inout LogFile,
    _ ledger: inout Ledger<Sodium>
  ) throws(Failure) -> Store {
    let (store, end) = try continued(configuration, journal, &log, &ledger)
    try repair(&log, end.torn, configuration, journal)
    if let store { return store }
    // The old index is closed by now: SQLite would remove the new one's files with its own.
    LedgerFolder.removeIndex(configuration.indexPath)
    ledger = LedgerFolder.emptyLedger(configuration)
    let filler = try IndexFiller(configuration.indexPath)
    _ = try LedgerFolder.replay(&log, configuration, into: &ledger) { filler.add($0) }
    try filler.finish()
    return filler.store
  }

  /// Replays the log, and brings the index that is there up to it.
  /// - Returns: no store if the index has to be made anew.
  private static func continued(
    _ configuration: Configuration, _ journal: Journal, _ log: inout LogFile,
    _ ledger: inout Ledger<Sodium>
  ) throws(Failure) -> (Store?, LogEnd) {
    let filler = try opened(configuration, journal)
    let indexed = filler.store.height
    var isForeign = false
    let end = try LedgerFolder.replay(&log, configuration, into: &ledger) { effects in
      if effects.block.height == indexed {
        isForeign = (try? filler.store.id(at: effects.block.height)) != effects.block.id
      }
      if effects.block.height > indexed && !isForeign { filler.add(effects) }
    }
    if isForeign || indexed > ledger.durableHeight {
      journal.write(.warning, "index_of_another_ledger", [("action", "made anew")])
      return (nil, end)
    }
    do throws(Failure) {
      try filler.finish()
      return (filler.store, end)
    } catch {
      tellUnusable(error, journal)
      return (nil, end)
    }
  }

  private static func opened(
    _ configuration: Configuration, _ journal: Journal
  ) throws(Failure) -> IndexFiller {
    do throws(Failure) {
      return try IndexFiller(configuration.indexPath)
    } catch {
      tellUnusable(error, journal)
      LedgerFolder.removeIndex(configuration.indexPath)
      return try IndexFiller(configuration.indexPath)
    }
  }

  private static func tellUnusable(_ failure: Failure, _ journal: Journal) {
    journal.write(
      .warning, "index_unusable", [("reason", failure.message), ("action", "made anew")])
  }

  private static func repair(
    _ log: inout LogFile, _ torn: Range<Int64>, _ configuration: Configuration, _ journal: Journal
  ) throws(Failure) {
    guard !torn.isEmpty else { return }
    journal.write(
      .warning, "torn_frame",
      [
        ("offset", "\(torn.lowerBound)"), ("bytes", "\(torn.count)"), ("action", "put aside"),
      ])
    try LedgerFolder.repair(&log, torn, configuration.logPath)
  }
}
