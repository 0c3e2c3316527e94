// The state that follows from what a block holds (FORMAT.md, "Applying a batch" and "Settlement").
// Invariants: everything here depends on the blocks alone, never on clocks or on the order in which
// memory was laid out; live and in replay it is the same code.

import Records
import Wire

extension Ledger {
  /// Applies what the survey found to be new; returns the number of duplicates.
  mutating func apply(
    _ batch: borrowing VerifiedBatch, _ survey: borrowing Survey, to place: UInt32
  ) -> Int {
    let at = TransactionPlace(height: height + 1, index: pending.transactions.count)
    append(kind: Transaction.batchKind, batch.bytes)
    touch(place)
    let before = pendingEffects.duplicates.count
    var index = 0
    var number = 0
    var entries = batch.entries
    while let entry = entries.next() {
      if survey.runs[number].recordClass != entry.recordClass { number += 1 }
      let run = survey.runs[number]
      if let from = run.from, entry.sequence >= from {
        if entry.sequence == from {
          devices.change(place) { $0.chains[run.recordClass.index].begin(at: at) }
        }
        settle(batch.record(entry), place, at)
        if entry.sequence == run.last {
          let hash = hashes[index]
          devices.change(place) {
            $0.chains[run.recordClass.index].advance(to: run.last, hash: hash)
            $0.chains[run.recordClass.index].end()
          }
        }
      }
      index += 1
    }
    return pendingEffects.duplicates.count - before
  }

  /// Settles one record.
  private mutating func settle(_ bytes: Span<UInt8>, _ place: UInt32, _ at: TransactionPlace) {
    guard let record = try? Record(parsing: bytes) else {
      preconditionFailure("a verified batch has changed")
    }
    switch record {
    case .scan(let scan): settle(scan, place)
    case .gap(let gap):
      devices.change(place) {
        $0.totals.gaps += 1
        let chain = $0.chains[gap.missingClass.index]
        if gap.moves(through: chain.through, head: chain.head) {
          $0.chains[gap.missingClass.index].begin(at: at)
          $0.chains[gap.missingClass.index].advance(to: gap.last, hash: gap.end)
        }
      }
    }
  }

  private mutating func settle(_ scan: borrowing ScanRecord, _ place: UInt32) {
    let device = devices[place]
    var row = ScanRow(
      device: device, sequence: scan.sequence, recordClass: scan.recordClass,
      operation: scan.operation, reason: scan.reason, settlement: .none, boot: scan.instant.boot,
      time: scan.instant.milliseconds, uncertainty: scan.instant.uncertainty, ticket: nil,
      event: scan.event, zone: scan.zone, use: scan.use, entries: scan.entries,
      known: scan.clock.height)
    if let subject = scan.subject {
      let key = TicketKey(subject)
      row.ticket = key
      if row.reason == .valid {
        switch row.operation {
        case .consume, .enter: row.settlement = consume(key, scan, by: place)
        case .annul: annul(key, by: place)
        default: break
        }
      }
    }
    devices.change(place) {
      $0.totals.scans += 1
      $0.totals.reasons[Int(row.reason.rawValue)] += 1
      if row.reason == .valid { $0.totals.admitted += 1 }
      if row.settlement == .causalDuplicate { $0.totals.causal += 1 }
      if row.settlement == .concurrentDuplicate { $0.totals.concurrent += 1 }
    }
    pendingEffects.scans.append(row)
  }

  private mutating func consume(
    _ key: TicketKey, _ scan: borrowing ScanRecord, by device: UInt32
  ) -> Settlement {
    let node = devices[device].node
    let consume = Consume(
      device: device, recordClass: scan.recordClass, sequence: scan.sequence, height: height + 1,
      time: scan.instant.milliseconds)
    let place = tickets.place(of: key, first: consume, node: node, entries: scan.entries)
    if tickets.touch(place, height: height + 1) { changedTickets.append(UInt32(place)) }
    let outcome = tickets.settle(
      consume, at: place, node: node, clock: scan.clock, isAllowed: scan.override != nil,
      devices: devices)
    switch outcome {
    case .final: return .final
    case .duplicate(let isCausal, let against):
      pendingEffects.duplicates.append(
        DuplicateRow(
          ticket: key, isCausal: isCausal, final: use(against), duplicate: use(consume)))
      return isCausal ? .causalDuplicate : .concurrentDuplicate
    }
  }

  /// Nobody went through: the device's last consume of the ticket was none.
  private mutating func annul(_ key: TicketKey, by device: UInt32) {
    guard let place = tickets.place(of: key) else { return }
    guard tickets.annul(at: place, by: device, node: devices[device].node) else { return }
    if tickets.touch(place, height: height + 1) { changedTickets.append(UInt32(place)) }
  }

  private func use(_ consume: Consume) -> UseRow {
    UseRow(
      device: devices[consume.device], recordClass: consume.recordClass,
      sequence: consume.sequence, time: consume.time, height: consume.height)
  }

  /// Stores the evidence that `batch` is, and takes nothing more of this epoch.
  mutating func quarantine(
    _ place: UInt32, _ recordClass: RecordClass, _ sequence: UInt64, batch: Span<UInt8>
  ) -> EvidenceRow {
    let known =
      devices.transaction(place, recordClass, sequence) ?? TransactionPlace(height: 0, index: 0)
    let row = EvidenceRow(
      device: devices[place], recordClass: recordClass, sequence: sequence, known: known,
      contradicting: TransactionPlace(
        height: height + 1, index: pending.transactions.count))
    var head = InlineArray<32, UInt8>(repeating: 0)
    var target = head.mutableSpan
    var writer = CBORWriter(target.whole())
    do throws(WireError) {
      try writer.array(6)
      try writer.unsigned(Transaction.evidenceKind)
      try writer.unsigned(UInt64(recordClass.rawValue))
      try writer.unsigned(sequence)
      try writer.unsigned(known.height)
      try writer.unsigned(UInt64(known.index))
    } catch {
      preconditionFailure("the head of evidence takes 23 bytes at most")
    }
    pending.append(head: writer.written(), body: batch, with: P.self)
    contradict(place, row)
    return row
  }

  /// The state's part of evidence.
  mutating func contradict(_ place: UInt32, _ row: EvidenceRow) {
    devices.change(place) { $0.isQuarantined = true }
    if devices.touch(place, height: height + 1) { changedDevices.append(place) }
    pendingEffects.evidence.append(row)
  }

  /// The block applies records of the device.
  private mutating func touch(_ place: UInt32) {
    if devices.touch(place, height: height + 1) { changedDevices.append(place) }
    if devices.receipt(place, height: height + 1) { receiptedDevices.append(place) }
  }
}
