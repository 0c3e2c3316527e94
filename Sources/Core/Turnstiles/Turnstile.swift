// A gate's outputs and inputs as a state machine: which lines are active when, who went through, and
// who did not.
// Invariants:
//  - the open line is active for admissions only, once for each at most, never longer than
//    `TurnstileSettings.openMilliseconds`, and inactive for `gapMilliseconds` between two of them, so
//    that two openings are two;
//  - admissions end in their order, each exactly once; with a PASS input as passed or annulled;
//  - the light is green while an opening lasts; a signal with lights of its own comes before that;
//  - the signal of the last verdict is the one that is shown;
//  - the fire alarm is told and changes nothing: it opens the gate by its own wire;
//  - while nothing is open, waiting or shown there is no deadline. No order of inputs traps.
//
//                 line free                PASS
//   (admitted) waiting --------> open ------------> passed
//                 |                \---time-out---> annulled, or just over without a PASS input
//                 \------------PASS---------------> passed: somebody went in behind the one before
//
// Times are CLOCK_BOOTTIME in milliseconds.

/// What has happened at the gate.
public enum TurnstileEvent<Admission: Sendable>: Sendable {
  /// Somebody went through for this admission.
  case passed(Admission)
  /// Nobody did, in time. Only with a PASS input.
  case annulled(Admission)
  /// Somebody went through, or the PASS input was touched, and nobody was admitted.
  case forced
  /// The fire alarm has gone on or off.
  case alarm(Bool)
}

public struct Turnstile<Admission: Sendable>: ~Copyable {
  /// How long the open line is inactive between two openings, at least, milliseconds.
  public static var gapMilliseconds: Int64 { 100 }
  /// Admissions that are open or wait for their opening.
  public static var capacity: Int { 8 }

  private var settings: TurnstileSettings
  /// The open one first.
  private var admissions = InlineArray<8, Admission?>(repeating: nil)
  private var head = 0
  /// Admissions that have not ended.
  public private(set) var count = 0
  /// When the opening of the first admission ends; nil if none is open.
  private var openUntil: Int64?
  /// When the open line becomes inactive; nil if it is.
  private var lineUntil: Int64?
  /// When the open line may be active again.
  private var freeAt = Int64.min
  private var signal: GateSignal?
  private var signalStart: Int64 = 0
  private var tick = 0
  /// Whether the fire alarm is on, as far as the input says.
  public private(set) var isAlarmed = false

  public init(_ settings: TurnstileSettings) { self.settings = settings }

  /// Whether one more can be admitted.
  public var hasRoom: Bool { count < Self.capacity }

  /// What the lines are to say from now to the deadline.
  public var levels: Levels {
    var levels = Levels()
    levels.open = lineUntil != nil
    levels.green = openUntil != nil || lineUntil != nil
    guard let signal else { return levels }
    levels.buzzer = signal.isSounding(at: tick)
    if signal.hasLights {
      levels.red = signal.isRed(at: tick)
      levels.green = signal.isGreen(at: tick)
    }
    return levels
  }

  /// When `time` has something to do; nil while only inputs can change anything.
  public var deadline: Int64? {
    var next = Int64.max
    if let lineUntil { next = min(next, lineUntil) }
    if let openUntil {
      next = min(next, openUntil)
    } else if count > 0 && lineUntil == nil {
      next = min(next, freeAt)
    }
    if let signal {
      let change = Int64(signal.change(after: tick)) * GateSignal.tickMilliseconds
      next = min(next, later(signalStart, by: change))
    }
    return next == .max ? nil : next
  }

  // MARK: Inputs

  /// Somebody is admitted: the gate opens now, or when those before have gone through.
  /// - Precondition: `hasRoom`; the admission's record is durable.
  public mutating func admit(_ admission: Admission, elapsed: Int64) {
    precondition(hasRoom, "no room for another admission")
    admissions[(head + count) % Self.capacity] = admission
    count += 1
    show(.admitted, elapsed: elapsed)
    openNext(elapsed)
  }

  /// Plays a signal from its beginning, in place of the one that is played.
  public mutating func show(_ signal: GateSignal, elapsed: Int64) {
    self.signal = signal
    signalStart = elapsed
    tick = 0
  }

  /// It is `elapsed`, and no input before that is still to come.
  /// - Returns: what has happened; to be asked again until nothing has.
  public mutating func time(_ elapsed: Int64) -> TurnstileEvent<Admission>? {
    playSignal(elapsed)
    if let lineUntil, elapsed >= lineUntil { closeLine(elapsed) }
    if let openUntil, elapsed >= openUntil {
      self.openUntil = nil
      if let admission = removeFirst(), settings.hasPass { return .annulled(admission) }
    }
    openNext(elapsed)
    return nil
  }

  /// The PASS input has become active: somebody went through for the oldest admission. `time` is asked
  /// first.
  /// - Returns: `passed` or `forced`.
  public mutating func pass(elapsed: Int64) -> TurnstileEvent<Admission> {
    guard let admission = removeFirst() else { return .forced }
    openUntil = nil
    if settings.mode == .level && lineUntil != nil { closeLine(elapsed) }
    openNext(elapsed)
    return .passed(admission)
  }

  /// The fire alarm's input is on or off.
  /// - Returns: `alarm` if that is news.
  public mutating func alarm(_ isOn: Bool) -> TurnstileEvent<Admission>? {
    guard isOn != isAlarmed else { return nil }
    isAlarmed = isOn
    return .alarm(isOn)
  }

  /// The PASS input cannot be read any more: from now on it annuls nothing.
  public mutating func losePass() { settings.hasPass = false }

  // MARK: Openings

  private mutating func openNext(_ elapsed: Int64) {
    guard count > 0, openUntil == nil, lineUntil == nil, elapsed >= freeAt else { return }
    lineUntil = later(elapsed, by: settings.openMilliseconds)
    openUntil = later(elapsed, by: settings.openingMilliseconds)
  }

  private mutating func closeLine(_ elapsed: Int64) {
    lineUntil = nil
    freeAt = later(elapsed, by: Self.gapMilliseconds)
  }

  private mutating func removeFirst() -> Admission? {
    guard count > 0 else { return nil }
    let first = admissions[head]
    admissions[head] = nil
    head = (head + 1) % Self.capacity
    count -= 1
    return first
  }

  private mutating func playSignal(_ elapsed: Int64) {
    guard let signal else { return }
    let (age, isOver) = elapsed.subtractingReportingOverflow(signalStart)
    let ticks = isOver ? Int64.max : age / GateSignal.tickMilliseconds
    if ticks >= Int64(signal.ticks) {
      self.signal = nil
    } else {
      tick = max(tick, Int(ticks))
    }
  }

  private func later(_ time: Int64, by milliseconds: Int64) -> Int64 {
    let (sum, isOver) = time.addingReportingOverflow(milliseconds)
    return isOver ? .max : sum
  }
}
