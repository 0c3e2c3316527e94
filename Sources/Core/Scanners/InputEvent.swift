// What Linux says about an input device (input(5), Documentation/input/event-codes), and what of it
// a scanner needs.
// Invariants: fixed widths, whatever the kernel's layout; times are milliseconds of the clock that
// `Now.elapsed` counts.

/// `struct input_event`, with its time as the loop counts it.
public struct InputEvent: Sendable, Equatable {
  public var type: UInt16
  public var code: UInt16
  /// Of a key: 0 released, 1 pressed, 2 repeated by the kernel.
  public var value: Int32
  /// When it happened: CLOCK_BOOTTIME, milliseconds.
  public var time: Int64

  public init(type: UInt16, code: UInt16, value: Int32, time: Int64) {
    self.type = type
    self.code = code
    self.value = value
    self.time = time
  }
}

/// Event types and codes of linux/input-event-codes.h that are no characters.
public enum InputCode {
  // Types
  public static let synchronization: UInt16 = 0
  public static let key: UInt16 = 1

  // Codes of a synchronization
  public static let report: UInt16 = 0
  public static let dropped: UInt16 = 3

  // Keys
  public static let tab: UInt16 = 15
  public static let enter: UInt16 = 28
  public static let leftShift: UInt16 = 42
  public static let rightShift: UInt16 = 54
  public static let capsLock: UInt16 = 58
  public static let keypadEnter: UInt16 = 96
}

/// What a keyboard remembers between two keys.
public struct KeyboardState: Sendable, Equatable {
  public var capsLock: Bool
  public var leftShift: Bool
  public var rightShift: Bool

  public init(capsLock: Bool = false, leftShift: Bool = false, rightShift: Bool = false) {
    self.capsLock = capsLock
    self.leftShift = leftShift
    self.rightShift = rightShift
  }

  public var isShifted: Bool { leftShift || rightShift }
}
