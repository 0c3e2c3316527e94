// What a ring promises while nothing goes wrong: order, durability, receipts, space.

import Limits
import Rings
import Seal
import Testing
import Wire
import World

@Suite struct RingTests {
  init() throws { try Sodium.start() }

  @Test func `a record is durable after the flush and not before`() throws {
    var bench = Bench()
    let sequence = try bench.append(.admissions)
    #expect(sequence == 1)
    bench.ring.commit(into: &bench.actions)
    #expect(bench.actions.count == 2, "one write, one flush")
    bench.performWritesOnly()
    #expect(bench.ring.durableThrough(.admissions) == 0)
    #expect(try bench.read(.admissions).isEmpty)
    bench.ring.flushed(nil, into: &bench.actions)
    #expect(bench.ring.durableThrough(.admissions) == 1)
    #expect(try bench.read(.admissions).map(\.0) == [1])
  }

  @Test func `a commit writes one page for a lone record and flushes once`() throws {
    var bench = Bench()
    let before = bench.disk.counters
    try bench.append(.admissions)
    bench.commit()
    #expect(bench.disk.counters.writes - before.writes == 1)
    #expect(bench.disk.counters.bytesWritten - before.bytesWritten == 4096)
    #expect(bench.disk.counters.flushes - before.flushes == 1)
  }

  @Test func `records of all classes come back after a start, bit for bit`() throws {
    var bench = Bench()
    for round in 0..<30 {
      for recordClass in [RecordClass.telemetry, .refusals, .admissions, .control] {
        let fill = UInt8(round * 4 + recordClass.index)
        try bench.append(recordClass, count: 20 + round * 10, fill: fill)
      }
      if round % 7 == 0 { bench.commit() }
    }
    bench.commit()
    let head = bench.ring.chainHead(.admissions)
    let report = try bench.restart()
    #expect(report.corruptBlocks == 0 && !report.isTailTorn)
    #expect(bench.ring.state == .ready)
    for recordClass in [RecordClass.telemetry, .refusals, .admissions, .control] {
      let found = try bench.read(recordClass)
      #expect(found.map(\.0) == Array(1...30))
      for (sequence, bytes) in found {
        let round = Int(sequence) - 1
        let fill = UInt8(round * 4 + recordClass.index)
        #expect(bytes == [UInt8](repeating: fill, count: 20 + round * 10))
      }
    }
    #expect(bench.ring.chainHead(.admissions) == head)
    #expect(bench.ring.nextSequence(.admissions) == 31)
  }

  @Test func `appends go on while a commit is on the way`() throws {
    var bench = Bench()
    try bench.append(.admissions, fill: 1)
    bench.ring.commit(into: &bench.actions)
    for i in 0..<64 { try bench.append(.admissions, fill: UInt8(2 + i)) }
    #expect(throws: RingError.batchFull) { try bench.append(.control) }
    #expect(bench.ring.mayCommit == false)
    bench.settle()
    #expect(bench.ring.durableThrough(.admissions) == 1)
    bench.commit()
    #expect(bench.ring.durableThrough(.admissions) == 65)
    #expect(try bench.read(.admissions).map { $0.1[0] } == (1...65).map { UInt8($0) })
  }

  @Test func `chain head and expiry are those of the record`() throws {
    var bench = Bench()
    let bytes: [UInt8] = [1, 2, 3]
    _ = try bench.ring.append(bytes.span, recordClass: .refusals, expires: -5)
    #expect(bench.ring.chainHead(.refusals) == Sodium.hash(bytes.span))
    bench.commit()
    var cursor = RingCursor(memory: Bench.memory(RingCursor.memoryBytes))
    cursor.seek(.refusals, 1)
    #expect(try cursor.next(in: bench.ring, &bench.disk))
    #expect(cursor.hash == Sodium.hash(bytes.span))
    #expect(cursor.expires == -5)
    #expect(try !cursor.next(in: bench.ring, &bench.disk))
  }

