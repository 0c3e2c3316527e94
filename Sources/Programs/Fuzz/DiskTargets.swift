// What a device finds in its own files when it starts: a ring, a used-set.

import Gates
import Limits
import Rings
import Wire

private let segments = Limits.segmentsMin

/// - A ring that is found can be looked through to the end.
/// - A ring that is found and made durable again is found again, unless nothing was ever durable in
///   it, or a number in it is near its end, where no device comes. What is found may differ: of blocks
///   that no ring has written, others may speak the second time.
func checkRing(
  _ input: Span<UInt8>, _ bench: Workbench, _ disk: inout PagedDisk
) throws(Broken) {
  disk.load(input)
  let bytes = RingInspection<Gullible>.memoryBytes(segments: segments)
  var inspection = RingInspection<Gullible>(
    memory: bench.tables.zeroed(bytes), segments: segments)
  if (try? inspection.open(&disk)) != nil {
    while (try? inspection.next(&disk)) ?? false {}
  }
  guard recover(bench, &disk) == .durable else { return }
  try require(
    recover(bench, &disk) != .lost, "a ring that was made durable is not found again")
}

private enum RingFate {
  case lost
  /// Found, and no more can be asked of it.
  case odd
  case durable
}

/// Recovers the ring and makes it durable.
private func recover(_ bench: Workbench, _ disk: inout PagedDisk) -> RingFate {
  let bytes = Ring<Gullible>.memoryBytes(segments: segments)
  var ring = Ring<Gullible>(memory: bench.tables.zeroed(bytes), segments: segments)
  var actions = DiskActions()
  guard let report = try? ring.recover(&disk, nonce: 1, into: &actions) else { return .lost }
  var isOdd = ring.durableCommit == 0 || report.commit >= 1 << 62 || report.boot >= 1 << 31
  for index in 0..<Limits.ringClasses {
    if ring.nextSequence(RecordClass(index: index)) >= 1 << 62 { isOdd = true }
  }
  while disk.perform(&actions) { ring.flushed(nil, into: &actions) }
  return isOdd || ring.state != .ready ? .odd : .durable
}

/// - A used-set that is found answers for every ticket, the same before and after it is durable.
func checkUsed(
  _ input: Span<UInt8>, _ bench: Workbench, _ disk: inout PagedDisk
) throws(Broken) {
  disk.load(input)
  let pages = UsedSet<Gullible>.pagesMemoryBytes
  var used = UsedSet<Gullible>(
    pages: bench.tables.zeroed(pages),
    delta: bench.tables.zeroed(UsedSet<Gullible>.deltaMemoryBytes, from: pages))
  var actions = DiskActions()
  guard (try? used.recover(epoch: 1, disk: &disk, into: &actions)) != nil else { return }
  let before = try? used.uses(of: TicketIdentity(), disk: &disk)
  while disk.perform(&actions) {
    used.flushed(nil, disk: &disk, into: &actions)
  }
  let after = try? used.uses(of: TicketIdentity(), disk: &disk)
  if let before, let after {
    try require(after.total >= before.total, "uses are forgotten when a used-set is found")
  }
}
