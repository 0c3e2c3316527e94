// The configuration's table [gate]: what is wired to this device, and how it opens.
// Invariants: a line stands for one thing only; what is said for another `output` than the one that is
// chosen is checked all the same, and has no effect.

import Platform
import Turnstiles
import Wire

enum GateOutput {
  /// Nothing is wired: verdicts are on standard output alone.
  case none
  /// The lines are told in the log.
  case panel
  case gpio
}

struct GateConfiguration {
  /// Places in `wires`: outputs first.
  static let open = 0
  static let green = 1
  static let red = 2
  static let buzzer = 3
  static let pass = 4
  static let alarm = 5
  static let outputs = 4

  var output = GateOutput.none
  var chip: Path?
  /// The FIFO that stands for a panel's inputs.
  var panelInput: Path?
  var wires = InlineArray<6, GPIOLine>(repeating: GPIOLine())
  private var wireLines = InlineArray<6, Int>(repeating: 0)
  private var settings = TurnstileSettings()
  /// Where keys stand whose values are found wrong only when they are used.
  private(set) var chipLine = 0
  private(set) var panelInputLine = 0

  var turnstile: TurnstileSettings {
    var settings = settings
    settings.hasPass =
      switch output {
      case .none: false
      case .panel: panelInput != nil
      case .gpio: !wires[Self.pass].isNone
      }
    return settings
  }

  /// Where the line of that name stands, 0 if it stands nowhere.
  func line(of name: BoundedBytes<32>) -> Int {
    for i in wires.indices where wires[i].name == name { return wireLines[i] }
    return 0
  }

  /// - Returns: whether the key is known.
  mutating func take(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ folder: Path
  ) throws(TOMLError) -> Bool {
    let key = pair.key
    if reader.matches(key, "output") {
      output = try Self.output(pair, reader)
    } else if reader.matches(key, "chip") {
      chip = try Configuration.path(pair, reader, folder)
      chipLine = pair.line
    } else if reader.matches(key, "panel_input") {
      panelInput = try Configuration.path(pair, reader, folder)
      panelInputLine = pair.line
    } else if reader.matches(key, "mode") {
      settings.mode = try Self.mode(pair, reader)
    } else if reader.matches(key, "pulse_ms") {
      settings.pulseMilliseconds = try reader.integer(pair, in: TurnstileSettings.pulseRange)
    } else if reader.matches(key, "pass_timeout_ms") {
      settings.passTimeoutMilliseconds = try reader.integer(
        pair, in: TurnstileSettings.passTimeoutRange)
    } else if reader.matches(key, "active_low") {
      try forEachWire(pair, reader) { $0.isActiveLow = true }
    } else if reader.matches(key, "pull_up") {
      try forEachWire(pair, reader) { $0.pullsUp = true }
    } else {
      return try wire(pair, reader)
    }
    return true
  }

  /// What is missing is reported at the end of the file.
  func checkComplete(line: Int) throws(TOMLError) {
    guard output == .gpio else { return }
    if chip == nil { throw TOMLError(line: line, "`chip` is missing in [gate]: /dev/gpiochip0") }
    for i in 0..<Self.outputs where !wires[i].isNone { return }
    throw TOMLError(
      line: line,
      "[gate] needs an `open_line`, `green_line`, `red_line` or `buzzer_line`: a name or an offset")
  }

  private mutating func wire(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Bool {
    let key = pair.key
    let place: Int
    if reader.matches(key, "open_line") {
      place = Self.open
    } else if reader.matches(key, "green_line") {
      place = Self.green
    } else if reader.matches(key, "red_line") {
      place = Self.red
    } else if reader.matches(key, "buzzer_line") {
      place = Self.buzzer
    } else if reader.matches(key, "pass_line") {
      place = Self.pass
    } else if reader.matches(key, "alarm_line") {
      place = Self.alarm
    } else {
      return false
    }
    let name: BoundedBytes<32> = try reader.string(pair)
    guard !name.isEmpty else { throw TOMLError(line: pair.line, "this line has no name") }
    guard line(of: name) == 0 else {
      throw TOMLError(line: pair.line, "this line stands for something else already")
    }
    wires[place].name = name
    wires[place].reportsRelease = place == Self.alarm
    wireLines[place] = pair.line
    return true
  }

  private mutating func forEachWire(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ change: (inout GPIOLine) -> Void
  ) throws(TOMLError) {
    var elements = try reader.elements(pair)
    while let element = try elements.next() {
      guard case .string(let text) = element, let place = Self.place(text.range, reader) else {
        throw TOMLError(
          line: pair.line,
          "these must be \"open\", \"green\", \"red\", \"buzzer\", \"pass\" or \"alarm\"")
      }
      change(&wires[place])
    }
  }

  private static func place(_ name: Range<Int>, _ reader: borrowing TOMLReader) -> Int? {
    if reader.matches(name, "open") { return open }
    if reader.matches(name, "green") { return green }
    if reader.matches(name, "red") { return red }
    if reader.matches(name, "buzzer") { return buzzer }
    if reader.matches(name, "pass") { return pass }
    if reader.matches(name, "alarm") { return alarm }
    return nil
  }

  private static func output(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> GateOutput {
    let name: BoundedBytes<8> = try reader.string(pair)
    if equal(name.span, "none") { return .none }
    if equal(name.span, "panel") { return .panel }
    if equal(name.span, "gpio") { return .gpio }
    throw TOMLError(line: pair.line, "the output must be \"none\", \"panel\" or \"gpio\"")
  }

  private static func mode(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> TurnstileSettings.Mode {
    let name: BoundedBytes<8> = try reader.string(pair)
    if equal(name.span, "pulse") { return .pulse }
    if equal(name.span, "level") { return .level }
    throw TOMLError(line: pair.line, "the mode must be \"pulse\" or \"level\"")
  }
}
