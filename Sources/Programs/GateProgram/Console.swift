// What the program says: results on standard output, in lines that are written together when the
// loop comes to rest; log lines (logfmt) on standard error, limited in number.
// Invariants: nothing of a line of results is lost but by an error, which is kept; a log line that
// nobody takes at once is dropped and counted.

import Limits
import Platform
import Sync
import Wire

/// Results, collected.
struct Output: ~Copyable {
  private var memory: Memory
  /// What waits to be written stands between these.
  private var start = 0
  private var end = 0
  private let channel: Channel
  /// Why something was not written.
  private(set) var failure: KernelError?

  init(memory: consuming Memory, channel: consuming Channel) {
    self.memory = memory
    self.channel = channel
  }

  var descriptor: Int32 { channel.descriptor }
  var isEmpty: Bool { start == end }
  /// Whether a line more can be kept without writing another.
  var hasRoom: Bool { memory.count - end >= 2 * Limits.logLineBytesMax }

  /// Adds a line that `write` makes; its newline is added.
  mutating func line(_ write: (inout TextWriter) -> Void) {
    part { writer in
      write(&writer)
      writer.put("\n")
    }
  }

  /// Adds a part of a line. Waits for the reader where there is no room.
  mutating func part(_ write: (inout TextWriter) -> Void) {
    if !hasRoom { flush() }
    end += Self.part(&memory, from: end, write)
  }

  private static func part(
    _ memory: inout Memory, from start: Int, _ write: (inout TextWriter) -> Void
  ) -> Int {
    var writer = TextWriter(memory.mutableSpan(start..<memory.count))
    write(&writer)
    return writer.count
  }

  /// Writes everything, however long the reader takes.
  mutating func flush() {
    guard !isEmpty else { return }
    do throws(KernelError) {
      try channel.write(memory.span(start..<end))
    } catch {
      failure = error
    }
    start = 0
    end = 0
  }

  /// Writes what the reader takes at once. What cannot be written any more is dropped.
  mutating func push() {
    do throws(KernelError) {
      while !isEmpty {
        guard let count = try channel.writeSome(memory.span(start..<end)) else { return }
        start += count
      }
    } catch {
      failure = error
    }
    start = 0
    end = 0
  }

  /// Writes everything, and says it if that was not possible.
  /// - Returns: `status`, or what a failure is.
  mutating func finish(_ status: Int32) -> Int32 {
    flush()
    guard let failure else { return status }
    complainOfOutput(failure)
    return Status.failed
  }
}

extension Output {
  /// What a scanner has lost has to be shown to it again. This is no verdict: nothing was decided,
  /// and nothing is recorded.
  mutating func scanAgain(isJSON: Bool) {
    line { $0.put(isJSON ? "{\"event\":\"scan_again\"}" : "scan again") }
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
  /// Lines that were not written: their reader stalls, or has gone.
  private(set) var dropped: UInt64 = 0

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

  private mutating func emit(_ notice: Notice, at now: Now) {
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
      if try channel.writeSome(bytes.span.extracting(first: count + 1)) != nil { return }
    } catch {
      // Counted like a line that nobody takes.
    }
    dropped += 1
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
    // A gate that reads a wrong contact plan must not wait for somebody to read this.
    _ = try Channel.standardError.writeSome(
      bytes.span.extracting(first: count + 1), patience: 1000)
  } catch {
    // There is nobody to tell.
  }
}

/// Text for a person on standard output; how the program ends.
func say(_ text: StaticString) -> Int32 {
  text.withUTF8Buffer { unsafe written($0.span, Status.done) }
}

/// Writes to standard output; `status`, or what a failure is.
func written(_ bytes: Span<UInt8>, _ status: Int32) -> Int32 {
  do throws(KernelError) {
    try Channel.standardOutput.write(bytes)
    return status
  } catch {
    complainOfOutput(error)
    return Status.failed
  }
}

func complainOfOutput(_ error: KernelError) {
  complain {
    $0.put("standard output cannot be written: ")
    $0.put(error)
  }
}

extension TextWriter {
  /// An enrolment's epoch, 16 hex digits.
  @_lifetime(self: copy self)
  mutating func put(epoch: UInt64) {
    for shift in stride(from: 60, through: 0, by: -4) {
      byte(Hex.digit(UInt8(truncatingIfNeeded: epoch >> UInt64(shift)) & 15))
    }
  }

  @_lifetime(self: copy self)
  mutating func put(_ error: KeyFileError) {
    switch error {
    case .file(let error): put(error)
    case .content: put("64 hex digits are expected; `tollctl key new` makes such files")
    }
  }

  @_lifetime(self: copy self)
  mutating func put(_ error: PasswordError) {
    switch error {
    case .file(let error): put(error)
    case .empty: put("there is no password in this file")
    case .tooLong: put("a password has at most 128 bytes")
    }
  }

  /// What the kernel said, and its number if that has no words here.
  @_lifetime(self: copy self)
  mutating func put(_ error: KernelError) {
    put(error.name)
    if !error.isNamed {
      put(" ")
      put(Int64(error.code))
    }
  }
}

/// How the program ends.
enum Status {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let usage: Int32 = 2
}
