// Records upward: what the ring holds becomes batches, within the window, until it has a receipt.

import Limits
import Records
import Rings
import Seal
import Sync
import Testing
import Wire
import World

@Suite struct UplinkTests {
  @Test func `what is not durable is not sent`() throws {
    let bench = Bench()
    try bench.append(.admissions, 3)
    #expect(!bench.hasUnsent)
    #expect(try bench.send() == nil)
    bench.commit()
    #expect(bench.hasUnsent)
    #expect(try bench.send()?.runs == [Run(.admissions, 1, 3)])
    #expect(try bench.send() == nil)
  }

  @Test func `a batch carries what the ring holds, the highest class first`() throws {
    let bench = Bench()
    try bench.append(.refusals, 2)
    try bench.append(.admissions, 3)
    try bench.append(.refusals, 1)
    bench.commit()
    let sent = try #require(try bench.send())
    #expect(sent.runs == [Run(.admissions, 1, 3), Run(.refusals, 1, 3)])
    #expect(sent.header == bench.header)
    var previous = Hash()
    for record in sent.records[0..<3] {
      #expect(try Record(parsing: record.span).previous == previous)
      previous = Sodium.hash(record.span)
    }
    #expect(previous == bench.head(.admissions))
  }

  @Test func `a batch holds 256 records, and the window 16 batches, all at once`() throws {
    let bench = Bench()
    try bench.append(.admissions, 16 * 256 + 10)
    bench.commit()
    // No timer ticks between them: a full ring does not take hours to drain.
    let sent = try bench.drain()
    #expect(sent.map(\.runs) == (0..<16).map { [Run(.admissions, $0 * 256 + 1, $0 * 256 + 256)] })
    #expect(bench.isFull && bench.hasUnsent)
    bench.receipt(.admissions, through: 256)
    #expect(try bench.drain().map(\.runs) == [[Run(.admissions, 4097, 4106)]])
    #expect(try bench.send() == nil)
  }

  @Test func `PUBACKs make no room and release nothing`() throws {
    let bench = Bench()
    try bench.append(.admissions, 17 * 256)
    bench.commit()
    #expect(try bench.drain().count == 16)
    for id in 1...16 as ClosedRange<Int32> { bench.uplink.published(id, now: 5) }
    #expect(try bench.send() == nil)
    #expect(bench.acknowledged(.admissions) == 0)
  }

  @Test func `after a rewind everything without a receipt is sent again, the same records`() throws
  {
    let bench = Bench()
    try bench.append(.admissions, 600)
    try bench.append(.refusals, 5)
    bench.commit()
    let first = try bench.drain()
    bench.receipt(.admissions, through: 300)
    bench.uplink.rewind(to: bench.ring)
    let second = try bench.drain()
    #expect(
      second.map(\.runs) == [
        [Run(.admissions, 301, 556)], [Run(.admissions, 557, 600), Run(.refusals, 1, 5)],
      ])
    let all = first.flatMap { $0.records }
    #expect(second.flatMap { $0.records } == Array(all[300...]))
    #expect(bench.resent > 0)
  }

  @Test func `what waited for the window to open goes without any new scan`() throws {
    let bench = Bench()
    try bench.append(.admissions, 40)
    bench.commit()
    _ = try bench.drain()
    // The connection breaks and comes back.
    bench.uplink.rewind(to: bench.ring)
    #expect(bench.hasUnsent)
    #expect(try bench.drain().map(\.runs) == [[Run(.admissions, 1, 40)]])
  }

  @Test func `receipts that come after a rewind keep what they cover from going again`() throws {
    let bench = Bench()
    try bench.append(.admissions, 40)
    bench.commit()
    _ = try bench.drain()
    bench.uplink.rewind(to: bench.ring)
    bench.receipt(.admissions, through: 30)
    #expect(try bench.drain().map(\.runs) == [[Run(.admissions, 31, 40)]])
  }

  @Test func `a bundle is made again for what was not handed over`() throws {
    let bench = Bench()
    try bench.append(.admissions, 3)
    bench.commit()
    _ = try bench.uplink.next(bench.ring, header: bench.header, now: noon, disk: &bench.disk)
    #expect(bench.inFlight == 0)
    #expect(try bench.send()?.runs == [Run(.admissions, 1, 3)])
  }

  @Test func `records released long ago are not looked for`() throws {
    let bench = Bench()
    // More than a segment, so that the ring forgets.
    try bench.append(.refusals, 1200)
    bench.commit()
    bench.receipt(.refusals, through: 1000)
    try bench.append(.refusals, 1)
    bench.commit()
    try bench.append(.refusals, 1)
    bench.commit()
    #expect(bench.oldest(.refusals) == 1001)
    bench.uplink.rewind(to: bench.ring)
    #expect(try bench.drain().map(\.runs) == [[Run(.refusals, 1001, 1202)]])
  }

  @Test func `a hole is told once, and what is behind it is sent as a batch of its own`() throws {
    let bench = Bench()
    for _ in 0..<3 {
      try bench.append(.admissions, 2)
      bench.commit()
    }
    try bench.append(.refusals, 1)
    bench.commit()
    // The first page of the ring's segments whose block holds record 3: bit rot.
    let place = try #require(bench.block(of: 3))
    bench.disk.rot(.ring, at: place + 100)
    let before = try #require(try bench.send())
    #expect(before.runs == [Run(.admissions, 1, 2)])
    #expect(throws: UplinkError.ring(.corrupt)) { try bench.send() }
    #expect(try bench.drain().flatMap(\.runs) == [Run(.admissions, 5, 6), Run(.refusals, 1, 1)])
  }

  @Test func `a greeting is a batch without runs that says where the device is`() throws {
    let bench = Bench()
    try bench.append(.admissions, 3)
    bench.commit()
    let greeting = try bench.greeting()
    #expect(greeting.runs == [] && greeting.header == bench.header)
    // It is in no flight, and takes no record along.
    #expect(bench.inFlight == 0)
    #expect(try bench.send()?.runs == [Run(.admissions, 1, 3)])
  }

  @Test func `what a disk cannot read is a hole for the uplink, which is tried again later`() throws
  {
    let bench = Bench()
    try bench.append(.admissions, 3)
    bench.commit()
    var broken = BrokenDisk()
    #expect(throws: UplinkError.ring(.corrupt)) {
      try bench.uplink.next(bench.ring, header: bench.header, now: noon, disk: &broken)
    }
    #expect(try bench.send() == nil)
    bench.uplink.rewind(to: bench.ring)
    #expect(try bench.send()?.runs == [Run(.admissions, 1, 3)])
  }
}

private struct BrokenDisk: Disk {
  @_lifetime(target: copy target)
  mutating func read(
    _ file: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError) { throw .inputOutput }
}

extension Bench {
  /// Offset of the page where the block of admissions begins that holds `sequence`.
  func block(of sequence: UInt64) -> Int64? {
    for page in 16..<Int64(16 * (Self.segments + 1)) {
      var bytes = [UInt8](repeating: 0, count: 64)
      var space = bytes.mutableSpan
      guard (try? disk.read(.ring, at: page * 4096, into: &space)) != nil else { return nil }
      let span = bytes.span
      guard span.uint32(at: 0) == 0x4252_4b54, bytes[46] == 2, span.uint64(at: 32) == sequence
      else { continue }
      return page * 4096
    }
    return nil
  }
}
