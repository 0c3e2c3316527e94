// Codes from the key strokes of a scanner that plays a keyboard.
// Invariants: at most `capacity` bytes of a scan are kept; a longer one is one scan all the same, cut
// where it no longer can be a ticket. A scan ends by Enter (either one), by Tab, or by silence; one
// without a character is none. What the kernel repeats by itself is never typed. Where the kernel
// has dropped events (SYN_DROPPED), no character of the scan that was under way comes out, not even
// of its rest: it is `lost`, once, and the next scan is whole. No stream of events traps.
//
//   reading --SYN_DROPPED--> dropped --SYN_REPORT--> discarding --Enter, Tab, silence--> reading
//                (lost)                                   |
//                           dropped <--SYN_DROPPED--------+

import Limits
public import Wire

/// What an event, or the time, has brought.
public enum KeyNews: Sendable, Equatable {
  case none
  /// A scan has ended: `text` of this many bytes.
  case scan(count: Int)
  /// Key strokes are lost, and their scan with them: it has to be made again.
  case lost
}

public struct KeyReader: ~Copyable {
  /// More than any ticket: a text this long is refused for its length.
  public static let capacity = Limits.codeTextBytesMax + 64
  public static let memoryBytes = capacity
  /// Milliseconds after the last key that end a scan: scanners leave 1 to 20 between two keys, and
  /// people more than this between two scans.
  public static let silenceDefault: Int64 = 50

  private enum Phase {
    case reading
    /// Everything up to the next SYN_REPORT is no more to be trusted.
    case dropped
    /// The rest of a scan of which strokes are missing.
    case discarding
  }

  private var memory: Memory
  private var length = 0
  private var phase = Phase.reading
  /// When the last key was pressed or released; in `discarding` also when the gap ended.
  private var lastKey: Int64 = 0
  private let silence: Int64
  public private(set) var keyboard = KeyboardState()

  /// - Parameters:
  ///   - memory: `memoryBytes`.
  ///   - silence: milliseconds without a key that end a scan, 1 or more.
  public init(memory: consuming Memory, silence: Int64 = KeyReader.silenceDefault) {
    precondition(memory.count >= Self.memoryBytes && silence > 0, "too little to read into")
    self.memory = memory
    self.silence = silence
  }

  /// A keyboard is there, for the first time or again: what was typed before is forgotten.
  public mutating func restart(_ keyboard: KeyboardState) {
    self.keyboard = keyboard
    length = 0
    phase = .reading
  }

  /// When `time` is to be called: the silence that ends the scan. Nil if there is no scan.
  public var deadline: Int64? {
    guard phase == .reading && length > 0 else { return nil }
    let (end, isOver) = lastKey.addingReportingOverflow(silence)
    return isOver ? .max : end
  }

  /// Bytes of the scan that has ended. They stand until the next event.
  public func text(_ range: Range<Int>) -> Extent { memory.extent(range) }

  /// It is `elapsed`, and no event before that is still to come: ends a scan by silence.
  public mutating func time(_ elapsed: Int64) -> KeyNews {
    guard isSilent(at: elapsed) else { return .none }
    switch phase {
    case .dropped: return .none
    case .reading: return end()
    case .discarding:
      phase = .reading
      return .none
    }
  }

  /// Takes an event. `time(event.time)` is asked first: the event itself does not end the scan
  /// before it.
  public mutating func step(_ event: InputEvent) -> KeyNews {
    switch event.type {
    case InputCode.synchronization: return synchronize(event)
    case InputCode.key: return phase == .dropped ? .none : key(event)
    default: return .none
    }
  }

  private mutating func synchronize(_ event: InputEvent) -> KeyNews {
    if event.code == InputCode.dropped {
      let isKnown = phase != .reading
      phase = .dropped
      length = 0
      // A shift key may have gone up or down in the gap. That it is up is true between two scans.
      keyboard.leftShift = false
      keyboard.rightShift = false
      return isKnown ? .none : .lost
    }
    if event.code == InputCode.report && phase == .dropped {
      phase = .discarding
      lastKey = event.time
    }
    return .none
  }

  private mutating func key(_ event: InputEvent) -> KeyNews {
    guard event.value == 0 || event.value == 1 else { return .none }
    let isPressed = event.value == 1
    lastKey = event.time
    switch event.code {
    case InputCode.leftShift: keyboard.leftShift = isPressed
    case InputCode.rightShift: keyboard.rightShift = isPressed
    case InputCode.capsLock: if isPressed { keyboard.capsLock.toggle() }
    case InputCode.enter, InputCode.keypadEnter, InputCode.tab: if isPressed { return end() }
    default: if isPressed { type(event.code) }
    }
    return .none
  }

  private mutating func type(_ code: UInt16) {
    guard phase == .reading, length < Self.capacity, let key = KeyMap.characters(of: code) else {
      return
    }
    let isUpper = keyboard.isShifted != (key.isLetter && keyboard.capsLock)
    let place = length
    length += 1
    var text = memory.mutableSpan
    text[place] = isUpper ? key.shifted : key.plain
  }

  private mutating func end() -> KeyNews {
    let count = length
    length = 0
    phase = .reading
    return count > 0 ? .scan(count: count) : .none
  }

  private func isSilent(at time: Int64) -> Bool {
    let (gap, isOver) = time.subtractingReportingOverflow(lastKey)
    return isOver ? time > lastKey : gap >= silence
  }
}
