// Crashes, failed flushes, rot: what is kept, what is given up, and what is called corrupt.

import Limits
import Rings
import Seal
import Testing
import Wire
import World

@Suite struct RingFaultTests {
  init() throws { try Sodium.start() }

  @Test func `every subset of the sectors of a cut commit leaves a sound ring`() throws {
    // Header sector and frame sectors of one block of a page: what survives is all or nothing.
    for survivors: UInt64 in 0..<256 {
      var bench = Bench()
      try bench.append(.admissions, fill: 1)
      bench.commit()
      for _ in 0..<5 { try bench.append(.admissions, count: 500, fill: 2) }
      bench.ring.commit(into: &bench.actions)
      bench.performWritesOnly()
      #expect(bench.disk.unflushedSectors(of: .ring) == 8)
      bench.disk.crash(.ring, survivors: survivors)
      let report = try bench.restart()
      #expect(report.corruptBlocks == 0)
      // 512 + 5 * 552 bytes: sectors 0 to 6.
      let isWhole = survivors & 0x7f == 0x7f
      #expect(try bench.read(.admissions).count == (isWhole ? 6 : 1), "survivors \(survivors)")
      #expect(report.isTailTorn == (survivors & 1 == 1 && !isWhole))
      try bench.append(.admissions)
      bench.commit()
    }
  }

  @Test func `a tail that was read back is written again before it is reported`() throws {
    var bench = Bench()
    try bench.append(.admissions, fill: 9)
    bench.ring.commit(into: &bench.actions)
    bench.performWritesOnly()
    bench.disk.crash(.ring, survivors: .max)
    bench.ring = Bench.ring(16)
    let report = try bench.ring.recover(&bench.disk, nonce: 1, into: &bench.actions)
    #expect(report.tailRecords == 1)
    #expect(bench.ring.state == .starting)
    #expect(bench.ring.durableThrough(.admissions) == 0)
    #expect(throws: RingError.notReady) { try bench.append(.admissions) }
    let writes = bench.disk.counters.writes
    bench.settle()
    #expect(bench.disk.counters.writes == writes + 1)
    #expect(bench.ring.durableThrough(.admissions) == 1)
    // The page that was cut may rot now: nothing depends on it.
    bench.disk.rot(.ring, at: Bench.page(1, 0) + 600)
    let later = try bench.restart()
    #expect(later.corruptBlocks == 0)
    #expect(try bench.read(.admissions).map(\.1) == [[UInt8](repeating: 9, count: 110)])
  }

  @Test func `a failed flush moves the batch to other segments and loses nothing`() throws {
    var bench = Bench()
    try bench.append(.admissions, fill: 1)
    bench.commit()
    try bench.append(.admissions, fill: 2)
    try bench.append(.control, fill: 3)
    bench.disk.nextFlushError = .inputOutput
    bench.commit()
    #expect(bench.ring.state == .ready)
    #expect(bench.ring.counters.abandonedSegments == 2)
    #expect(bench.ring.counters.flushFailures == 1)
    #expect(bench.ring.durableThrough(.admissions) == 2)
    #expect(try bench.read(.admissions).map { $0.1[0] } == [1, 2])
    bench.disk.crash()
    let report = try bench.restart()
    #expect(report.corruptBlocks == 0)
    #expect(try bench.read(.admissions).map { $0.1[0] } == [1, 2])
    #expect(try bench.read(.control).map { $0.1[0] } == [3])
  }

  @Test func `two failed flushes in a row end writing and nothing else`() throws {
    var bench = Bench()
    try bench.append(.admissions, fill: 1)
    bench.commit()
    bench.disk.isFull = true
    try bench.append(.admissions, fill: 2)
    bench.commit()
    #expect(bench.ring.state == .readOnly)
    #expect(throws: RingError.readOnly) { try bench.append(.admissions) }
    #expect(bench.ring.durableThrough(.admissions) == 1)
    #expect(try bench.read(.admissions).map { $0.1[0] } == [1])
    bench.disk.isFull = false
    try bench.restart()
    #expect(bench.ring.state == .ready)
    #expect(try bench.read(.admissions).map { $0.1[0] } == [1])
  }

