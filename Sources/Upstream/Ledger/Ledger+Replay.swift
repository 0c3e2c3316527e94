// From the log back to the state: every block is applied again, and its roots must come out the same
// (FORMAT.md, "Reading").
// Invariants: a block that does not follow stops the replay; nothing is ever skipped. Batches'
// signatures are not checked again: the certificate over their Merkle root vouches for them.

import Receipts
import Records
import Trust
import Wire

/// Where a log's frames end.
public struct LogEnd: Sendable, Equatable {
  /// Length of the part that holds blocks.
  public var offset: Int64
  /// What follows it: a torn frame, to be put aside and cut off. Empty if there is none.
  public var torn: Range<Int64>
}

extension Ledger {
  /// Replays a whole log.
  /// - Parameter each: hears what every block did, in order.
  /// - Precondition: the ledger has no block.
  /// - Throws: `notALedger`, `corrupt`, `unreadable`; then the ledger is not to be used.
  public mutating func replay<S: LogSource & ~Copyable>(
    _ log: inout S, each: (borrowing Effects) -> Void
  ) throws(LedgerError) -> LogEnd {
    precondition(height == 0 && !hasPending, "replay is for a ledger without a block")
    var head: [UInt8] = []
    guard log.count >= Int64(LogFormat.headerBytes) else { throw .notALedger }
    try log.read(at: 0, count: LogFormat.headerBytes, into: &head)
    try LogFormat.checkHeader(head.span, with: P.self)
    var body: [UInt8] = []
    while end < log.count {
      guard try Self.read(&log, at: end, head: &head, body: &body) else {
        try Self.checkTorn(&log, from: end)
        return LogEnd(offset: end, torn: end..<log.count)
      }
      each(try replay(body.span, at: end))
    }
    return LogEnd(offset: end, torn: end..<end)
  }

  /// Reads the frame at `offset`; false if there is no valid one.
  private static func read<S: LogSource & ~Copyable>(
    _ log: inout S, at offset: Int64, head: inout [UInt8], body: inout [UInt8]
  ) throws(LedgerError) -> Bool {
    let left = log.count - offset - Int64(LogFormat.frameHeadBytes)
    guard left > 0 else { return false }
    head.removeAll(keepingCapacity: true)
    body.removeAll(keepingCapacity: true)
    try log.read(at: offset, count: LogFormat.frameHeadBytes, into: &head)
    guard let count = LogFormat.bodyCount(head.span), Int64(count) <= left else { return false }
    try log.read(at: offset + Int64(LogFormat.frameHeadBytes), count: count, into: &body)
    return LogFormat.isWhole(head: head.span, body: body.span, at: offset, with: P.self)
  }

  /// Throws unless what begins at `offset` can be the one frame that was being written.
  private static func checkTorn<S: LogSource & ~Copyable>(
    _ log: inout S, from offset: Int64
  ) throws(LedgerError) {
    let left = log.count - offset
    guard left <= Int64(LogFormat.frameHeadBytes + LogFormat.bodyBytesMax) else {
      throw .corrupt(offset: offset, .frame)
    }
    var bytes: [UInt8] = []
    try log.read(at: offset, count: Int(left), into: &bytes)
    let all = bytes.span
    for i in 1..<max(1, bytes.count) {
      let rest = all.extracting(i..<bytes.count)
      guard let count = LogFormat.bodyCount(rest), count <= rest.count - LogFormat.frameHeadBytes
      else { continue }
      let start = LogFormat.frameHeadBytes
      if LogFormat.isWhole(
        head: rest, body: rest.extracting(start..<start + count), at: offset + Int64(i),
        with: P.self)
      {
        throw .corrupt(offset: offset, .frame)
      }
    }
  }

  /// Applies one block of the log.
  private mutating func replay(
    _ body: Span<UInt8>, at offset: Int64
  ) throws(LedgerError) -> Effects {
    let block: Block
    do throws(WireError) {
      block = try Block(parsing: body)
    } catch {
      throw .corrupt(offset: offset, .malformed)
    }
    do throws(Fault) {
      try replay(block, body)
    } catch {
      throw .corrupt(offset: offset, error)
    }
    seal(block.header)
    return landed(
      frameBytes: LogFormat.frameHeadBytes + body.count,
      settlements: lastSettlement == height ? 1 : 0)
  }

  private mutating func replay(_ block: Block, _ body: Span<UInt8>) throws(Fault) {
    let header = block.header
    guard header.height == height + 1, header.previous == tip, header.time >= tipTime,
      !block.transactions.isEmpty
    else { throw .chain }
    for (i, place) in block.transactions.enumerated() {
      switch try Self.transaction(body, at: place) {
      case .trust(let document):
        guard i == 0 else { throw .trust }
        try replay(trust: body.extracting(document))
      case .batch(let batch):
        try replay(body.extracting(batch)) { ledger, batch, survey, key throws(Fault) in
          guard survey.contradiction == nil, survey.fresh > 0 else { throw .transaction }
          _ = ledger.apply(batch, survey, to: ledger.devices.enter(key))
        }
      case .evidence(let recordClass, let sequence, let known, let batch):
        try replay(body.extracting(batch)) { ledger, batch, _, key throws(Fault) in
          guard let place = ledger.devices.place(of: key),
            ledger.quarantine(place, recordClass, sequence, batch: batch.bytes).known == known
          else { throw .transaction }
        }
      }
    }
    do throws(ProofError) {
      try block.certificate.verify(header, by: validatorSet(), with: P.self)
    } catch {
      throw .certificate
    }
    let roots = closeBlock()
    guard
      roots
        == Roots(
          transactions: header.transactions, results: header.results, state: header.state)
    else { throw .roots }
    guard block.results.count == pending.results.count else { throw .roots }
    for (i, place) in block.results.enumerated() {
      guard equal(body.extracting(place), pending.result(i)) else { throw .roots }
    }
  }

  private static func transaction(
    _ body: Span<UInt8>, at place: Range<Int>
  ) throws(Fault) -> Transaction {
    do throws(WireError) {
      return try Transaction(parsing: body, at: place)
    } catch {
      throw .malformed
    }
  }

  private mutating func replay(trust document: Span<UInt8>) throws(Fault) {
    do throws(TrustError) {
      guard try adopt(document) == .loaded else { throw .conflict }
    } catch {
      throw .trust
    }
  }

  /// Reads a batch of a certified block, and has `body` apply it.
  private mutating func replay(
    _ bytes: Span<UInt8>,
    _ body: (
      inout Ledger<P>, borrowing VerifiedBatch, borrowing Survey, DeviceKey
    ) throws(Fault) -> Void
  ) throws(Fault) {
    let verified: VerifiedBatch
    do throws(BatchError) {
      let batch = try Batch(parsing: bytes)
      var target = scratch.mutableSpan
      verified = try batch.verify(
        by: PublicKey(), with: Believing<P>.self, scratch: &target)
    } catch {
      throw .transaction
    }
    let key = DeviceKey(node: verified.header.node, epoch: verified.header.epoch)
    guard let device = trust.device(key.node), device.status == .active, device.epoch == key.epoch
    else { throw .transaction }
    let place = devices.place(of: key)
    if let place, devices.isQuarantined(place) { throw .transaction }
    // What a certified block says of old records was compared before it was certified.
    let survey: Survey
    do throws(Refusal) {
      survey = try self.survey(verified, of: place)
    } catch {
      throw .transaction
    }
    try body(&self, verified, survey, key)
  }
}
