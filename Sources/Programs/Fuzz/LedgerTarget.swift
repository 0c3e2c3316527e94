// A validator's block log, as it is found at a start.

import Ledger
import Limits
import Trust
import Wire

/// A block log in memory.
struct MemoryLog: LogSource {
  var bytes: [UInt8]
  var count: Int64 { Int64(bytes.count) }

  mutating func read(
    at offset: Int64, count: Int, into target: inout [UInt8]
  ) throws(LedgerError) {
    guard offset >= 0, offset + Int64(count) <= self.count else { throw .unreadable }
    target += bytes[Int(offset)..<Int(offset) + count]
  }
}

/// A log that is replayed ends within its bytes, and is replayed the same without what was torn.
func checkLedger(_ input: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  var log = MemoryLog(bytes: [UInt8](input))
  guard let (end, height) = replay(&log, bench.document) else { return }
  try require(
    end.offset <= log.count && end.torn.lowerBound == end.offset
      && end.torn.upperBound == log.count,
    "a log ends where it does not")
  log.bytes.removeLast(end.torn.count)
  guard let (again, heightAgain) = replay(&log, bench.document) else {
    throw Broken(property: "a log cannot be replayed without its torn end")
  }
  try require(
    again.offset == end.offset && again.torn.isEmpty && heightAgain == height,
    "a log replays to another end")
}

private func replay(_ log: inout MemoryLog, _ document: Room) -> (LogEnd, UInt64)? {
  var ledger = Ledger<Gullible>(
    node: 1, key: SecretKey(), authority: Scene.open(Scene.authority),
    trust: TrustDocument(memory: document.zeroed(Limits.trustBytesMax)))
  guard let end = try? ledger.replay(&log, each: { _ in }) else { return nil }
  return (end, ledger.durableHeight)
}
