// The used-set without crashes: what it answers, what it writes, and what it does when it is full.

import Gates
import Limits
import Seal
import Testing
import Wire

typealias TestPrimitives = Sodium

@Suite struct UsedSetTests {
  @Test func `a use counts from the moment it is recorded`() throws {
    let rig = UsedRig.created(tickets: 1000)
    #expect(try rig.uses(of: 1) == Uses())
    try rig.used.recordUse(identity(1), ordinal: 1)
    #expect(try rig.uses(of: 1) == Uses(own: 1))
    #expect(try rig.uses(of: 2) == Uses())
  }

  @Test func `replaying uses and settlements in any order changes nothing`() throws {
    let rig = UsedRig.created(tickets: 1000)
    try rig.used.recordUse(identity(1), ordinal: 2)
    try rig.used.recordUse(identity(1), ordinal: 1)
    try rig.used.applySettled(identity(1), elsewhere: 5)
    try rig.used.applySettled(identity(1), elsewhere: 3)
    #expect(try rig.uses(of: 1) == Uses(own: 2, elsewhere: 5))
    rig.checkpoint(throughSequence: 2, height: 1)
    try rig.used.recordUse(identity(1), ordinal: 1)
    try rig.used.applySettled(identity(1), elsewhere: 4)
    #expect(try rig.uses(of: 1) == Uses(own: 2, elsewhere: 5))
    rig.checkpoint(throughSequence: 2, height: 1)
    #expect(try rig.uses(of: 1) == Uses(own: 2, elsewhere: 5))
  }