  @Test func `records of no bytes and of too many are refused`() throws {
    var bench = Bench()
    #expect(throws: RingError.badLength) { try bench.append(.control, count: 0) }
    #expect(throws: RingError.badLength) { try bench.append(.control, count: 513) }
    try bench.append(.control, count: 512)
  }

  @Test func `boot numbers rise with every start, even with nothing written between`() throws {
    var bench = Bench()
    #expect(bench.ring.boot == 1)
    for boot in 2..<40 {
      try bench.restart()
      #expect(bench.ring.boot == UInt32(boot))
    }
    #expect(bench.ring.freeSegments >= bench.segments - 4, "starts leak segments")
  }

  // MARK: Receipts and space

  @Test func `a ring that is receipted goes round and round`() throws {
    var bench = Bench()
    bench.ring.setReplayFloor(.max)
    for round in 0..<1500 {
      for _ in 0..<30 { try bench.append(.admissions, fill: UInt8(round & 0xff)) }
      try bench.append(.refusals)
      bench.commit()
      bench.ring.acknowledge(.admissions, through: bench.ring.durableThrough(.admissions))
      bench.ring.acknowledge(.refusals, through: bench.ring.durableThrough(.refusals))
      if round % 100 == 99 { try bench.restart() }
      bench.ring.setReplayFloor(.max)
    }
    #expect(bench.ring.durableThrough(.admissions) == 45_000)
    #expect(bench.ring.counters.refusedFull == 0)
    #expect(bench.disk.counters.bytesWritten > 8 << 20, "did not wrap")
  }

