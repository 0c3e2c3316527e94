// The used-set under crashes: a model of ring, ledger and used-set side by side.
// The property: after any crash, what the ring still holds and the ledger says again gives exactly
// the uses that were durable; nothing that was covered is lost, nothing that was lost is counted.

import Gates
import Limits
import Testing
import Wire

/// A gate around a used-set: a ring that knows which of its records are durable, and releases them
/// as far as the used-set covers them.
private struct World {
  let rig: UsedRig
  var random: Random
  /// Class-2 records that the ring holds: sequence, ticket, use.
  var ring: [(sequence: UInt64, ticket: Int, use: UInt16)] = []
  var lastSequence: UInt64 = 0
  var durableSequence: UInt64 = 0
  /// Settlements by height, from 1.
  var ledger: [(ticket: Int, elsewhere: UInt16)] = []
  var appliedHeight: UInt64 = 0
  /// What must be known.
  var own: [UInt16]
  var durableOwn: [UInt16]
  let tickets: Int

  init(tickets: Int, seed: UInt64) {
    self.tickets = tickets
    rig = UsedRig.created(tickets: tickets)
    random = Random(seed: seed)
    own = [UInt16](repeating: 0, count: tickets)
    durableOwn = own
  }

  func elsewhere(_ ticket: Int) -> UInt16 {
    ledger.prefix(Int(appliedHeight)).filter { $0.ticket == ticket }.map(\.elsewhere).max() ?? 0
  }

  mutating func admit(_ ticket: Int) throws {
    own[ticket] += 1
    lastSequence += 1
    ring.append((lastSequence, ticket, own[ticket]))
    try rig.used.recordUse(identity(ticket), ordinal: own[ticket])
  }

  mutating func commitRing() {
    durableSequence = lastSequence
    durableOwn = own
    rig.advance(durableThrough: durableSequence)
  }

  mutating func settle(_ ticket: Int) throws {
    ledger.append((ticket, elsewhere(ticket) + 1))
    try applyLedger()
  }

  mutating func applyLedger() throws {
    while appliedHeight < UInt64(ledger.count) {
      let entry = ledger[Int(appliedHeight)]
      try rig.used.applySettled(identity(entry.ticket), elsewhere: entry.elsewhere)
      appliedHeight += 1
    }
  }

  mutating func startCheckpoint() {
    guard rig.used.isIdle else { return }
    rig.used.startCheckpoint(throughSequence: lastSequence, height: appliedHeight)
    rig.advance(durableThrough: durableSequence)
  }

  mutating func stepDisk() {
    rig.step()
    #expect(rig.used.coveredSequence <= durableSequence)
    ring.removeAll { $0.sequence <= rig.used.coveredSequence }
  }

  /// - Parameter isPowerCut: else the process is killed and the kernel lives on.
  mutating func crash(isPowerCut: Bool) throws {
    if isPowerCut { rig.disk.cutPower(&random) } else { rig.disk.kill() }
    ring.removeAll { $0.sequence > durableSequence }
    lastSequence = durableSequence
    own = durableOwn
    rig.reopen()
    let coverage = try rig.recover()
    #expect(coverage.sequence <= durableSequence)
    #expect(rig.used.coveredSequence == 0)
    for record in ring where record.sequence > coverage.sequence {
      try rig.used.recordUse(identity(record.ticket), ordinal: record.use)
    }
    // What was settled after the covered height comes again.
    appliedHeight = coverage.height
    try applyLedger()
  }

  mutating func check(_ ticket: Int) throws {
    let found = try rig.uses(of: ticket)
    #expect(found == Uses(own: own[ticket], elsewhere: elsewhere(ticket)), "ticket \(ticket)")
  }

  mutating func checkAll() throws {
    for ticket in 0..<tickets { try check(ticket) }
  }
}

