// Memory that every input uses again.
// Invariants: what an input leaves behind is never read for the next one.

import Limits
import Rings
import Wire

struct Workbench {
  /// Where something is written; and its Sig_structure, or the same once more.
  let output = Room(roomBytes)
  let scratch = Room(roomBytes)
  /// Where a trust document is read.
  let document = Room(Limits.trustBytesMax)
  /// Where a contact plan is read, a ring, a used-set.
  let tables = Room(2 << 20)

  /// More than any input has; TOML may be up to six times as long when it is written again.
  private static let roomBytes = 512 * 1024
}

/// Memory that is lent to one state machine after the other.
@safe
struct Room {
  private let base: UnsafeMutablePointer<UInt8>
  private let count: Int

  init(_ count: Int) {
    unsafe base = .allocate(capacity: count)
    unsafe base.initialize(repeating: 0, count: count)
    self.count = count
  }

  /// All of it as it was left, for a writer that is gone before it is lent again.
  func memory() -> Memory { unsafe Memory(unsafe: base, count: count) }

  /// Bytes from `start`, zero, for an owner that is gone before they are lent again.
  func zeroed(_ bytes: Int, from start: Int = 0) -> Memory {
    precondition(start + bytes <= count, "the room is too small")
    unsafe (base + start).update(repeating: 0, count: bytes)
    return unsafe Memory(unsafe: base + start, count: bytes)
  }
}

func takeMemory(_ count: Int) -> Memory { Room(count).memory() }

extension [UInt8] {
  init(_ span: Span<UInt8>) { self = span.indices.map { span[$0] } }
}
