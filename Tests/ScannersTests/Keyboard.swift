// A simulated US keyboard, and a reader of what is typed on it.

import Limits
import Scanners
import Wire

/// The keyboard's rows from the left, by the code of their first key; below each, with shift.
/// Written from the keyboard, not from the map that it tests.
private let rows: [(first: UInt16, plain: String, shifted: String)] = [
  (41, "`", "~"),
  (2, "1234567890-=", "!@#$%^&*()_+"),
  (16, "qwertyuiop[]", "QWERTYUIOP{}"),
  (30, "asdfghjkl;'", "ASDFGHJKL:\""),
  (43, "\\", "|"),
  (44, "zxcvbnm,./", "ZXCVBNM<>?"),
  (57, " ", " "),
]

let keypad: [(code: UInt16, text: String)] = [
  (82, "0"), (79, "1"), (80, "2"), (81, "3"), (75, "4"), (76, "5"), (77, "6"), (71, "7"),
  (72, "8"), (73, "9"), (83, "."), (98, "/"), (55, "*"), (74, "-"), (78, "+"), (117, "="),
]

struct Key: Hashable {
  var code: UInt16
  var isShifted: Bool
}

let keys: [UInt8: Key] = {
  var keys: [UInt8: Key] = [:]
  for row in rows {
    for (i, character) in row.shifted.utf8.enumerated() {
      keys[character] = Key(code: row.first + UInt16(i), isShifted: true)
    }
    for (i, character) in row.plain.utf8.enumerated() {
      keys[character] = Key(code: row.first + UInt16(i), isShifted: false)
    }
  }
  return keys
}()

let enter: UInt16 = 28
let tab: UInt16 = 15
let keypadEnter: UInt16 = 96
let capsLock: UInt16 = 58
let leftShift: UInt16 = 42
let rightShift: UInt16 = 54

enum Outcome: Equatable, CustomStringConvertible {
  case scan([UInt8])
  case lost

  var description: String {
    switch self {
    case .scan(let text): "scan \(String(decoding: text, as: UTF8.self))"
    case .lost: "lost"
    }
  }
}

func scan(_ text: String) -> Outcome { .scan(Array(text.utf8)) }

/// A reader, the keyboard before it, and all that has come out.
final class Keyboard {
  private let base: UnsafeMutablePointer<UInt8>
  private var reader: KeyReader
  private(set) var outcomes: [Outcome] = []
  /// Milliseconds; each event takes one.
  var time: Int64 = 1_000_000
  var shift = leftShift

  init(silence: Int64 = KeyReader.silenceDefault) {
    base = .allocate(capacity: KeyReader.memoryBytes)
    base.initialize(repeating: 0, count: KeyReader.memoryBytes)
    reader = KeyReader(
      memory: Memory(unsafe: base, count: KeyReader.memoryBytes), silence: silence)
  }

  deinit { base.deallocate() }

  var deadline: Int64? { reader.deadline }
  var state: KeyboardState { reader.keyboard }

  func restart(_ state: KeyboardState = KeyboardState()) { reader.restart(state) }

  private func note(_ news: KeyNews) {
    switch news {
    case .none: return
    case .lost: outcomes.append(.lost)
    case .scan(let count):
      let text = reader.text(0..<count)
      outcomes.append(.scan((0..<count).map { text.span[$0] }))
    }
  }

  func event(_ event: InputEvent) {
    note(reader.time(event.time))
    note(reader.step(event))
  }

  func event(_ type: UInt16, _ code: UInt16, _ value: Int32) {
    event(InputEvent(type: type, code: code, value: value, time: time))
    time += 1
  }

  /// A key, as the kernel tells it: its scan code, the key, the end of the report.
  func key(_ code: UInt16, _ value: Int32) {
    event(4, 4, Int32(code))
    event(1, code, value)
    event(0, 0, 0)
  }

  func press(_ code: UInt16) {
    key(code, 1)
    key(code, 0)
  }

  /// Types a text on keys whose CapsLock the keyboard believes to be off.
  func type(_ text: [UInt8]) {
    for character in text {
      guard let stroke = keys[character] else { continue }
      if stroke.isShifted { key(shift, 1) }
      press(stroke.code)
      if stroke.isShifted { key(shift, 0) }
    }
  }

  func type(_ text: String) { type(Array(text.utf8)) }

  func dropEvents() { event(0, 3, 0) }

  /// Nothing is typed for so many milliseconds.
  func wait(_ milliseconds: Int64) {
    time += milliseconds
    note(reader.time(time))
  }
}

/// A repeatable source of random numbers, whose seed is printed.
struct Dice {
  private var state: UInt64

  init() {
    state = UInt64.random(in: 0...UInt64.max)
    print("seed \(state)")
  }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state
  }

  mutating func roll(_ bound: Int) -> Int { Int(next() >> 33) % bound }

  /// Printable ASCII.
  mutating func text(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(0x20 + roll(95)) } }
}
