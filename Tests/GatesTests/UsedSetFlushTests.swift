// Starts after a failed flush, while the kernel's cache still shows what the media has lost.

import Gates
import Limits
import Testing
import Wire

@Suite struct UsedSetFlushTests {
  @Test(arguments: 0..<4)
  func `pages of a round whose flush failed are not lost, whatever the cache shows`(
    _ survivorOneIn: Int
  ) throws {
    // Pages of several sectors: they can be torn.
    let rig = UsedRig.created(tickets: 12_000)
    for i in 0..<3500 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 3500, height: 0)
    for i in 0..<3500 { try rig.used.recordUse(identity(i), ordinal: 2) }
    // The second round's journal is durable, its places are not.
    rig.disk.goodFlushes = 3
    rig.disk.survivorOneIn = survivorOneIn
    rig.checkpoint(throughSequence: 7000, height: 0)
    #expect(rig.used.failure == .disk(.inputOutput))
    rig.disk.goodFlushes = nil
    // Another process while the power is on: a read shows the round in its places.
    rig.disk.kill()
    rig.reopen()
    #expect(try rig.recover().sequence == 3500)
    rig.settleDisk()
    for i in 0..<3500 { try rig.used.recordUse(identity(i), ordinal: 2) }
    rig.used.startCheckpoint(throughSequence: 7000, height: 0)
    rig.advance(durableThrough: 7000)
    // The first round's journal replaces the one that would put them right.
    let writes = rig.disk.writeCount
    while rig.disk.writeCount == writes { rig.step() }
    rig.step()
    var random = Random(seed: 1)
    rig.disk.cutPower(&random)
    rig.reopen()
    #expect(try rig.recover().sequence == 3500)
    for i in 0..<3500 { #expect(try rig.uses(of: i).own >= 1) }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `a journal whose flush failed is durable before its images go to their places`(
    _ seed: UInt64
  ) throws {
    // Pages of several sectors: they can be torn.
    let rig = UsedRig.created(tickets: 12_000)
    for i in 0..<3500 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 3500, height: 0)
    for i in 0..<3500 { try rig.used.recordUse(identity(i), ordinal: 2) }
    rig.disk.goodFlushes = 0
    rig.checkpoint(throughSequence: 7000, height: 0)
    rig.disk.goodFlushes = nil
    // Another process while the power is on: a read shows a valid journal.
    rig.disk.kill()
    rig.reopen()
    _ = try rig.recover()
    // The power goes in the middle of its images.
    var random = Random(seed: seed)
    for _ in 0..<40 { rig.step() }
    rig.disk.cutPower(&random)
    rig.reopen()
    _ = try rig.recover()
    for i in 0..<3500 { #expect(try rig.uses(of: i).own >= 1) }
  }

  @Test func `a header whose flush failed is there after the next start and a power cut`() throws {
    let rig = UsedRig(tickets: 100)
    rig.disk.goodFlushes = 0
    rig.create(tickets: 100)
    rig.settleDisk()
    #expect(rig.used.failure == .disk(.inputOutput))
    rig.disk.goodFlushes = nil
    rig.disk.kill()
    rig.reopen()
    _ = try rig.recover()
    rig.settleDisk()
    #expect(rig.used.isIdle == true)
    var random = Random(seed: 1)
    rig.disk.cutPower(&random)
    rig.reopen()
    #expect(try rig.recover() == UsedSetCoverage(sequence: 0, height: 0))
  }
}
