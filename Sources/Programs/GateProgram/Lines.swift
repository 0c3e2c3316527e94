// Codes from bytes: what stands between line ends is one scan.
// Invariants: at most `capacity` bytes of a line are kept; a longer one is one scan all the same,
// cut where it no longer can be a ticket; nothing is lost between two reads. What a scanner puts
// before a code (AIM, ECI) is no part of it.

import Limits
import Platform
import Scanners
import Wire

struct Lines: ~Copyable {
  /// More than any ticket: a line this long is refused for its length.
  static let capacity = Limits.codeTextBytesMax + 64
  static let memoryBytes = capacity + readBytes
  private static let readBytes = 16 * 1024

  private var memory: Memory
  private var length = 0
  private var readStart = 0
  private var readEnd = 0
  /// CR ends a line too, and empty lines are none: serial scanners send CR, LF or both.
  private let isSerial: Bool
  private(set) var hasEnded = false

  init(memory: consuming Memory, isSerial: Bool) {
    self.memory = memory
    self.isSerial = isSerial
  }

  /// Bytes have been read that were not looked at.
  var hasUnread: Bool { readStart < readEnd }

  /// Reads what is there, if everything before it was looked at.
  mutating func fill(from channel: borrowing Channel) throws(KernelError) {
    guard !hasUnread, !hasEnded else { return }
    guard let count = try Self.read(&memory, from: channel) else { return }
    hasEnded = count == 0
    readStart = 0
    readEnd = count
  }

  /// The length of the next whole line, which `line` gives; nil if more bytes are needed.
  mutating func next() -> Int? {
    while readStart < readEnd {
      let byte = memory.span[Self.capacity + readStart]
      readStart += 1
      if byte == 0x0a || (isSerial && byte == 0x0d) {
        let count = length
        length = 0
        if isSerial && count == 0 { continue }
        return count
      }
      keep(byte)
    }
    // A last line without an end is a line.
    if hasEnded && length > 0 {
      let count = length
      length = 0
      return count
    }
    return nil
  }

  private mutating func keep(_ byte: UInt8) {
    guard length < Self.capacity else { return }
    let place = length
    length += 1
    var line = memory.mutableSpan(0..<Self.capacity)
    line[place] = byte
  }

  private static func read(
    _ memory: inout Memory, from channel: borrowing Channel
  ) throws(KernelError) -> Int? {
    var target = memory.mutableSpan(capacity..<capacity + readBytes)
    return try channel.read(into: &target)
  }

  /// The code in the first `count` bytes, the line that `next` has found. It stands until the next
  /// call of it.
  func line(_ count: Int) -> Extent {
    memory.extent(CodeText.start(of: memory.span(0..<count))..<count)
  }

  /// The line is there anew: the beginning of a code that it has not ended is none.
  mutating func restart() {
    length = 0
    hasEnded = false
  }
}
