// A used-set in memory: uses are found, and found again after a checkpoint and a restart.

import Gates
import Seal
import Wire

private let tickets = 100

func checkUsedSet(_ check: inout Check, _ arena: inout Arena) {
  let bytes = Int(UsedSet<Sodium>.fileBytes(tickets: tickets))
  var disk = MemoryDisk(ring: arena.take(0), used: arena.take(bytes))
  var actions = DiskActions()
  var used = UsedSet<Sodium>(
    pages: arena.take(UsedSet<Sodium>.pagesMemoryBytes),
    delta: arena.take(UsedSet<Sodium>.deltaMemoryBytes))
  used.create(tickets: tickets, identity: counting(), key: counting(), epoch: 9, into: &actions)
  settle(&used, &disk, &actions)
  check.that("a used-set is created", used.isIdle)
  let here: TicketIdentity = counting()
  let both = TicketIdentity()
  do throws(UsedSetError) {
    check.that("a new ticket is unused", try used.uses(of: here, disk: &disk) == Uses())
    try used.recordUse(here, ordinal: 1)
    try used.recordUse(both, ordinal: 2)
    try used.applySettled(both, elsewhere: 3)
    check.that("a use is found at once", try used.uses(of: here, disk: &disk) == Uses(own: 1))
  } catch {
    check.that("uses are recorded", false)
  }
  used.startCheckpoint(throughSequence: 3, height: 5)
  used.advance(durableThrough: 3, disk: &disk, into: &actions)
  settle(&used, &disk, &actions)
  check.that(
    "a checkpoint covers uses and settlements",
    used.isIdle && used.deltaCount == 0 && used.coveredSequence == 3 && used.coveredHeight == 5)

  var again = UsedSet<Sodium>(
    pages: arena.take(UsedSet<Sodium>.pagesMemoryBytes),
    delta: arena.take(UsedSet<Sodium>.deltaMemoryBytes))
  do throws(UsedSetError) {
    let coverage = try again.recover(epoch: 9, disk: &disk, into: &actions)
    settle(&again, &disk, &actions)
    check.that(
      "a used-set is found again", coverage == UsedSetCoverage(sequence: 3, height: 5))
    check.that("a use is found again", try again.uses(of: here, disk: &disk) == Uses(own: 1))
    check.that(
      "settled uses are found again",
      try again.uses(of: both, disk: &disk) == Uses(own: 2, elsewhere: 3))
  } catch {
    check.that("a used-set is recovered", false)
  }
}

private func settle(
  _ used: inout UsedSet<Sodium>, _ disk: inout MemoryDisk, _ actions: inout DiskActions
) {
  while disk.perform(&actions) { used.flushed(nil, disk: &disk, into: &actions) }
}
