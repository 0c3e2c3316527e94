// A ring of 16 segments in memory: the bytes of a block as another program made them of FORMAT.md,
// and its records found again.

import Limits
import Rings
import Seal
import Wire

private let segments = 16

func checkRing(_ check: inout Check, _ arena: inout Arena) {
  var text = arena.take(64)
  var disk = MemoryDisk(
    ring: arena.take(Int(Ring<Sodium>.fileBytes(segments: segments))), used: arena.take(0))
  var actions = DiskActions()
  var ring = Ring<Sodium>(
    memory: arena.take(Ring<Sodium>.memoryBytes(segments: segments)), segments: segments)
  ring.create(
    identity: counting(), node: 1001, epoch: 0x0102_0304_0506_0708, nonce: 0xabcd, into: &actions)
  settle(&ring, &disk, &actions)
  check.that("a ring is created", ring.state == .ready)
  let record = text.put(text: "tollkeeper")
  do throws(RingError) {
    let sequence = try ring.append(
      text.span(record), recordClass: .admissions, expires: 1_750_000_000_000)
    check.that("the first sequence is 1", sequence == 1 && ring.durableThrough(.admissions) == 0)
  } catch {
    check.that("a record is appended", false)
    return
  }
  ring.commit(into: &actions)
  settle(&ring, &disk, &actions)
  check.that("a committed record is durable", ring.durableThrough(.admissions) == 1)
  // The first page of segment 1: header and frame.
  let block = 65536 + 65536
  check.that(
    "the beginning of a block",
    equalHex(
      disk.ring.span(block..<block + 36),
      "544b5242c27c5028c06d3da7400200000200000000000000010000000000000001000000"))
  check.that(
    "a record's frame",
    equalHex(
      disk.ring.span(block + 512..<block + 576),
      """
      0a0001000000000000dc207497010000bde9ad0f6ec0b1463b765d6d8f51d5032ff62a1af0ed79c708fc\
      c5728846ecc7746f6c6c6b6565706572000000000000
      """))
  checkRecovery(&check, &disk, &arena)
}

private func checkRecovery(_ check: inout Check, _ disk: inout MemoryDisk, _ arena: inout Arena) {
  var actions = DiskActions()
  var ring = Ring<Sodium>(
    memory: arena.take(Ring<Sodium>.memoryBytes(segments: segments)), segments: segments)
  var cursor = RingCursor(memory: arena.take(RingCursor.memoryBytes))
  do throws(RingError) {
    let report = try ring.recover(&disk, nonce: 1, into: &actions)
    settle(&ring, &disk, &actions)
    check.that(
      "a ring is found again",
      ring.state == .ready && ring.boot == 2 && ring.header.node == 1001
        && report.corruptBlocks == 0)
    cursor.seek(.admissions, 1)
    let isThere = try cursor.next(in: ring, &disk)
    check.that(
      "a record is found again", isThere && equal(cursor.record, "tollkeeper"))
    check.that(
      "a record's hash",
      isThere && cursor.hash == Sodium.hash(cursor.record)
        && ring.chainHead(.admissions) == cursor.hash)
    check.that("nothing else is found", try !cursor.next(in: ring, &disk))
  } catch {
    check.that("a ring is recovered", false)
  }
}

private func settle(
  _ ring: inout Ring<Sodium>, _ disk: inout MemoryDisk, _ actions: inout DiskActions
) {
  while disk.perform(&actions) { ring.flushed(nil, into: &actions) }
}
