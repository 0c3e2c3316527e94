// What is on its way upward: at most `Limits.sendWindowBundles` bundles that nobody has receipted.
// Invariants: per class, everything up to the ring's acknowledged sequence is released, everything
// from there to `next` is in a flight, everything from `next` on is unsent; flights are in the order
// of sending; only a receipt or a rewind ends a flight: a PUBACK never does.

import Limits
public import Wire

/// Records of one class in one bundle.
public struct RecordRange: Sendable, Equatable {
  public var first: UInt64
  /// Before `first` if there are none.
  public var last: UInt64
  /// H of record `last`.
  public var lastHash: Hash

  public init(first: UInt64, last: UInt64, lastHash: Hash) {
    self.first = first
    self.last = last
    self.lastHash = lastHash
  }

  static let none = RecordRange(first: 1, last: 0, lastHash: Hash())
  public var isEmpty: Bool { last < first }
}

public struct Flight: Sendable {
  public var runs: InlineArray<4, RecordRange>
  public var messageID: Int32 = 0
  /// CLOCK_BOOTTIME of the PUBACK, or of the publish before it has come, milliseconds.
  public var since: Int64 = 0
  public var isPublished = false
  /// CLOCK_BOOTTIME of the publish, milliseconds.
  public var sentAt: Int64 = 0
  /// None of the records was ever sent before.
  public var isFirst = false

  public init() { runs = .init(repeating: .none) }

  public var isEmpty: Bool {
    for c in 0..<4 where !runs[c].isEmpty { return false }
    return true
  }
}

public struct SendWindow: ~Copyable {
  /// How long a receipt may take after the PUBACK, milliseconds: at first, and twice as long each
  /// time that none has come, up to the second.
  public static let receiptMillisecondsMin: Int64 = 10_000
  public static let receiptMillisecondsMax: Int64 = 320_000
  /// How long a PUBACK may take, milliseconds.
  public static let pubackMillisecondsMax: Int64 = 20_000

  private var flights: InlineArray<16, Flight>
  /// The last sequence of each class that was ever sent, or may have been.
  private var highest = InlineArray<4, UInt64>(repeating: 0)
  private var head = 0
  public private(set) var count = 0
  /// The first sequence of each class that has not been sent.
  public private(set) var next: InlineArray<4, UInt64>
  /// Bundles sent again for want of a receipt or after a break.
  public private(set) var resent: UInt64 = 0
  /// How long receipts may take now, milliseconds.
  private var receiptMilliseconds = receiptMillisecondsMin

  public init() {
    flights = .init(repeating: Flight())
    next = .init(repeating: 1)
  }

  public var isFull: Bool { count == Limits.sendWindowBundles }

  /// Where class `c`'s receipts may find the hash of `sequence` without reading the ring.
  public func hash(class c: Int, sequence: UInt64) -> Hash? {
    for i in 0..<count {
      let run = flights[(head + i) % 16].runs[c]
      if !run.isEmpty && run.last == sequence { return run.lastHash }
    }
    return nil
  }

  /// When class `c`'s record `sequence` was sent, CLOCK_BOOTTIME milliseconds, if it is the last of
  /// its bundle and was sent once only: what upstream says of it was said after that.
  public func firstSent(class c: Int, sequence: UInt64) -> Int64? {
    for i in 0..<count {
      let flight = flights[(head + i) % 16]
      if flight.isFirst && !flight.runs[c].isEmpty && flight.runs[c].last == sequence {
        return flight.sentAt
      }
    }
    return nil
  }

  /// A bundle has been handed to the library.
  public mutating func sent(_ flight: Flight, now: Int64) {
    precondition(!isFull, "the send window is full")
    var flight = flight
    flight.since = now
    flight.sentAt = now
    flight.isFirst = true
    for c in 0..<4 where !flight.runs[c].isEmpty {
      next[c] = flight.runs[c].last + 1
      if flight.runs[c].first <= highest[c] { flight.isFirst = false }
      highest[c] = max(highest[c], flight.runs[c].last)
    }
    flights[(head + count) % 16] = flight
    count += 1
  }

  /// PUBACK with a success code. Starts the wait for the receipt.
  public mutating func published(_ messageID: Int32, now: Int64) {
    for i in 0..<count where flights[(head + i) % 16].messageID == messageID {
      flights[(head + i) % 16].isPublished = true
      flights[(head + i) % 16].since = now
    }
  }

  /// Class `c` is receipted up to `through`: flights that hold nothing beyond their receipts end.
  public mutating func receipted(class c: Int, through: UInt64) {
    next[c] = max(next[c], through &+ 1)
    receiptMilliseconds = Self.receiptMillisecondsMin
    var kept = 0
    for i in 0..<count {
      var flight = flights[(head + i) % 16]
      if !flight.runs[c].isEmpty && flight.runs[c].last <= through { flight.runs[c] = .none }
      if flight.isEmpty { continue }
      flights[(head + kept) % 16] = flight
      kept += 1
    }
    count = kept
  }

  /// Whether the oldest bundle has waited too long for its PUBACK or its receipt.
  public func isOverdue(now: Int64) -> Bool { deadline.map { now >= $0 } ?? false }

  /// When the oldest bundle will have waited too long, CLOCK_BOOTTIME milliseconds.
  public var deadline: Int64? {
    guard count > 0 else { return nil }
    let oldest = flights[head]
    return oldest.since
      + (oldest.isPublished ? receiptMilliseconds : Self.pubackMillisecondsMax)
  }

  /// Whether the oldest bundle has no PUBACK: when it is overdue, the connection is dead.
  public var waitsForPUBACK: Bool { count > 0 && !flights[head].isPublished }

  /// What was there at the start, up to `durable` of each class, may have been sent in an earlier life.
  public mutating func started(durable: InlineArray<4, UInt64>) { highest = durable }

  /// Nothing is on its way any more: everything beyond `acknowledged` will be sent again.
  /// - Parameter wasOverdue: receipts have not come; the next ones may take longer.
  public mutating func rewind(acknowledged: InlineArray<4, UInt64>, wasOverdue: Bool = false) {
    if wasOverdue {
      receiptMilliseconds = min(2 * receiptMilliseconds, Self.receiptMillisecondsMax)
    }
    resent += UInt64(count)
    head = 0
    count = 0
    for c in 0..<4 { next[c] = acknowledged[c] + 1 }
  }
}