  @Test func `a full ring refuses, keeps all that it has, and goes on after a receipt`() throws {
    var bench = Bench()
    bench.ring.setReplayFloor(.max)
    #expect(throws: RingError.full) {
      while true {
        try bench.append(.admissions)
        bench.commit()
      }
    }
    #expect(bench.ring.counters.refusedFull == 1)
    #expect(bench.ring.freeSegments >= 9)
    let kept = bench.ring.durableThrough(.admissions)
    #expect(try bench.read(.admissions).count == Int(kept))
    // Receipts alone make room: a commit without records.
    bench.ring.acknowledge(.admissions, through: kept / 2)
    bench.commit()
    try bench.append(.admissions)
    bench.commit()
    #expect(try bench.read(.admissions).first?.0 == kept / 2 + 1)
  }

  @Test func `a full ring survives a hundred starts`() throws {
    var bench = Bench()
    bench.ring.setReplayFloor(.max)
    for start in 0..<100 {
      while (try? bench.append([RecordClass.admissions, .control][start % 2])) != nil {
        bench.commit()
      }
      try bench.restart()
      #expect(bench.ring.state == .ready)
    }
    let kept = bench.ring.durableThrough(.admissions)
    #expect(try bench.read(.admissions).count == Int(kept))
    bench.ring.acknowledge(.admissions, through: kept)
    bench.ring.acknowledge(.control, through: bench.ring.durableThrough(.control))
    bench.ring.setReplayFloor(.max)
    bench.commit()
    try bench.append(.admissions)
  }

  @Test func `refusals and telemetry leave room for admissions`() throws {
    var bench = Bench()
    #expect(throws: RingError.reserved) {
      while true {
        try bench.append(.refusals)
        bench.commit()
      }
    }
    #expect(bench.ring.counters.refusedReserved == 1)
    for _ in 0..<32 {
      try bench.append(.admissions)
      bench.commit()
    }
    #expect(throws: RingError.reserved) { try bench.append(.telemetry) }
  }

  @Test func `receipts are monotone and never run ahead of what is durable`() throws {
    var bench = Bench()
    for _ in 0..<3 { try bench.append(.refusals) }
    bench.commit()
    try bench.append(.refusals)
    bench.ring.acknowledge(.refusals, through: 2)
    bench.ring.acknowledge(.refusals, through: 1)
    #expect(bench.ring.acknowledgedThrough(.refusals) == 2)
    bench.ring.acknowledge(.refusals, through: 99)
    #expect(bench.ring.acknowledgedThrough(.refusals) == 3)
    #expect(bench.ring.releasedThrough(.refusals) == 0, "not durable yet")
    bench.commit()
    #expect(bench.ring.releasedThrough(.refusals) == 3)
    try bench.restart()
    #expect(bench.ring.acknowledgedThrough(.refusals) == 3)
  }

  @Test func `a commit of receipts alone happens once`() throws {
    var bench = Bench()
    try bench.append(.refusals)
    bench.commit()
    #expect(bench.ring.mayCommit == false)
    bench.ring.acknowledge(.refusals, through: 1)
    #expect(bench.ring.mayCommit == true)
    bench.commit()
    #expect(bench.ring.mayCommit == false)
  }

  @Test func `admissions above the replay floor are kept though receipted`() throws {
    var bench = Bench()
    for _ in 0..<10 { try bench.append(.admissions) }
    bench.commit()
    bench.ring.acknowledge(.admissions, through: 10)
    bench.ring.setReplayFloor(4)
    bench.commit()
    #expect(bench.ring.releasedThrough(.admissions) == 4)
    try bench.restart()
    #expect(bench.ring.acknowledgedThrough(.admissions) == 10)
    #expect(try bench.read(.admissions).map(\.0) == Array(5...10))
  }

  @Test func `sequence and chain go on when a class has no record left`() throws {
    var bench = Bench()
    bench.ring.setReplayFloor(.max)
    for _ in 0..<40 {
      try bench.append(.control)
      bench.commit()
    }
    let head = bench.ring.chainHead(.control)
    bench.ring.acknowledge(.control, through: 40)
    // Enough of another class to use every segment again.
    for _ in 0..<600 {
      try bench.append(.admissions)
      bench.commit()
      bench.ring.acknowledge(.admissions, through: bench.ring.durableThrough(.admissions))
    }
    try bench.restart()
    #expect(bench.ring.nextSequence(.control) == 41)
    #expect(bench.ring.chainHead(.control) == head)
    #expect(try bench.read(.control).isEmpty)
  }

  // MARK: Reading

  @Test func `a cursor reads a segment of lone pages at once`() throws {
    var bench = Bench()
    for _ in 0..<32 {
      try bench.append(.admissions)
      bench.commit()
    }
    let before = bench.disk.counters.reads
    #expect(try bench.read(.admissions).count == 32)
    #expect(bench.disk.counters.reads - before == 2)
  }

  @Test func `a cursor finds any sequence with one read`() throws {
    var bench = Bench(segments: 64)
    for i in 0..<400 {
      try bench.append(.admissions, fill: UInt8(i & 0xff))
      bench.commit()
    }
    var cursor = RingCursor(memory: Bench.memory(RingCursor.memoryBytes))
    for sequence: UInt64 in [400, 1, 217, 33, 399] {
      let before = bench.disk.counters.reads
      cursor.seek(.admissions, sequence)
      #expect(try cursor.next(in: bench.ring, &bench.disk))
      #expect(cursor.sequence == sequence)
      #expect(cursor.record[0] == UInt8((sequence - 1) & 0xff))
      #expect(bench.disk.counters.reads - before <= 1)
    }
  }

  @Test func `a cursor that waits at the end sees what comes`() throws {
    var bench = Bench()
    bench.ring.setReplayFloor(.max)
    var cursor = RingCursor(memory: Bench.memory(RingCursor.memoryBytes))
    cursor.seek(.admissions, 1)
    for i in 1...2000 {
      try bench.append(.admissions, fill: UInt8(i & 0xff))
      bench.commit()
      #expect(try cursor.next(in: bench.ring, &bench.disk))
      #expect(cursor.sequence == UInt64(i) && cursor.record[0] == UInt8(i & 0xff))
      #expect(try !cursor.next(in: bench.ring, &bench.disk))
      bench.ring.acknowledge(.admissions, through: UInt64(i))
    }
  }
}
