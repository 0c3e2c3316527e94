// Verdicts that wait for their record to be durable, in the order of the scans.
// Invariants: first in, first out; a verdict is due when the ring holds its record durably, or when
// there will be no record.

import Gates
import Records
import Wire

/// A verdict and the record that it waits for.
struct PendingVerdict: Sendable {
  var verdict: Verdict
  var recordClass: RecordClass
  /// 0 if nothing was recorded: due at once, in its turn.
  var sequence: UInt64
}

struct PendingVerdicts: ~Copyable {
  /// A batch on the way, one that fills, and as many refusals without a record between them.
  static let capacity = 192
  private var verdicts: InlineArray<192, PendingVerdict>
  private var head = 0
  private(set) var count = 0

  init() {
    verdicts = .init(
      repeating: PendingVerdict(
        verdict: Verdict(.malformed), recordClass: .refusals, sequence: 0))
  }

  var isFull: Bool { count == Self.capacity }

  mutating func append(_ pending: PendingVerdict) {
    precondition(!isFull, "too many verdicts are pending")
    verdicts[(head + count) % Self.capacity] = pending
    count += 1
  }

  var first: PendingVerdict? { count > 0 ? verdicts[head] : nil }

  mutating func removeFirst() {
    precondition(count > 0, "no verdict is pending")
    head = (head + 1) % Self.capacity
    count -= 1
  }
}
