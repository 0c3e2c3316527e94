// The send window: what ends a flight, and what does not.

import Limits
import Sync
import Testing
import Wire

/// A window that can stand in an expectation.
private final class Window {
  var window = SendWindow()

  /// Sends one flight of `runs`: by class, from and to.
  func send(_ runs: [(RecordClass, UInt64, UInt64)], id: Int32 = 1, at now: Int64 = 0) {
    var flight = Flight()
    flight.messageID = id
    for (recordClass, first, last) in runs {
      flight.runs[recordClass.index] = RecordRange(
        first: first, last: last, lastHash: Self.hash(last))
    }
    window.sent(flight, now: now)
  }

  static func hash(_ sequence: UInt64) -> Hash {
    var hash = Hash()
    hash.storage[0] = UInt8(truncatingIfNeeded: sequence)
    return hash
  }

  func next(_ recordClass: RecordClass) -> UInt64 { window.next[recordClass.index] }

  var count: Int { window.count }
  var isFull: Bool { window.isFull }
  var resent: UInt64 { window.resent }
  var deadline: Int64? { window.deadline }
  func isOverdue(now: Int64) -> Bool { window.isOverdue(now: now) }
  func published(_ id: Int32, now: Int64) { window.published(id, now: now) }
  func rewind(acknowledged: InlineArray<4, UInt64>, wasOverdue: Bool = false) {
    window.rewind(acknowledged: acknowledged, wasOverdue: wasOverdue)
  }
  var waitsForPUBACK: Bool { window.waitsForPUBACK }
  func started(durable: InlineArray<4, UInt64>) { window.started(durable: durable) }
  func firstSent(_ sequence: UInt64) -> Int64? { window.firstSent(class: 2, sequence: sequence) }
  func hash(class c: Int, sequence: UInt64) -> Hash? { window.hash(class: c, sequence: sequence) }

  func receipt(_ recordClass: RecordClass, through: UInt64) {
    window.receipted(class: recordClass.index, through: through)
  }
}

@Suite struct SendWindowTests {
  @Test func `a new window has nothing on its way, and begins with record 1`() {
    let window = Window()
    #expect(window.count == 0 && !window.isFull)
    #expect(window.next(.admissions) == 1 && window.next(.telemetry) == 1)
    #expect(window.deadline == nil && !window.isOverdue(now: .max))
  }

  @Test func `sixteen bundles fill it, and one receipt makes room`() {
    let window = Window()
    for i in 1...16 as ClosedRange<UInt64> {
      #expect(!window.isFull)
      window.send([(.admissions, i, i)], id: Int32(i))
    }
    #expect(window.isFull && window.count == Limits.sendWindowBundles)
    window.receipt(.admissions, through: 1)
    #expect(window.count == 15 && !window.isFull)
    window.send([(.admissions, 17, 17)])
    #expect(window.isFull && window.next(.admissions) == 18)
  }

  @Test func `a PUBACK releases nothing, whatever it says`() {
    let window = Window()
    window.send([(.admissions, 1, 100), (.refusals, 1, 5)], id: 7)
    window.published(7, now: 3)
    window.published(7, now: 4)
    window.published(8, now: 5)
    #expect(window.count == 1)
    #expect(window.hash(class: 2, sequence: 100) == Window.hash(100))
  }

  @Test func `a receipt ends the flights that hold nothing beyond it, and no others`() {
    let window = Window()
    window.send([(.admissions, 1, 10), (.refusals, 1, 3)])
    window.send([(.admissions, 11, 20)])
    window.send([(.admissions, 21, 30)])
    window.receipt(.admissions, through: 20)
    // The refusals of the first have no receipt yet.
    #expect(window.count == 2)
    window.receipt(.refusals, through: 3)
    #expect(window.count == 1)
    window.receipt(.admissions, through: 29)
    #expect(window.count == 1)
    window.receipt(.admissions, through: 30)
    #expect(window.count == 0 && window.deadline == nil)
  }

  @Test func `a receipt beyond what was sent moves on what is sent next`() {
    let window = Window()
    window.send([(.admissions, 1, 10)])
    window.receipt(.admissions, through: 40)
    #expect(window.count == 0 && window.next(.admissions) == 41)
    window.receipt(.admissions, through: 12)
    #expect(window.next(.admissions) == 41)
    window.receipt(.admissions, through: .max)
    #expect(window.count == 0)
  }