@Suite struct UsedSetCrashTests {
  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `uses survive random crashes exactly, and are never invented`(_ seed: UInt64) throws {
    print("used-set crashes: seed \(seed)")
    var world = World(tickets: 400, seed: seed)
    for _ in 0..<1500 {
      switch world.random.below(20) {
      case 0..<5: try world.admit(world.random.below(400))
      case 5..<7: try world.settle(world.random.below(400))
      case 7..<9: world.commitRing()
      case 9: world.startCheckpoint()
      case 10..<17: world.stepDisk()
      case 17..<19: try world.check(world.random.below(400))
      default:
        if world.random.below(4) == 0 {
          try world.crash(isPowerCut: world.random.below(2) == 0)
          for _ in 0..<20 { try world.check(world.random.below(400)) }
        }
      }
    }
    #expect(world.rig.used.failure == nil)
    try world.crash(isPowerCut: true)
    try world.checkAll()
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `uses survive failed flushes and the crashes after them exactly`(_ seed: UInt64) throws {
    print("used-set flushes: seed \(seed)")
    var world = World(tickets: 400, seed: seed)
    var failures = 0
    for _ in 0..<3000 {
      switch world.random.below(20) {
      case 0..<5: try world.admit(world.random.below(400))
      case 5..<7: try world.settle(world.random.below(400))
      case 7..<9: world.commitRing()
      case 9: world.startCheckpoint()
      case 10..<19:
        world.rig.disk.goodFlushes = world.random.below(8) == 0 ? 0 : nil
        world.rig.disk.survivorOneIn = world.random.below(4)
        world.stepDisk()
        if world.rig.used.failure == nil { continue }
        failures += 1
        // Another process, most often while the power is on.
        try world.crash(isPowerCut: world.random.below(4) == 0)
      default: if world.random.below(10) == 0 { try world.crash(isPowerCut: true) }
      }
      try world.check(world.random.below(400))
    }
    #expect(failures > 10)
    world.rig.disk.goodFlushes = nil
    try world.crash(isPowerCut: true)
    try world.checkAll()
  }

  @Test(arguments: [false, true])
  func `a crash after each write of two checkpoints loses nothing`(_ isPowerCut: Bool) throws {
    // 95 table pages: a checkpoint of two rounds.
    for crashAt in stride(from: 0, to: 400, by: 3) {
      var world = World(tickets: 12_000, seed: UInt64(crashAt))
      var done = 0
      for part in 0..<2 {
        for i in 0..<150 { try world.admit(part * 75 + i) }
        try world.settle(part)
        world.commitRing()
        world.startCheckpoint()
        while world.rig.disk.isBusy && done < crashAt {
          world.stepDisk()
          done += 1
        }
      }
      #expect(world.rig.used.failure == nil)
      // Sometimes twice: the second one in the recovery itself.
      try world.crash(isPowerCut: isPowerCut)
      for _ in 0..<crashAt % 70 { world.stepDisk() }
      if crashAt % 2 == 0 { try world.crash(isPowerCut: true) }
      for ticket in 0..<240 { try world.check(ticket) }
      world.rig.settleDisk()
      #expect(world.rig.used.isIdle == true)
      for ticket in stride(from: 0, to: 240, by: 7) { try world.check(ticket) }
      if done < crashAt { break }
    }
  }

  @Test func `a torn table page is put right from the journal`() throws {
    let rig = UsedRig.created(tickets: 100)
    for i in 0..<100 { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.checkpoint(throughSequence: 100, height: 0)
    try rig.used.recordUse(identity(0), ordinal: 2)
    rig.used.startCheckpoint(throughSequence: 101, height: 0)
    rig.advance(durableThrough: 101)
    while rig.disk.writeCount < 5 { rig.step() }
    // The journal is durable and the place is written but not flushed: half of it arrives.
    rig.disk.kill()
    for offset in 2048..<2060 { rig.disk.flip(at: 67 * 4096 + offset) }
    rig.reopen()
    #expect(try rig.recover().sequence == 100)
    for i in 1..<100 { #expect(try rig.uses(of: i) == Uses(own: 1)) }
    rig.settleDisk()
    rig.reopen()
    _ = try rig.recover()
    #expect(try rig.uses(of: 0) == Uses(own: 2))
    for i in 1..<100 { #expect(try rig.uses(of: i) == Uses(own: 1)) }
  }

  @Test func `a journal with an image of an earlier round is not applied`() throws {
    let rig = UsedRig.created(tickets: 300)
    var first: [Int] = []
    var second: [Int] = []
    for i in 0..<50 {
      let hash = TestPrimitives.keyedHash(identity(i).span, key: UsedRig.key)
      switch (UInt64(hash.span.uint32(at: 0)) * 3) >> 32 {
      case 0: first.append(i)
      case 1: second.append(i)
      default: break
      }
    }
    // Rounds 1 and 3 hold page 0 and page 1, round 2 page 1 alone.
    var sequence: UInt64 = 0
    for tickets in [[first[0], second[0]], [second[1]]] {
      for i in tickets { try rig.used.recordUse(identity(i), ordinal: 1) }
      sequence += UInt64(tickets.count)
      rig.checkpoint(throughSequence: sequence, height: 0)
    }
    let old = Array(rig.disk.current[4 * 4096..<5 * 4096])
    for i in [first[1], second[2]] { try rig.used.recordUse(identity(i), ordinal: 1) }
    rig.used.startCheckpoint(throughSequence: 5, height: 0)
    rig.advance(durableThrough: 5)
    let writes = rig.disk.writeCount
    while rig.disk.writeCount == writes { rig.step() }
    rig.disk.kill()
    rig.disk.restore(old, at: 4 * 4096)
    rig.reopen()
    #expect(try rig.recover().sequence == 3)
    rig.settleDisk()
    for i in [first[0], second[0], second[1]] { #expect(try rig.uses(of: i) == Uses(own: 1)) }
  }

  @Test func `recovery writes header, journal and places again, and changes no byte`() throws {
    let rig = UsedRig.created(tickets: 100)
    try rig.used.recordUse(identity(1), ordinal: 1)
    rig.checkpoint(throughSequence: 1, height: 0)
    let writes = rig.disk.writeCount
    let bytes = rig.disk.durable
    rig.reopen()
    _ = try rig.recover()
    rig.settleDisk()
    #expect(rig.disk.writeCount == writes + 3)
    #expect(rig.disk.durable == bytes)
    #expect(rig.used.isIdle == true)
    #expect(rig.used.coveredSequence == 1)
  }
}
