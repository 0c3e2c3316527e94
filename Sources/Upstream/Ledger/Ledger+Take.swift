// A batch from a device: what of it is new, known, missing before it, or contradicted (FORMAT.md,
// "Applying a batch").
// Invariants: a batch that is refused changes nothing; nothing of a batch is applied before all of it
// was looked at.

public import Records
import Trust
import Wire

/// What became of a batch.
public struct Intake: Sendable, Equatable {
  public var header: BatchHeader
  /// Records that are in the block that is being made.
  public var fresh = 0
  /// Records that the ledger had.
  public var known = 0
  /// Runs before which records are missing.
  public var holes = 0
  /// Consumes among the fresh records that are duplicates.
  public var duplicates = 0
  /// The batch contradicts the ledger: the device's epoch is quarantined from now on.
  public var evidence: EvidenceRow?
}

/// What the records of a batch are to the ledger.
struct Survey {
  struct Run {
    var recordClass: RecordClass
    var first: UInt64
    var last: UInt64
    /// The first record to apply.
    var from: UInt64?
  }

  var runs: [Run] = []
  var fresh = 0
  var known = 0
  var holes = 0
  /// A record that the ledger has otherwise.
  var contradiction: (recordClass: RecordClass, sequence: UInt64)?
  /// Last records of runs that the ledger should have as a whole: still to be compared.
  var old: [(recordClass: RecordClass, sequence: UInt64, hash: Hash)] = []
  /// Where the chains will be, by number of the class.
  var heads: [(through: UInt64, head: Hash)]
  /// Whether a gap record of this very batch moved the chain, by number of the class.
  var isBridged = [Bool](repeating: false, count: 4)
}

extension Ledger {
  /// Takes a signed batch into the block that is being made.
  /// - Parameter log: where durable blocks are read, to compare with old records.
  /// - Throws: a Refusal, and nothing has changed.
  /// - Complexity: one signature check and two passes; one block is read if the batch is older than
  ///   the last 64 runs of a class.
  public mutating func take<S: LogSource & ~Copyable>(
    _ bytes: Span<UInt8>, from log: inout S
  ) throws(Refusal) -> Intake {
    guard pending.hasRoom else { throw .full }
    let batch: Batch
    do throws(BatchError) {
      batch = try Batch(parsing: bytes)
    } catch {
      throw Refusal(error)
    }
    let claimed = batch.claimed
    guard let device = trust.device(claimed.node), device.status == .active else {
      throw .notEnrolled
    }
    guard device.epoch == claimed.epoch else { throw .wrongEpoch }
    let key = DeviceKey(node: claimed.node, epoch: claimed.epoch)
    let known = devices.place(of: key)
    if let known, devices.isQuarantined(known) { throw .quarantined }
    let verified: VerifiedBatch
    do throws(BatchError) {
      var target = scratch.mutableSpan
      verified = try batch.verify(by: device.key, with: P.self, scratch: &target)
    } catch {
      throw Refusal(error)
    }
    var intake = Intake(header: claimed)
    guard verified.count > 0 else { return intake }
    var survey = try survey(verified, of: known)
    for record in survey.old where survey.contradiction == nil {
      let hash = try knownHash(known, record.recordClass, record.sequence, &log)
      if let hash, hash != record.hash {
        survey.contradiction = (record.recordClass, record.sequence)
      }
    }
    if let contradiction = survey.contradiction {
      // What the ledger has not heard of has nothing there to contradict.
      guard let known else { throw .brokenChain }
      intake.evidence = quarantine(
        known, contradiction.recordClass, contradiction.sequence, batch: bytes)
      return intake
    }
    intake.known = survey.known
    intake.holes = survey.holes
    if survey.fresh > 0 {
      intake.fresh = survey.fresh
      intake.duplicates = apply(verified, survey, to: devices.enter(key))
    }
    return intake
  }

  /// Looks at every run: hashes its records, checks that they are a chain, and finds where it meets
  /// the ledger's chain. The hashes stay in `hashes`, in the order of the batch.
  mutating func survey(
    _ batch: borrowing VerifiedBatch, of place: UInt32?
  ) throws(Refusal) -> Survey {
    var survey = Survey(heads: place.map { devices.heads($0) } ?? DeviceTable.noHeads)
    hashes.removeAll(keepingCapacity: true)
    var gaps: [GapRecord] = []
    var firstPrevious = Hash()
    var start = 0
    var entries = batch.entries
    while let entry = entries.next() {
      let record = batch.record(entry)
      let previous = try Self.previous(record, isFirst: entry.sequence == 1)
      if let run = survey.runs.last, run.recordClass == entry.recordClass {
        guard previous == hashes[hashes.count - 1] else { throw .brokenChain }
        survey.runs[survey.runs.count - 1].last = entry.sequence
      } else {
        try close(&survey, from: start, firstPrevious, gaps)
        start = hashes.count
        firstPrevious = previous
        survey.runs.append(
          Survey.Run(
            recordClass: entry.recordClass, first: entry.sequence, last: entry.sequence, from: nil))
      }
      if entry.recordClass == .control, let gap = try? GapRecord(parsing: record) {
        gaps.append(gap)
      }
      hashes.append(P.hash(record))
    }
    try close(&survey, from: start, firstPrevious, gaps)
    return survey
  }

