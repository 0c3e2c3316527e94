// Scanners that play a keyboard, through evdev (CPlatform/input.c).

import CPlatform
public import Scanners
import Wire

extension Channel {
  /// An input device (`/dev/input/...`), for this process alone.
  public static func input(_ path: Path) throws(KernelError) -> Channel {
    let result = unsafe path.withCString { unsafe tk_input_open($0) }
    if result < 0 { throw KernelError(result) }
    return Channel(result, isOwned: true)
  }

  /// What is on at an input device that was just opened.
  public func keyboardState() -> KeyboardState {
    let state = tk_input_state(descriptor)
    return KeyboardState(
      capsLock: state & Int32(TK_CAPS_LOCK) != 0, leftShift: state & Int32(TK_LEFT_SHIFT) != 0,
      rightShift: state & Int32(TK_RIGHT_SHIFT) != 0)
  }
}

/// Events that have been read, in order.
public struct InputEvents: ~Copyable {
  private var events = InlineArray<64, tk_input_event>(
    repeating: tk_input_event(time_ms: 0, value: 0, type: 0, code: 0))
  private var position = 0
  private var count = 0

  public init() {}

  /// The next event, which stays; nil if all have been taken.
  public var first: InputEvent? {
    guard position < count else { return nil }
    let event = events[position]
    return InputEvent(
      type: event.type, code: event.code, value: event.value, time: event.time_ms)
  }

  public mutating func removeFirst() {
    precondition(position < count, "there is no event")
    position += 1
  }

  /// Reads what is there, if everything before it was taken.
  /// - Throws: an error that `isUnplugged` if the device has gone.
  public mutating func fill(from channel: borrowing Channel) throws(KernelError) {
    guard position == count else { return }
    let descriptor = channel.descriptor
    var span = events.mutableSpan
    let result = unsafe span.withUnsafeMutableBufferPointer {
      unsafe tk_input_read(descriptor, $0.baseAddress)
    }
    if result == -11 { return }
    if result == 0 { throw .unplugged }
    if result < 0 { throw KernelError(result) }
    position = 0
    count = Int(result)
  }
}

extension KernelError {
  /// ENODEV.
  public static var unplugged: KernelError { KernelError(Int32(-19)) }

  /// A device is not there, or no more: ENOENT, EIO, ENXIO, ENODEV.
  public var isUnplugged: Bool { code == 2 || code == 5 || code == 6 || code == 19 }
}
