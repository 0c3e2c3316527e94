// The ledger with its files: takes bundles, makes blocks durable one at a time, and hands out what
// devices are to be told. Everything but the broker.
//
// Invariants: nothing is told of a block before the flush thread said that it is durable; while a block
// is being written the next one gathers what arrives (that is all the grouping there is: an idle
// validator makes a block of every batch at once); a block that does not fit on the disk is tried
// again, and until then batches wait at the broker.

import Ledger
import Limits
import Platform
import Receipts
import Records
import Seal
import Store
import Trust
import Wire

struct Settler: ~Copyable {
  let configuration: Configuration
  let journal: Journal
  var ledger: Ledger<Sodium>
  var log: LogFile
  let feed: IndexFeed
  var downlink = Downlink()
  var courier: Courier
  var counters = Counters()

  /// The last blocks, for proofs: most are asked for at once.
  var recent: [ProvenBlock] = []
  static let recentMax = 8
  var proof = [UInt8](repeating: 0, count: ProvenBlock.proofBytesMax)

  /// Arrived while the block that is being made had no room.
  private var inbox: [[UInt8]] = []
  private static let inboxMax = 64
  /// When to try again to write a block that did not fit; milliseconds of CLOCK_BOOTTIME.
  private var retryAt: Int64?
  private var retryDelay = firstRetryDelay
  private static let firstRetryDelay: Int64 = 1_000

  /// Job tag of the log at the flush thread, which knows files by the names of a device's.
  static let file = FileName.ring

  init(
    _ configuration: Configuration, _ boot: UInt32, _ journal: Journal,
    _ ledger: consuming Ledger<Sodium>, _ log: LogFile, _ feed: IndexFeed
  ) {
    self.configuration = configuration
    self.journal = journal
    self.ledger = ledger
    self.log = log
    self.feed = feed
    courier = Courier(node: configuration.node, boot: boot)
  }

  // MARK: In

  /// Whether what the broker has should be read now. While the disk is full it should: the connection
  /// has to live, and devices send again what is dropped.
  var wantsInput: Bool {
    retryAt != nil || inbox.isEmpty && ledger.hasRoom && feed.rows < IndexFeed.rowsMax
  }

  /// A message arrived on our topic.
  mutating func receive(_ bytes: Span<UInt8>, now: Now) {
    counters.messages += 1
    if inbox.isEmpty && ledger.hasRoom {
      take(bytes, now: now)
    } else if inbox.count < Self.inboxMax, bytes.count <= Limits.bundleBytesMax {
      inbox.append((0..<bytes.count).map { bytes[$0] })
    } else {
      counters.count(Dropped.noRoom)
      journal.write(.warning, "message_dropped", [("reason", Dropped.noRoom.name)])
    }
  }

  private mutating func take(_ bytes: Span<UInt8>, now: Now) {
    let place: Range<Int>
    do throws(Dropped) {
      place = try courier.batch(in: bytes, now: now.instant.milliseconds)
    } catch {
      counters.count(error)
      journal.write(
        .warning, "message_dropped", [("reason", error.name), ("bytes", "\(bytes.count)")])
      return
    }
    do throws(Refusal) {
      heard(try ledger.take(bytes.extracting(place), from: &log), now: now)
    } catch {
      counters.count(error)
      journal.write(.warning, "batch_refused", [("reason", "\(error.name)")])
    }
  }

  private mutating func heard(_ intake: Intake, now: Now) {
    counters.batches += 1
    counters.records += UInt64(intake.fresh)
    counters.replays += UInt64(intake.known)
    counters.holes += UInt64(intake.holes)
    counters.duplicates += UInt64(intake.duplicates)
    if let evidence = intake.evidence {
      counters.evidence += 1
      journal.write(
        .error, "device_quarantined",
        [
          ("device", "\(evidence.device.node)"), ("epoch", hex(evidence.device.epoch)),
          ("class", "\(evidence.recordClass.rawValue)"), ("sequence", "\(evidence.sequence)"),
          ("known", "\(evidence.known.height)/\(evidence.known.index)"),
          ("contradicting", "\(evidence.contradicting.height)/\(evidence.contradicting.index)"),
          ("action", "enrol it anew with another epoch"),
        ])
      return
    }
    if intake.holes > 0 {
      journal.write(
        .warning, "records_missing",
        [("device", "\(intake.header.node)"), ("runs", "\(intake.holes)")])
    }
    let asks = intake.fresh + intake.known + intake.holes == 0
    downlink.heard(
      intake.header, asks: asks, trust: ledger.trust.version, settled: ledger.settledHeight,
      at: now.elapsed)
  }