  /// Decides about the last run, whose hashes begin at `start`.
  private func close(
    _ survey: inout Survey, from start: Int, _ firstPrevious: Hash, _ gaps: [GapRecord]
  ) throws(Refusal) {
    guard let run = survey.runs.last else { return }
    let number = run.recordClass.index
    let (through, head) = survey.heads[number]
    let count = Int(run.last - run.first) + 1
    guard run.first <= through + 1 else {
      survey.holes += 1
      return
    }
    guard run.last > through else {
      survey.known += count
      survey.old.append((run.recordClass, run.last, hashes[start + count - 1]))
      return
    }
    let met = run.first <= through ? hashes[start + Int(through - run.first)] : firstPrevious
    guard met == head else {
      // The batch contradicts its own gap record, not the ledger.
      guard !survey.isBridged[number] else { throw .brokenChain }
      survey.contradiction = (run.recordClass, through)
      return
    }
    let from = max(run.first, through + 1)
    survey.runs[survey.runs.count - 1].from = from
    survey.known += Int(from - run.first)
    survey.fresh += Int(run.last - from) + 1
    survey.heads[number] = (run.last, hashes[start + count - 1])
    // Gap records are applied with the run that they stand in.
    guard run.recordClass == .control else { return }
    for gap in gaps where gap.sequence >= from {
      let missing = gap.missingClass.index
      let (through, head) = survey.heads[missing]
      if gap.moves(through: through, head: head) {
        survey.heads[missing] = (gap.last, gap.end)
        survey.isBridged[missing] = true
      }
    }
  }

  /// What a record names as the one before.
  private static func previous(
    _ record: Span<UInt8>, isFirst: Bool
  ) throws(Refusal) -> Hash {
    do throws(WireError) {
      var reader = CBORReader(record)
      _ = try reader.head()
      _ = try reader.unsigned()
      _ = try reader.unsigned()
      let previous: Hash = try reader.fixed()
      guard !isFirst || previous.isZero else { throw .outOfRange }
      return previous
    } catch {
      throw .brokenChain
    }
  }

  /// Hash of record `sequence` as the ledger has it; nil if it has not, because a gap record stands
  /// for it.
  private mutating func knownHash<S: LogSource & ~Copyable>(
    _ place: UInt32?, _ recordClass: RecordClass, _ sequence: UInt64, _ log: inout S
  ) throws(Refusal) -> Hash? {
    guard let place else { return nil }
    if let hash = devices.recentHash(place, recordClass, sequence) { return hash }
    guard let at = devices.transaction(place, recordClass, sequence) else { return nil }
    if at.height == height + 1 {
      return Self.hash(of: recordClass, sequence, in: pending.transaction(at.index))
    }
    if isFlying && at.height == height {
      return Self.hash(of: recordClass, sequence, in: flying.transaction(at.index))
    }
    do throws(LedgerError) {
      let body = try body(at: at.height, from: &log)
      do throws(WireError) {
        let block = try Block(parsing: body.span)
        guard at.index < block.transactions.count else { return nil }
        return Self.hash(
          of: recordClass, sequence, in: body.span.extracting(block.transactions[at.index]))
      } catch {
        throw .unreadable
      }
    } catch {
      throw .unreadable
    }
  }

  /// Hash of a record in the batch of `transaction`.
  private static func hash(
    of recordClass: RecordClass, _ sequence: UInt64, in transaction: Span<UInt8>
  ) -> Hash? {
    guard
      case .batch(let place)? = try? Transaction(
        parsing: transaction, at: 0..<transaction.count)
    else { return nil }
    do throws(BatchError) {
      let bytes = transaction.extracting(place)
      let batch = try Batch(parsing: bytes)
      var nothing = [UInt8](repeating: 0, count: bytes.count + 128)
      var scratch = nothing.mutableSpan
      let verified = try batch.verify(
        by: PublicKey(), with: Believing<P>.self, scratch: &scratch)
      var entries = verified.entries
      while let entry = entries.next() {
        if entry.recordClass == recordClass, entry.sequence == sequence {
          return P.hash(verified.record(entry))
        }
      }
      return nil
    } catch {
      return nil
    }
  }
}

extension GapRecord {
  /// Whether a chain that ends at `through` with `head` goes on after the gap.
  func moves(through: UInt64, head: Hash) -> Bool {
    missingClass != .control && first <= through + 1 && last > through
      && (first <= through || before == head)
  }
}

extension Refusal {
  init(_ error: BatchError) {
    switch error {
    case .badAlgorithm: self = .badAlgorithm
    case .wrongKeyID: self = .wrongKeyID
    case .badSignature: self = .badSignature
    default: self = .malformed
    }
  }
}
