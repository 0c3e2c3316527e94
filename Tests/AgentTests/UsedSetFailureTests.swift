// What a gate does when its used-set fails, is full, or falls behind the ring.

import Agent
import Gates
import Limits
import Records
import Rings
import Testing
import Wire
import World

@Suite struct UsedSetFailureTests {
  private static let segments = 64

  private func now(_ elapsed: Int64) -> Now {
    Now(instant: Instant(milliseconds: Desk.noon + elapsed), elapsed: elapsed)
  }

  private func gate(
    _ policy: StoragePolicy, disk: SimDisk? = nil, tickets: Int = 20_000
  ) throws -> Gate {
    let settings = organiser.settings(Desk.node, onStorageError: policy, usedTickets: tickets)
    let blank = Gate.blankDisk(seed: 1, usedTickets: tickets, segments: Self.segments)
    let gate = Gate(settings, disk: disk ?? blank, seed: 1, segments: Self.segments)
    try gate.start(trust: try Desk.document(), random: disk == nil ? 1 : 2, now: now(0))
    return gate
  }

  /// Scans tickets, and returns the last verdict.
  private func scan(_ numbers: ClosedRange<Int>, at gate: Gate) throws -> Reason? {
    var last: Reason?
    for number in numbers {
      if !gate.agent.canScan {
        gate.settle(now(1))
        last = gate.takeVerdicts().last?.reason ?? last
      }
      gate.scan(try organiser.ticket(number), now: now(1))
    }
    gate.settle(now(1))
    return gate.takeVerdicts().last?.reason ?? last
  }

  /// A gate whose first checkpoint has failed.
  private func failed(_ policy: StoragePolicy) throws -> Gate {
    let gate = try gate(policy)
    gate.received(try Notary.settlement([999_999], height: 1), now: now(1))
    gate.disk.nextFlushError = .inputOutput
    gate.settle(now(1))
    return gate
  }

  private func value(_ name: String, of gate: Gate) -> UInt64? {
    var index = 0
    while let field = gate.agent.status(index, now: now(1)) {
      if "\(field.name)" == name { return field.value }
      index += 1
    }
    return nil
  }

  @Test func `a failed used-set is an alarm once, and a number of the status`() throws {
    let gate = try gate(.closed)
    #expect(value("used_set_failed", of: gate) == 0)
    gate.received(try Notary.settlement([999_999], height: 1), now: now(1))
    gate.disk.nextFlushError = .inputOutput
    gate.settle(now(1))
    for _ in 0..<3 { gate.time(now(2)) }
    #expect(gate.notices.filter { $0 == "used_set_failed" }.count == 1)
    #expect(value("used_set_failed", of: gate) == 1)
  }

  @Test func `a table without room is an alarm, though no flush has failed`() throws {
    let gate = try gate(.closed, tickets: 1)
    gate.received(try Notary.settlement(Array(1...200), height: 1), now: now(1))
    gate.settle(now(1))
    #expect(!gate.hasNoticed("flush_failed"))
    #expect(gate.notices.filter { $0 == "used_set_full" }.count == 1)
    #expect(value("used_set_failed", of: gate) == 1)
  }

  @Test func `what finds no room in memory is admitted by policy alone, and never recorded`() throws
  {
    let gate = try failed(.open)
    let room = Limits.usedDeltaMax - gate.agent.used.deltaCount
    #expect(try scan(1...room, at: gate) == .valid)
    #expect(gate.agent.counters.admittedUnrecorded == 0)
    #expect(try scan(room + 1...room + 100, at: gate) == .valid)
    #expect(gate.agent.counters.admittedUnrecorded == 100)
    #expect(gate.hasNoticed("admission_not_recorded"))
    #expect(gate.agent.ring.durableThrough(.admissions) == UInt64(room))
    // The next start's replay fits, and the used-set works again.
    let next = try self.gate(.open, disk: gate.disk)
    #expect(try scan(room...room, at: next) == .used)
    #expect(try scan(room + 1...room + 1, at: next) == .valid)
    #expect(next.agent.counters.admittedUnrecorded == 0)
  }

  @Test func `what finds no room in memory is refused where the policy is closed`() throws {
    let gate = try failed(.closed)
    let room = Limits.usedDeltaMax - gate.agent.used.deltaCount
    #expect(try scan(1...room, at: gate) == .valid)
    #expect(try scan(room + 1...room + 1, at: gate) == .storageError)
    #expect(gate.agent.ring.durableThrough(.admissions) == UInt64(room))
  }

  /// A used-set from before everything that its ring holds, as a copy that was put back.
  private func behind(_ count: Int) throws -> (gate: Gate, disk: SimDisk) {
    let gate = try gate(.closed)
    let old = gate.disk
    #expect(try scan(1...count, at: gate) == .valid)
    var disk = gate.disk
    try copy(.used, from: old, to: &disk)
    return (gate, disk)
  }

  @Test func `a replay of more uses than memory holds makes checkpoints on its way`() throws {
    let count = 2 * Limits.usedDeltaMax + 100
    let (_, disk) = try behind(count)
    let next = try gate(.closed, disk: disk)
    let covered = next.agent.used.coveredSequence
    #expect(covered >= UInt64(2 * Limits.usedDeltaMax))
    for number in [1, Limits.usedDeltaMax, Limits.usedDeltaMax + 1, count] {
      #expect(try scan(number...number, at: next) == .used)
    }
    #expect(try scan(count + 1...count + 1, at: next) == .valid)
  }

  @Test func `a replay that the used-set cannot take ends the start, and says why`() throws {
    let (gate, disk) = try behind(Limits.usedDeltaMax + 100)
    var small = disk
    // The same ring beside a used-set of one page.
    let other = try self.gate(.closed, tickets: 1)
    small.create(.used, bytes: other.disk.size(of: .used))
    try copy(.used, from: other.disk, to: &small)
    #expect(gate.agent.used.failure == nil)
    #expect(throws: StartError.usedSetFull) { try self.gate(.closed, disk: small, tickets: 1) }
  }
}

/// Puts a file of another disk in the place of this one's, durably.
func copy(_ file: FileName, from: SimDisk, to: inout SimDisk) throws {
  var from = from
  var bytes = [UInt8](repeating: 0, count: Int(from.size(of: file)))
  var space = bytes.mutableSpan
  try from.read(file, at: 0, into: &space)
  to.create(file, bytes: from.size(of: file))
  to.write(bytes.span, to: file, at: 0)
  try to.flush(file)
}
