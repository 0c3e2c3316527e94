// What the lights and the buzzer tell who stands at the gate.
// Invariants: a signal lasts at most a second; no two signals sound alike; green alone is never
// part of a signal, because it means that the gate is open.
//
//                     0        0.5        1 s
//   admitted          #                        buzzer (green as long as the gate is open)
//   refused           ####################     red
//                     # # #                    buzzer
//   override accepted ####################     red and green: amber, where they are one light
//                     # #                      buzzer
//   scan again        ####    ####    ####     red
//                     ##########               buzzer

/// A signal is played from its beginning when it is shown, and ends by itself.
public enum GateSignal: Sendable, Equatable {
  case admitted
  case refused
  /// A supervisor's override is in force. The gate itself does not open for it.
  case overrideAccepted
  /// The scanner has lost the code: it has to be shown once more.
  case scanAgain

  /// Length of a tick, milliseconds.
  static let tickMilliseconds: Int64 = 100

  // One bit a tick, the first tick lowest.

  private var red: UInt16 {
    switch self {
    case .admitted: 0
    case .refused, .overrideAccepted: 0b11_1111_1111
    case .scanAgain: 0b11_0011_0011
    }
  }

  private var green: UInt16 {
    switch self {
    case .overrideAccepted: 0b11_1111_1111
    case .admitted, .refused, .scanAgain: 0
    }
  }

  private var buzzer: UInt16 {
    switch self {
    case .admitted: 0b1
    case .refused: 0b1_0101
    case .overrideAccepted: 0b101
    case .scanAgain: 0b1_1111
    }
  }

  /// Ticks after which it is over.
  var ticks: Int { 16 - (red | green | buzzer).leadingZeroBitCount }

  /// While it is shown the lights are its own, and do not say whether the gate is open.
  var hasLights: Bool { red | green != 0 }

  func isRed(at tick: Int) -> Bool { red >> UInt16(tick) & 1 == 1 }
  func isGreen(at tick: Int) -> Bool { green >> UInt16(tick) & 1 == 1 }
  func isSounding(at tick: Int) -> Bool { buzzer >> UInt16(tick) & 1 == 1 }

  /// The first tick after `tick` at which something changes: at the end at last.
  func change(after tick: Int) -> Int {
    var next = tick + 1
    while next < ticks, isRed(at: next) == isRed(at: tick), isGreen(at: next) == isGreen(at: tick),
      isSounding(at: next) == isSounding(at: tick)
    {
      next += 1
    }
    return next
  }
}
