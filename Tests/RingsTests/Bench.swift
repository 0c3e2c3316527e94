// A ring on a simulated disk, as the tests drive it.

import Limits
import Rings
import Seal
import Wire
import World

/// One ring, its disk and what is on the way between them.
struct Bench: ~Copyable {
  var ring: Ring<Sodium>
  var disk: SimDisk
  var actions = DiskActions()
  let segments: Int

  static func memory(_ count: Int) -> Memory {
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
    return Memory(unsafe: base, count: count)
  }

  static func ring(_ segments: Int) -> Ring<Sodium> {
    Ring(memory: memory(Ring<Sodium>.memoryBytes(segments: segments)), segments: segments)
  }

  static let identity = Bytes<16>([UInt8](0..<16).span)

  /// A new ring, ready.
  init(segments: Int = 16, seed: UInt64 = 1) {
    self.segments = segments
    ring = Self.ring(segments)
    disk = SimDisk(seed: seed)
    disk.create(.ring, bytes: Ring<Sodium>.fileBytes(segments: segments))
    ring.create(
      identity: Self.identity, node: 1001, epoch: 0x0102_0304_0506_0708, nonce: 0xabcd,
      into: &actions)
    settle()
  }

  /// Performs what is asked for, until nothing is.
  mutating func settle() {
    while actions.count > 0 {
      var asked: [DiskAction] = []
      for i in 0..<actions.count { asked.append(actions[i]) }
      actions.removeAll()
      for action in asked {
        switch disk.perform(action) {
        case nil: break
        case .success: ring.flushed(nil, into: &actions)
        case .failure(let error): ring.flushed(error, into: &actions)
        }
      }
    }
  }

  /// Performs the writes and not the flush.
  mutating func performWritesOnly() {
    for i in 0..<actions.count {
      if case .write = actions[i] { _ = disk.perform(actions[i]) }
    }
    actions.removeAll()
  }

  mutating func commit() {
    ring.commit(into: &actions)
    settle()
  }

  @discardableResult
  mutating func append(
    _ recordClass: RecordClass, count: Int = 110, fill: UInt8 = 0x55
  ) throws -> UInt64 {
    try ring.append([UInt8](repeating: fill, count: count).span, recordClass: recordClass)
  }

  /// Another process on the same disk.
  @discardableResult
  mutating func restart(nonce: UInt64 = 0xbeef) throws -> RecoveryReport {
    ring = Self.ring(segments)
    actions.removeAll()
    let report = try ring.recover(&disk, nonce: nonce, into: &actions)
    settle()
    return report
  }

  /// Sequences and contents that a cursor yields.
  mutating func read(
    _ recordClass: RecordClass, from sequence: UInt64 = 1
  ) throws -> [(UInt64, [UInt8])] {
    var cursor = RingCursor(memory: Self.memory(RingCursor.memoryBytes))
    cursor.seek(recordClass, sequence)
    var found: [(UInt64, [UInt8])] = []
    while try cursor.next(in: ring, &disk) {
      found.append((cursor.sequence, cursor.record.indices.map { cursor.record[$0] }))
    }
    return found
  }

  /// Bytes of the file as a read sees them.
  mutating func file(_ offset: Int64, _ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var target = bytes.mutableSpan
    try disk.read(.ring, at: offset, into: &target)
    return bytes
  }

  /// Offset of a page of the file.
  static func page(_ segment: Int, _ page: Int) -> Int64 {
    65536 + Int64(segment) * 65536 + Int64(page) * 4096
  }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
