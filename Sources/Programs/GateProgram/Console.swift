// What the program says: results on standard output, in lines that are written together when the
// loop comes to rest; log lines (logfmt) on standard error, limited in number.

import Limits
import Platform
import Sync
import Wire

/// Results, collected.
struct Output: ~Copyable {
  private var memory: Memory
  private var count = 0
  private let channel: Channel

  init(memory: consuming Memory, channel: consuming Channel) {
    self.memory = memory
    self.channel = channel
  }

  /// Adds a line that `write` makes; its newline is added.
  mutating func line(_ write: (inout TextWriter) -> Void) {
    part { writer in
      write(&writer)
      writer.put("\n")
    }
  }

  /// Adds a part of a line.
  mutating func part(_ write: (inout TextWriter) -> Void) {
    if memory.count - count < 2 * Limits.logLineBytesMax { flush() }
    count += Self.part(&memory, from: count, write)
  }

  private static func part(
    _ memory: inout Memory, from start: Int, _ write: (inout TextWriter) -> Void
  ) -> Int {
    var writer = TextWriter(memory.mutableSpan(start..<memory.count))
    write(&writer)
    return writer.count
  }

  mutating func flush() {
    guard count > 0 else { return }
    do throws(KernelError) {
      try channel.write(memory.span(0..<count))
    } catch {
      // Nobody reads: the records are what counts.
    }
    count = 0
  }
}

struct Log: ~Copyable {
  /// Lines a second beyond which they are only counted.
  static let linesPerSecondMax = 50
  let level: NoticeLevel
  private let channel = Channel.standardError
  private var second: Int64 = 0
  private var lines = 0
  private(set) var suppressed: UInt64 = 0

  init(level: NoticeLevel) { self.level = level }

  mutating func write(_ notice: Notice, at now: Now) {
    guard notice.level.rawValue >= level.rawValue else { return }
    let second = now.elapsed / 1000
    if second != self.second {
      if lines > Self.linesPerSecondMax {
        emit(
          Notice(.warning, "log_suppressed").with(
            "lines", Int64(lines - Self.linesPerSecondMax)), at: now)
      }
      self.second = second
      lines = 0
    }
    lines += 1
    if lines > Self.linesPerSecondMax {
      suppressed += 1
      return
    }
    emit(notice, at: now)
  }

  private func emit(_ notice: Notice, at now: Now) {
    var bytes = InlineArray<512, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    var writer = TextWriter(span.part(0..<511))
    writer.put("time=")
    writer.put(now.instant.milliseconds)
    writer.put(" level=")
    writer.put(notice.level.name)
    writer.put(" event=")
    writer.put(notice.event)
    for i in 0..<notice.count {
      writer.put(" ")
      writer.put(notice.keys[i])
      writer.put("=")
      writer.put(notice.values[i])
    }
    let count = writer.count
    bytes[count] = 0x0a
    do throws(KernelError) {
      try channel.write(bytes.span.extracting(first: count + 1))
    } catch {
      // Nobody reads the log.
    }
  }
}

/// A message for a person on standard error: what is wrong, and where.
func complain(_ write: (inout TextWriter) -> Void) {
  var bytes = InlineArray<1024, UInt8>(repeating: 0)
  var span = bytes.mutableSpan
  var writer = TextWriter(span.part(0..<1023))
  writer.put("tollkeeper: ")
  write(&writer)
  let count = writer.count
  bytes[count] = 0x0a
  do throws(KernelError) {
    try Channel.standardError.write(bytes.span.extracting(first: count + 1))
  } catch {
    // There is nobody to tell.
  }
}

/// Text for a person on standard output.
func say(_ text: StaticString) {
  text.withUTF8Buffer { buffer in
    do throws(KernelError) {
      try Channel.standardOutput.write(unsafe buffer.span)
    } catch {
      // There is nobody to tell.
    }
  }
}

/// How the program ends.
enum Status {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let usage: Int32 = 2
}