  @Test func `a checkpoint empties the delta and the table answers`() throws {
    let rig = UsedRig.created(tickets: 1000)
    for i in 0..<300 { try rig.used.recordUse(identity(i), ordinal: UInt16(1 + i % 3)) }
    rig.checkpoint(throughSequence: 300, height: 4)
    #expect(rig.used.deltaCount == 0)
    #expect(rig.used.coveredSequence == 300)
    #expect(rig.used.coveredHeight == 4)
    #expect(rig.used.slotsTaken == 300)
    for i in 0..<300 { #expect(try rig.uses(of: i) == Uses(own: UInt16(1 + i % 3))) }
    #expect(try rig.uses(of: 300) == Uses())
  }

  @Test func `the pages are those of the specification, byte for byte`() throws {
    let rig = UsedRig.created(tickets: 1)
    let ticket = TicketIdentity([UInt8](repeating: 0x11, count: 16).span)
    try rig.used.recordUse(ticket, ordinal: 2)
    try rig.used.applySettled(ticket, elsewhere: 3)
    rig.checkpoint(throughSequence: 7, height: 9)
    // Computed from FORMAT.md with Python's hashlib and a CRC-32C of its own.
    let tail =
      "0001020304050607" + "08090a0b0c0d0e0f"
      + "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
      + "0100000000000000" + "efcdab8967452301"
    #expect(
      rig.page(1, to: 112) == "5376d26101000000" + "544b555345440000" + tail
        + "0100000000000000" + "0000000000000000" + "0000000000000000" + "0000000000000000")
    #expect(
      rig.page(0, to: 112) == "4a0969c601000000" + "544b555345440000" + tail
        + "0200000000000000" + "0700000000000000" + "0900000000000000" + "0100000000000000")
    #expect(rig.page(2, to: 24) == "ba03fd1501000000" + "0100000000000000" + "000000005e756ee9")
    let table =
      "5e756ee901000000" + "0100000000000000"
      + "eb156b828428f9305e00099561a83ed8" + "0200030000000000"
    #expect(rig.page(67, to: 40) == table)
    #expect(rig.page(3, to: 40) == table)
    #expect(rig.disk.current.count == 68 * 4096)
    for (number, used) in [(0, 112), (1, 112), (2, 24), (67, 40)] {
      #expect(rig.disk.current[number * 4096 + used..<(number + 1) * 4096].allSatisfy { $0 == 0 })
    }
  }

  @Test func `a ticket stands in the page that its hash names`() throws {
    let rig = UsedRig.created(tickets: 20_000)
    for i in 0..<3 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 3, height: 0)
    // Computed likewise.
    for page in [110, 115, 143] { #expect(rig.page(67 + page, to: 6).hasSuffix("0100")) }
  }

  @Test func `a million tickets take 32 MB`() {
    let bytes = UsedSet<Sodium>.fileBytes(tickets: 1_000_000)
    #expect(bytes == (67 + 7844) * 4096)
    #expect(UsedSet<Sodium>.fileBytes(tickets: 0) == 68 * 4096)
    #expect(UsedSet<Sodium>.fileBytes(tickets: Int.max) > 16_000_000 * 32)
  }

  @Test func `a checkpoint waits until the ring holds its uses`() throws {
    let rig = UsedRig.created(tickets: 1000)
    try rig.used.recordUse(identity(1), ordinal: 1)
    rig.used.startCheckpoint(throughSequence: 5, height: 0)
    rig.advance(durableThrough: 4)
    #expect(!rig.disk.isBusy)
    rig.advance(durableThrough: 5)
    #expect(rig.disk.isBusy)
  }

  @Test func `what rises during a checkpoint stays for the next`() throws {
    let rig = UsedRig.created(tickets: 1000)
    try rig.used.recordUse(identity(1), ordinal: 1)
    try rig.used.recordUse(identity(2), ordinal: 1)
    rig.used.startCheckpoint(throughSequence: 2, height: 0)
    try rig.used.recordUse(identity(1), ordinal: 2)
    try rig.used.recordUse(identity(3), ordinal: 1)
    rig.advance(durableThrough: 2)
    while rig.disk.isBusy {
      #expect(try rig.uses(of: 1) == Uses(own: 2))
      #expect(try rig.uses(of: 2) == Uses(own: 1))
      #expect(try rig.uses(of: 3) == Uses(own: 1))
      rig.step()
    }
    #expect(rig.used.deltaCount == 2)
    rig.reopen()
    #expect(try rig.recover().sequence == 2)
    // The table holds what the ring was durable for, and no more.
    #expect(try rig.uses(of: 1) == Uses(own: 1))
    #expect(try rig.uses(of: 3) == Uses())
  }

  @Test func `a checkpoint of more than 64 pages goes in rounds`() throws {
    let rig = UsedRig.created(tickets: 20_000)
    for i in 0..<2500 { try rig.used.recordUse(identity(i), ordinal: 1) }
    #expect(rig.used.needsCheckpoint == true)
    rig.checkpoint(throughSequence: 2500, height: 0)
    #expect(rig.used.failure == nil)
    #expect(rig.used.counters.rounds == 3)
    #expect(rig.used.deltaCount == 0)
    for i in 0..<2500 { #expect(try rig.uses(of: i) == Uses(own: 1)) }
  }

  @Test func `a full delta refuses, and settlements leave room for uses`() throws {
    let rig = UsedRig.created(tickets: 100_000)
    let room = rig.used.settlementRoom
    #expect(room == 3072)
    for i in 0..<room { try rig.used.applySettled(identity(i), elsewhere: 1) }
    #expect(throws: UsedSetError.full) {
      try rig.used.applySettled(identity(room), elsewhere: 1)
    }
    for i in room..<Limits.usedDeltaMax { try rig.used.recordUse(identity(i), ordinal: 1) }
    #expect(rig.used.hasRoomForUse == false)
    #expect(throws: UsedSetError.full) { try rig.used.recordUse(identity(99_999), ordinal: 1) }
    // What is known already needs no room.
    try rig.used.recordUse(identity(0), ordinal: 1)
    #expect(try rig.uses(of: 0) == Uses(own: 1, elsewhere: 1))
    #expect(rig.used.counters.refusedFull == 2)
  }

  @Test func `pages that are full go on in the next ones, to the last slot`() throws {
    let rig = UsedRig.created(tickets: 300)
    #expect(rig.used.ticketsMax == 381)
    for i in 0..<510 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 510, height: 0)
    #expect(rig.used.failure == nil)
    #expect(rig.used.slotsTaken == 510)
    for i in 0..<510 { #expect(try rig.uses(of: i) == Uses(own: 1)) }
    #expect(try rig.uses(of: 510) == Uses())
    #expect(rig.used.counters.longProbes > 0)
  }

  @Test func `a full table stops checkpoints and covers nothing more, but forgets nothing`() throws
  {
    let rig = UsedRig.created(tickets: 300)
    for i in 0..<510 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 510, height: 0)
    try rig.used.recordUse(identity(510), ordinal: 1)
    rig.checkpoint(throughSequence: 511, height: 0)
    #expect(rig.used.failure == .full)
    #expect(rig.used.coveredSequence == 510)
    #expect(rig.used.isIdle == false)
    for i in 0...510 { #expect(try rig.uses(of: i) == Uses(own: 1)) }
  }

  @Test func `a corrupt page is an error and not an unused ticket`() throws {
    let rig = UsedRig.created(tickets: 100)
    try rig.used.recordUse(identity(1), ordinal: 1)
    rig.checkpoint(throughSequence: 1, height: 0)
    rig.disk.flip(at: 67 * 4096 + 16 + 16)
    #expect(throws: UsedSetError.corruptPage) { try rig.uses(of: 1) }
    #expect(throws: UsedSetError.corruptPage) { try rig.uses(of: 2) }
    #expect(rig.used.counters.corruptPages == 2)
  }

  @Test func `no bit of a page's slots and header can flip unseen`() throws {
    let rig = UsedRig.created(tickets: 100)
    try rig.used.recordUse(identity(1), ordinal: 1)
    rig.checkpoint(throughSequence: 1, height: 0)
    for offset in [0, 3, 4, 5, 6, 8, 15, 16, 31, 32, 34, 36, 39] {
      rig.disk.flip(at: 67 * 4096 + offset)
      #expect(throws: UsedSetError.corruptPage) { try rig.uses(of: 2) }
      rig.disk.flip(at: 67 * 4096 + offset)
    }
    #expect(try rig.uses(of: 1) == Uses(own: 1))
  }

  @Test func `a checkpoint goes round a corrupt page and leaves it alone`() throws {
    let rig = UsedRig.created(tickets: 300)
    for i in 0..<100 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 100, height: 0)
    rig.disk.flip(at: 67 * 4096 + 20)
    let before = rig.page(67, to: 4096)
    for i in 100..<200 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 200, height: 0)
    #expect(rig.used.failure == nil)
    #expect(rig.used.coveredSequence == 200)
    #expect(rig.page(67, to: 4096) == before)
  }

  @Test func `a look-up whose page cannot be read is an error`() throws {
    let rig = UsedRig.created(tickets: 100)
    try rig.used.recordUse(identity(1), ordinal: 1)
    rig.disk.failsReads = true
    #expect(throws: UsedSetError.disk(.inputOutput)) { try rig.uses(of: 1) }
    #expect(rig.used.recentUses(of: identity(1)) == Uses(own: 1))
  }

  /// The first flush is the journal's, the second the places', the third the header's.
  @Test(arguments: 0..<3) func `after a failed flush nothing more is written`(_ good: Int) throws {
    let rig = UsedRig.created(tickets: 1000)
    for i in 0..<100 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.disk.goodFlushes = good
    rig.checkpoint(throughSequence: 100, height: 0)
    #expect(rig.used.failure == .disk(.inputOutput))
    #expect(rig.used.coveredSequence == 0)
    let writes = rig.disk.writeCount
    try rig.used.recordUse(identity(100), ordinal: 1)
    rig.advance(durableThrough: 1000)
    rig.settleDisk()
    #expect(rig.disk.writeCount == writes)
    for i in 0...100 { #expect(try rig.uses(of: i) == Uses(own: 1)) }
  }

  @Test func `a checkpoint that cannot read its pages fails and covers nothing`() throws {
    let rig = UsedRig.created(tickets: 1000)
    try rig.used.recordUse(identity(1), ordinal: 1)
    rig.disk.failsReads = true
    rig.checkpoint(throughSequence: 1, height: 0)
    #expect(rig.used.failure == .disk(.inputOutput))
    rig.disk.failsReads = false
    #expect(try rig.uses(of: 1) == Uses(own: 1))
    #expect(rig.used.coveredSequence == 0)
  }

  @Test func `a file of zeros was never created, and a damaged one is not created anew`() throws {
    let rig = UsedRig(tickets: 100)
    #expect(throws: UsedSetError.notCreated) { _ = try rig.recover() }
    rig.create(tickets: 100)
    rig.settleDisk()
    rig.reopen()
    rig.disk.flip(at: 4096 + 50)
    #expect(throws: UsedSetError.corruptHeader) { _ = try rig.recover() }
  }

  @Test func `another enrolment keeps the table and covers nothing of its ring`() throws {
    let rig = UsedRig.created(tickets: 100)
    try rig.used.recordUse(identity(1), ordinal: 1)
    rig.checkpoint(throughSequence: 8, height: 5)
    rig.reopen()
    #expect(try rig.recover(epoch: 2) == UsedSetCoverage(sequence: 0, height: 5))
    rig.settleDisk()
    #expect(rig.used.coveredSequence == 0)
    #expect(try rig.uses(of: 1) == Uses(own: 1))
    rig.checkpoint(throughSequence: 3, height: 5)
    rig.reopen()
    #expect(try rig.recover(epoch: 2) == UsedSetCoverage(sequence: 3, height: 5))
  }
}

extension UsedRig {
  /// The first `count` bytes of a page of the file, in hex.
  func page(_ number: Int, to count: Int) -> String {
    let digits = Array("0123456789abcdef")
    return disk.current[number * 4096..<number * 4096 + count].reduce(into: "") {
      $0.append(digits[Int($1 >> 4)])
      $0.append(digits[Int($1 & 15)])
    }
  }
}