  @Test func `rot in a durable block is called corrupt, and reading goes on behind it`() throws {
    var bench = Bench()
    for i in 0..<5 {
      try bench.append(.admissions, fill: UInt8(i))
      bench.commit()
    }
    // Control's block is in segment 0; admissions fill segment 1. The third page is record 3.
    bench.disk.rot(.ring, at: Bench.page(1, 2) + 520)
    var cursor = RingCursor(memory: Bench.memory(RingCursor.memoryBytes))
    cursor.seek(.admissions, 1)
    var found: [UInt64] = []
    var holes: [Range<UInt64>] = []
    while true {
      do {
        guard try cursor.next(in: bench.ring, &bench.disk) else { break }
        found.append(cursor.sequence)
      } catch {
        #expect(error == .corrupt)
        holes.append(cursor.missing)
      }
    }
    #expect(found == [1, 2, 4, 5])
    #expect(holes == [3..<4])
    #expect(cursor.corruptBlocks == 1)
  }

  @Test func `a durable block that is gone is noticed, and its sequence is not used again`() throws
  {
    var bench = Bench()
    for i in 0..<3 {
      try bench.append(.admissions, fill: UInt8(i))
      bench.commit()
    }
    try bench.append(.control)
    bench.commit()
    bench.disk.rot(.ring, at: Bench.page(1, 2) + 20)
    let report = try bench.restart()
    #expect(report.corruptBlocks == 1 && !report.isTailTorn)
    #expect(bench.ring.nextSequence(.admissions) == 4)
    #expect(try bench.append(.admissions) == 4)
  }

  @Test func `an unreadable first page does not hide the blocks behind it`() throws {
    var bench = Bench()
    for i in 0..<20 {
      try bench.append(.admissions, fill: UInt8(i))
      bench.commit()
    }
    bench.disk.rot(.ring, at: Bench.page(1, 0) + 20)
    let report = try bench.restart()
    #expect(report.corruptBlocks == 1)
    var inspection = RingInspection<Sodium>(
      memory: Bench.memory(RingInspection<Sodium>.memoryBytes(segments: 16)), segments: 16)
    _ = try inspection.open(&bench.disk)
    while try inspection.next(&bench.disk) {}
    #expect(inspection.found(.admissions).records == 19)
    #expect(inspection.holes == 1 && inspection.missingRecords == 1)
  }

  @Test func `a page that the media cannot read does not end a start, and is told`() throws {
    for page in 0..<16 {
      var bench = Bench()
      for i in 0..<20 {
        try bench.append(.admissions, fill: UInt8(i))
        bench.commit()
      }
      // The first of two segments of admissions.
      bench.disk.fail(.ring, at: Bench.page(1, page))
      let report = try bench.restart()
      #expect(bench.ring.state == .ready)
      // Of a segment that is not the newest, a start looks at the first page.
      #expect(report.failedReads == (page == 0 ? 1 : 0))
      #expect(report.corruptBlocks == (page == 0 ? 1 : 0))
      var inspection = RingInspection<Sodium>(
        memory: Bench.memory(RingInspection<Sodium>.memoryBytes(segments: 16)), segments: 16)
      _ = try inspection.open(&bench.disk)
      while try inspection.next(&bench.disk) {}
      #expect(inspection.found(.admissions).records == 19)
      #expect(inspection.missingRecords == 1 && inspection.corruptBlocks > 0)
    }
  }

  @Test func `a page of the newest segment that cannot be read is a hole, and no sequence is lost`()
    throws
  {
    var bench = Bench()
    for i in 0..<3 {
      try bench.append(.admissions, fill: UInt8(i))
      bench.commit()
    }
    try bench.append(.control)
    bench.commit()
    bench.disk.fail(.ring, at: Bench.page(1, 1))
    let report = try bench.restart()
    #expect(report.corruptBlocks == 1 && report.failedReads > 0)
    #expect(try bench.append(.admissions) == 4)
    #expect(throws: RingError.corrupt) { try bench.read(.admissions) }
    #expect(try bench.read(.admissions, from: 3).map { $0.1[0] } == [2])
  }