  @Test func `the hash of a flight's last record is at hand, and of no other`() {
    let window = Window()
    window.send([(.admissions, 1, 10)])
    window.send([(.admissions, 11, 20)])
    #expect(window.hash(class: 2, sequence: 10) == Window.hash(10))
    #expect(window.hash(class: 2, sequence: 20) == Window.hash(20))
    #expect(window.hash(class: 2, sequence: 15) == nil)
    #expect(window.hash(class: 1, sequence: 20) == nil)
    window.receipt(.admissions, through: 10)
    #expect(window.hash(class: 2, sequence: 10) == nil)
  }

  @Test func `a rewind makes everything without a receipt unsent again, and counts it`() {
    let window = Window()
    window.send([(.admissions, 1, 10), (.control, 1, 1)])
    window.send([(.admissions, 11, 20)])
    window.rewind(acknowledged: [0, 0, 4, 1])
    #expect(window.count == 0 && window.resent == 2)
    #expect(window.next(.admissions) == 5 && window.next(.control) == 2)
    #expect(window.next(.refusals) == 1)
    window.rewind(acknowledged: [0, 0, 4, 1])
    #expect(window.resent == 2)
  }

  @Test func `a bundle without a receipt 10 s after its PUBACK is overdue`() {
    let window = Window()
    window.send([(.admissions, 1, 10)], id: 4, at: 100)
    window.published(4, now: 600)
    #expect(window.deadline == 10_600)
    #expect(!window.isOverdue(now: 10_599) && window.isOverdue(now: 10_600))
  }

  @Test func `a bundle without a PUBACK is overdue too, after 20 s`() {
    let window = Window()
    window.send([(.admissions, 1, 10)], id: 4, at: 100)
    window.published(5, now: 600)
    #expect(window.deadline == 20_100)
    #expect(!window.isOverdue(now: 20_099) && window.isOverdue(now: 20_100))
  }

  @Test func `whether the oldest bundle waits for its PUBACK or its receipt is known`() {
    let window = Window()
    #expect(!window.waitsForPUBACK)
    window.send([(.admissions, 1, 10)], id: 4)
    #expect(window.waitsForPUBACK)
    window.published(4, now: 1)
    #expect(!window.waitsForPUBACK)
  }

  @Test func `each time that no receipt comes the next may take twice as long, until one comes`() {
    let window = Window()
    func wait() -> Int64? {
      window.send([(.admissions, 1, 10)], id: 4, at: 0)
      window.published(4, now: 0)
      return window.deadline
    }
    for expected in [10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 320_000] as [Int64] {
      #expect(wait() == expected)
      window.rewind(acknowledged: [0, 0, 0, 0], wasOverdue: true)
    }
    // A connection that broke says nothing of the receipts.
    window.rewind(acknowledged: [0, 0, 0, 0])
    #expect(wait() == 320_000)
    window.receipt(.admissions, through: 10)
    #expect(wait() == 10_000)
  }

  @Test func `when a record was sent is known if it was sent once, and in this life`() {
    let window = Window()
    window.started(durable: [0, 0, 10, 0])
    window.send([(.admissions, 1, 10)], at: 5)
    #expect(window.firstSent(10) == nil)
    window.send([(.admissions, 11, 12)], at: 7)
    #expect(window.firstSent(12) == 7 && window.firstSent(11) == nil)
    window.rewind(acknowledged: [0, 0, 10, 0])
    window.send([(.admissions, 11, 13)], at: 9)
    #expect(window.firstSent(13) == nil)
  }

  @Test func `the oldest bundle decides, and after its receipt the next`() {
    let window = Window()
    window.send([(.admissions, 1, 10)], id: 1, at: 0)
    window.send([(.admissions, 11, 20)], id: 2, at: 5_000)
    window.published(1, now: 10)
    window.published(2, now: 5_010)
    #expect(window.deadline == 10_010)
    window.receipt(.admissions, through: 10)
    #expect(window.deadline == 15_010)
  }

  @Test func `flights keep their order when the window goes round`() {
    let window = Window()
    var sequence: UInt64 = 0
    for round in 0..<50 {
      while !window.isFull {
        sequence += 1
        window.send([(.admissions, sequence, sequence)], id: Int32(sequence), at: Int64(sequence))
      }
      window.receipt(.admissions, through: sequence - UInt64(round % 16))
      let oldest = window.deadline.map { UInt64($0 - 20_000) }
      #expect(oldest == (round % 16 == 0 ? nil : sequence - UInt64(round % 16) + 1))
    }
  }
}
