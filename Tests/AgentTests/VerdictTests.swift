// Verdicts: when they come out, in what order, and what they are when nothing can be recorded.

import Agent
import Limits
import Records
import Testing
import Wire
import World

@Suite struct VerdictTests {
  @Test func `a verdict comes out only when its record is durable`() throws {
    let desk = try Desk()
    try desk.scan(1)
    #expect(desk.reasons() == [] && desk.durable(.admissions) == 0)
    desk.settle()
    #expect(desk.durable(.admissions) == 1)
    #expect(desk.reasons() == [.valid])
    #expect(desk.reasons() == [])
  }

  @Test func `verdicts come out in the order of the scans, whatever their classes`() throws {
    let desk = try Desk()
    try desk.scan(1)
    // While the first is on its way to the disk.
    try desk.scan(1)
    try desk.scan(2)
    desk.scan(Array("no ticket".utf8))
    try desk.scan(3)
    desk.settle()
    #expect(desk.reasons() == [.valid, .used, .valid, .badEncoding, .valid])
    #expect(desk.durable(.admissions) == 3 && desk.durable(.refusals) == 2)
    #expect(desk.counters.admitted == 3 && desk.counters.refused == 2)
  }

  @Test func `scans wait when 64 records are on their way and as many fill the next commit`() throws
  {
    let desk = try Desk()
    var count = 0
    while desk.canScan {
      try desk.scan(count)
      count += 1
    }
    #expect(count == 1 + Limits.commitRecordsMax)
    desk.settle()
    #expect(desk.canScan && desk.reasons().count == count)
  }

  @Test func `a scan that lost its power before the flush never happened, one after it did`() throws
  {
    let desk = try Desk()
    try desk.scan(1)
    try desk.restart()
    #expect(desk.reasons() == [])
    #expect(try desk.admit(1...1) == [.valid])
    try desk.restart()
    #expect(try desk.admit(1...1) == [.used])
    #expect(desk.boot == 3)
  }

  @Test func `a full ring refuses with storage_error, and admits again after a receipt`() throws {
    let desk = try Desk(onStorageError: .closed)
    var number = 0
    var reasons: [Reason] = []
    while reasons.last != .storageError {
      number += 1
      reasons = try desk.admit(number...number)
      try #require(number < 1000)
    }
    #expect(desk.counters.admittedUnrecorded == 0 && desk.gate.hasNoticed("ring_nearly_full"))
    #expect(desk.counters.refusedUnrecorded == 1)
    let recorded = desk.durable(.admissions)
    #expect(recorded == UInt64(number - 1))
    // Refusals gave way before: the rest is kept for admissions.
    desk.scan(Array("no ticket".utf8))
    desk.settle()
    #expect(desk.reasons() == [.badEncoding] && desk.counters.refusedUnrecorded == 2)

    desk.receive(try Notary.receipt(.admissions, through: recorded, desk.head(.admissions)))
    desk.wait(500)
    desk.settle()
    desk.wait(500)
    desk.settle()
    #expect(try desk.admit(number...number) == [.valid])
  }

  @Test func `a full ring admits when the policy says open, once a ticket, and counts it`() throws {
    let desk = try Desk(onStorageError: .open)
    var number = 0
    while desk.counters.admittedUnrecorded == 0 {
      number += 1
      #expect(try desk.admit(number...number) == [.valid])
      try #require(number < 1000)
    }
    #expect(desk.gate.hasNoticed("admission_not_recorded"))
    #expect(desk.durable(.admissions) == UInt64(number - 1))
    #expect(try desk.admit(number...number) == [.used])
    #expect(desk.counters.admittedUnrecorded == 1)
  }

  @Test func `one failed flush costs nothing but time`() throws {
    let desk = try Desk()
    desk.gate.disk.nextFlushError = .inputOutput
    #expect(try desk.admit(1...3) == [.valid, .valid, .valid])
    #expect(desk.gate.hasNoticed("flush_failed") && !desk.isReadOnly)
    try desk.restart()
    #expect(try desk.admit(1...4) == [.used, .used, .used, .valid])
  }

  @Test(arguments: [StoragePolicy.closed, .open])
  func `after two failed flushes what waits comes out in order, admitted only by policy`(
    policy: StoragePolicy
  ) throws {
    let desk = try Desk(onStorageError: policy)
    try desk.scan(1)
    desk.scan(Array("no ticket".utf8))
    try desk.scan(2)
    desk.gate.disk.nextFlushError = .inputOutput
    #expect(desk.gate.perform(desk.now) == .inputOutput)
    #expect(desk.reasons() == [])
    desk.gate.disk.nextFlushError = .inputOutput
    #expect(desk.gate.perform(desk.now) == .inputOutput)
    #expect(desk.isReadOnly && desk.gate.hasNoticed("ring_read_only"))
    let admitted: Reason = policy == .open ? .valid : .storageError
    #expect(desk.reasons() == [admitted, .badEncoding, admitted])
    #expect(desk.counters.admittedUnrecorded == (policy == .open ? 2 : 0))
    #expect(desk.counters.refusedUnrecorded == (policy == .open ? 1 : 3))
    // And what comes after.
    #expect(try desk.admit(3...3) == [admitted])
    desk.scan(Array("no ticket".utf8))
    #expect(desk.reasons() == [.badEncoding])
    #expect(desk.counters.refusedUnrecorded == (policy == .open ? 2 : 5))
  }

  @Test func `a ring that is nearly empty is not called nearly full`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    desk.scan(Array("no ticket".utf8))
    desk.settle()
    #expect(!desk.gate.hasNoticed("ring_nearly_full"))
  }

  @Test func `a gate whose disk dies under a full batch goes on to answer`() throws {
    let desk = try Desk()
    var number = 0
    while desk.canScan {
      number += 1
      try desk.scan(number)
    }
    for _ in 0..<2 {
      desk.gate.disk.nextFlushError = .inputOutput
      desk.gate.perform(desk.now)
    }
    #expect(desk.isReadOnly)
    #expect(desk.reasons() == [Reason](repeating: .storageError, count: number))
    #expect(desk.canScan)
    #expect(try desk.admit(1000...1000) == [.storageError])
  }

  @Test func `a disk without space is a failed flush like any other`() throws {
    let desk = try Desk()
    desk.gate.disk.isFull = true
    try desk.scan(1)
    #expect(desk.gate.perform(desk.now) == .noSpace)
    #expect(desk.gate.perform(desk.now) == .noSpace)
    #expect(desk.reasons() == [.storageError])
  }

  @Test func `a record says what the verdict said, where and when`() throws {
    let desk = try Desk()
    desk.scan(try organiser.ticket(1, entries: 3))
    desk.wait(1)
    try desk.scan(1)
    desk.settle()
    desk.connect()
    let scans = try desk.publishAll().flatMap(\.scans)
    let first = try #require(scans.first)
    #expect(first.subject == organiser.identity(1) && first.reason == .valid)
    #expect(first.use == 1 && first.entries == 3 && first.event == 2026 && first.zone == 1)
    #expect(first.instant.milliseconds == Desk.noon + 1_000 && first.instant.boot == 1)
    #expect(scans.last?.reason == .used && scans.last?.use == 0)
  }
}