  @Test func `either copy of the file header is enough, none is the end of a start`() throws {
    var bench = Bench()
    try bench.append(.admissions)
    bench.commit()
    bench.disk.fail(.ring, at: 0)
    try bench.restart()
    #expect(try bench.read(.admissions).count == 1)
    bench.disk.fail(.ring, at: 61_440)
    #expect(throws: RingError.disk(.inputOutput)) { try bench.restart() }
  }

  @Test func `a block in the wrong place is not a block`() throws {
    var bench = Bench()
    try bench.append(.admissions)
    bench.commit()
    try bench.append(.control)
    bench.commit()
    let page = try bench.file(Bench.page(1, 0), 4096)
    bench.disk.write(page.span, to: .ring, at: Bench.page(5, 0))
    let report = try bench.restart()
    #expect(report.corruptBlocks == 0)
    #expect(try bench.read(.admissions).count == 1)
  }

  @Test func `an empty file is blank, another size is refused, garbage is damaged`() throws {
    var bench = Bench()
    bench.disk.create(.ring, bytes: Ring<Sodium>.fileBytes(segments: 16))
    #expect(throws: RingError.blank) { try bench.restart() }
    bench = Bench()
    bench.ring = Bench.ring(17)
    #expect(throws: RingError.otherFormat) {
      try bench.ring.recover(&bench.disk, nonce: 1, into: &bench.actions)
    }
    bench = Bench()
    for _ in 0..<3 { try bench.append(.admissions); bench.commit() }
    bench.disk.rot(.ring, at: 10)
    try bench.restart()
    bench.disk.rot(.ring, at: 61440 + 10)
    #expect(throws: RingError.damaged) { try bench.restart() }
    bench = Bench()
    bench.disk.create(.ring, bytes: 4096)
    #expect(throws: RingError.disk(.shortRead)) { try bench.restart() }
  }

  @Test func `garbage everywhere is survived`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix(seed: seed)
    for _ in 0..<60 {
      var bench = Bench(seed: seed)
      for _ in 0..<40 {
        try bench.append([.admissions, .refusals, .control][random.draw(0..<3)])
        if random.oneIn(2) { bench.commit() }
      }
      for _ in 0..<random.draw(1..<60) {
        let page = Bench.page(random.draw(0..<5), random.draw(0..<16))
        bench.disk.rot(.ring, at: page + Int64(random.draw(0..<700)))
      }
      do { try bench.restart() } catch { continue }
      var inspection = RingInspection<Sodium>(
        memory: Bench.memory(RingInspection<Sodium>.memoryBytes(segments: 16)), segments: 16)
      _ = try inspection.open(&bench.disk)
      while try inspection.next(&bench.disk) {}
      #expect(inspection.wrongHashes == 0, "seed \(seed)")
    }
  }

  @Test func `an inspection lists everything, the tail included, and writes nothing`() throws {
    var bench = Bench(segments: 64)
    for _ in 0..<70 {
      try bench.append(.admissions)
      try bench.append(.refusals, count: 33)
      bench.commit()
    }
    try bench.append(.admissions)
    bench.ring.commit(into: &bench.actions)
    bench.performWritesOnly()
    let writes = bench.disk.counters.writes
    var inspection = RingInspection<Sodium>(
      memory: Bench.memory(RingInspection<Sodium>.memoryBytes(segments: 64)), segments: 64)
    let report = try inspection.open(&bench.disk)
    #expect(report.tailRecords == 1)
    #expect(inspection.ring.header.node == 1001)
    while try inspection.next(&bench.disk) {}
    let admissions = inspection.found(.admissions)
    #expect(admissions.records == 71 && admissions.oldest == 1 && admissions.newest == 71)
    #expect(admissions.bytes == 71 * 110)
    let refusals = inspection.found(.refusals)
    #expect(refusals.records == 70 && refusals.oldest == 1 && refusals.newest == 70)
    #expect(inspection.holes == 0 && inspection.wrongHashes == 0 && inspection.corruptBlocks == 0)
    #expect(bench.disk.counters.writes == writes)
  }
}
