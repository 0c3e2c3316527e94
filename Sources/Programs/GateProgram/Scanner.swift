// The scanner: codes from whatever is attached, one after the other.
// Invariants: of a device that is unplugged in the middle of a code, nothing of that code comes out;
// silence ends a code only when the kernel has no key stroke of it waiting.

import Limits
import Platform
import Scanners
import Wire

/// What a scanner gives.
enum Scan {
  /// The text of a code. It stands until the next scan is asked for.
  case text(Extent)
  /// Key strokes were lost: the code has to be shown again.
  case lost
}

struct Scanner: ~Copyable {
  static let memoryBytes = Lines.memoryBytes + KeyReader.memoryBytes + 2 * Limits.pageBytes

  private var port: Port
  private var lines: Lines
  private var keys: KeyReader
  private var events = InputEvents()

  init(_ port: consuming Port, silence: Int64, arena: inout Arena) {
    lines = Lines(
      memory: arena.take(Lines.memoryBytes), isSerial: port.source != .standardInput)
    keys = KeyReader(memory: arena.take(KeyReader.memoryBytes), silence: silence)
    self.port = port
    startKeys()
  }

  /// What to wait for; -1 if there is nothing to wait for.
  var descriptor: Int32 { lines.hasEnded || hasUnread ? -1 : port.descriptor }

  /// Something has been read that was not looked at.
  var hasUnread: Bool { lines.hasUnread || events.first != nil }

  /// Standard input has ended: there is no code any more, or only what is unread.
  var hasEnded: Bool { lines.hasEnded }

  /// Whether CapsLock is on here; nil for what is no keyboard.
  var capsLock: Bool? { isKeyboard ? keys.keyboard.capsLock : nil }

  private var isKeyboard: Bool {
    if case .events = port.source { return true }
    return false
  }

  /// When a code ends by silence, which `next` has to be asked for.
  var silence: Int64? { keys.deadline }

  /// When a lost device is looked for again, by `tend`.
  var deadline: Int64? { port.deadline }

  /// Looks for a device that is lost, when it is time.
  mutating func tend(_ now: Now, _ log: inout Log) {
    if port.tend(now, &log) { startKeys() }
  }

  /// Reads what is there.
  /// - Throws: what standard input fails with; a device is lost instead.
  mutating func fill(_ now: Now) throws(KernelError) {
    do throws(KernelError) {
      if isKeyboard { _ = try readEvents() } else { try readLines() }
    } catch {
      if port.source == .standardInput { throw error }
      lose(error, now)
    }
  }

  /// The next code; nil if more has to be read, or to be waited for.
  mutating func next(_ now: Now) -> Scan? {
    guard isKeyboard else {
      guard let count = lines.next() else { return nil }
      return .text(lines.line(count))
    }
    while true {
      if let scan = nextTyped() { return scan }
      guard let deadline = keys.deadline, now.elapsed >= deadline else { return nil }
      do throws(KernelError) {
        if try readEvents() { continue }
      } catch {
        lose(error, now)
        return nil
      }
      return scan(keys.time(now.elapsed))
    }
  }

  private mutating func nextTyped() -> Scan? {
    while let event = events.first {
      if let scan = scan(keys.time(event.time)) { return scan }
      events.removeFirst()
      if let scan = scan(keys.step(event)) { return scan }
    }
    return nil
  }

  private func scan(_ news: KeyNews) -> Scan? {
    switch news {
    case .none: nil
    case .lost: .lost
    case .scan(let count): .text(text(count))
    }
  }

  /// What a scanner puts before a code is no part of it.
  private func text(_ count: Int) -> Extent {
    keys.text(CodeText.start(of: keys.text(0..<count).span)..<count)
  }

  private mutating func readLines() throws(KernelError) {
    switch port.channel {
    case .some(let channel): try lines.fill(from: channel)
    case .none: return
    }
    // A serial line ends when its device has gone.
    if lines.hasEnded && port.source != .standardInput { throw .unplugged }
    if lines.hasUnread { port.hasAnswered() }
  }

  /// - Returns: whether there are events.
  private mutating func readEvents() throws(KernelError) -> Bool {
    switch port.channel {
    case .some(let channel): try events.fill(from: channel)
    case .none: return false
    }
    if events.first == nil { return false }
    port.hasAnswered()
    return true
  }

  private mutating func lose(_ error: KernelError, _ now: Now) {
    port.lose(error, now)
    lines.restart()
    keys.restart(KeyboardState())
  }

  private mutating func startKeys() {
    guard isKeyboard else { return }
    switch port.channel {
    case .some(let channel): keys.restart(channel.keyboardState())
    case .none: return
    }
  }
}