  // MARK: Blocks

  /// Puts what is pending on its way to the disk, if nothing is.
  mutating func propose(now: Now) throws(Failure) {
    if let retryAt, now.elapsed >= retryAt {
      self.retryAt = nil
      log.retry(tag: Int32(Self.file.rawValue))
    }
    guard !ledger.isFlying, ledger.hasPending else { return }
    guard ledger.isValidator else {
      throw .failed(
        "the trust document of version \(ledger.trust.version) no longer names this validator")
    }
    ledger.propose(time: now.instant.milliseconds)
    log.append(ledger.frame, tag: Int32(Self.file.rawValue))
  }

  /// Takes what had to wait for room.
  mutating func drainInbox(now: Now) {
    while ledger.hasRoom, !inbox.isEmpty {
      let bytes = inbox.removeFirst()
      take(bytes.span, now: now)
    }
  }

  /// The flush thread has answered.
  mutating func flushed(_ error: DiskError?, now: Now) throws(Failure) {
    if let error {
      try failed(error, now: now)
      return
    }
    if retryDelay != Self.firstRetryDelay {
      retryDelay = Self.firstRetryDelay
      journal.write(.info, "disk_has_room", [("height", "\(ledger.height)")])
    }
    log.appended()
    let (effects, block) = ledger.flushed()
    counters.blocks += 1
    for i in 0..<block.receipts {
      if let node = block.node(ofReceipt: i) { downlink.receipted(node) }
    }
    if !block.settlements.isEmpty {
      downlink.settled(block.header.height, only: block.soleNode, at: now.elapsed)
    }
    if block.header.height == ledger.trustHeight { tellTrust(now: now) }
    remember(block)
    feed.add(effects)
    if let failure = feed.takeFailure() { indexFailed(failure) }
  }

  /// A block that did not fit is tried again; any other failure leaves it open what is on the disk, and
  /// only reading it again can tell.
  private mutating func failed(_ error: DiskError, now: Now) throws(Failure) {
    guard error == .noSpace else {
      throw .failed(
        "\(configuration.logPath) cannot be written (\(error)): nothing of block \(ledger.height)"
          + " was receipted; see to the disk and start again")
    }
    journal.write(
      .error, "disk_full",
      [
        ("height", "\(ledger.height)"), ("retry_ms", "\(retryDelay)"),
        ("path", configuration.logPath),
      ])
    do throws(FileFailure) {
      try log.cut(to: log.count)
    } catch {
      throw .failed("\(configuration.logPath) cannot be cut: \(error.reason)")
    }
    retryAt = now.elapsed + retryDelay
    retryDelay = min(2 * retryDelay, 30_000)
  }

  func indexFailed(_ failure: StoreError) {
    journal.write(
      .error, "index_failed",
      [("reason", "\(failure)"), ("action", "the index is caught up at the next start")])
  }

  /// Whether a block is being written.
  var isBusy: Bool { ledger.isFlying }

  /// When something is due that no event announces; milliseconds of CLOCK_BOOTTIME.
  var deadline: Int64? { retryAt }

  // MARK: Trust

  /// Reads the trust document's file, and adopts what is newer: devices hear of it when its block is
  /// durable. The one in force stays otherwise.
  /// - Returns: false if it has to wait for the block that is being made.
  @discardableResult
  mutating func readTrust() -> Bool {
    guard !ledger.hasPending else { return false }
    let document: [UInt8]
    do throws(Failure) {
      document = try Configuration.read(configuration.trustPath)
    } catch {
      journal.write(.error, "trust_unreadable", [("path", configuration.trustPath)])
      return true
    }
    do throws(TrustError) {
      if try ledger.adopt(document.span) == .loaded {
        journal.write(.info, "trust_adopted", [("version", "\(ledger.trust.version)")])
      }
    } catch {
      journal.write(
        .error, "trust_refused",
        [
          ("reason", "\(error)"), ("path", configuration.trustPath),
          ("in_force", "\(ledger.trust.version)"),
        ])
    }
    return true
  }
}
