// What stands at the gate: a turnstile, a door, lights. The turnstile's rules on the gate's lines.
// Invariants: what comes from the inputs is taken in its order and at its own time, and before the
// time runs out for anybody; where nothing is attached, nothing is done and nothing is waited for; a
// line that could not be set is set again until it can.

import Gates
import Platform
import Sync
import Turnstiles
import Wire

struct Barrier: ~Copyable {
  private static let retryMilliseconds: Int64 = 1000

  private var turnstile: Turnstile<Verdict>
  private var lines: GateLines
  /// An edge whose time has not been reached.
  private var edge: GateEdge?
  private var edgeElapsed: Int64 = 0
  /// What the lines were last told.
  private var told = Levels()
  private var failure: KernelError?
  /// When lines that could not be set are set again.
  private var retryAt: Int64?
  private var hasInput = true
  /// Admissions that somebody went through for.
  private(set) var passed: UInt64 = 0
  /// Admissions that nobody used in time.
  private(set) var annulled: UInt64 = 0
  /// Times that somebody went through without an admission.
  private(set) var forced: UInt64 = 0

  init(_ lines: consuming GateLines, _ settings: TurnstileSettings) {
    self.lines = lines
    turnstile = Turnstile(settings)
  }

  /// Whether one more verdict can be shown.
  var hasRoom: Bool { turnstile.hasRoom }

  /// Nobody is expected to go through.
  var isAtRest: Bool { turnstile.count == 0 }

  /// What to wait for; -1 if there are no inputs.
  var descriptor: Int32 { lines.descriptor }

  /// When `next` and `set` are to be called; nil while only inputs can change anything.
  var deadline: Int64? {
    let next = min(turnstile.deadline ?? .max, retryAt ?? .max)
    return next == .max ? nil : next
  }

  /// Opens for an admission, and shows what opens nothing.
  mutating func take(_ verdict: Verdict, _ now: Now) {
    guard lines.isAttached else { return }
    if verdict.opensGate {
      turnstile.admit(verdict, elapsed: now.elapsed)
    } else {
      turnstile.show(verdict.isAdmitted ? .overrideAccepted : .refused, elapsed: now.elapsed)
    }
  }

  /// The code was lost, and has to be shown again.
  mutating func scanAgain(_ now: Now) {
    if lines.isAttached { turnstile.show(.scanAgain, elapsed: now.elapsed) }
  }

  /// The descriptor is readable.
  mutating func noteInput() { hasInput = true }

  /// Takes and tells what has happened up to `now`.
  /// - Returns: the next admission that nobody used; to be asked again until there is none.
  mutating func next(_ now: Now, _ log: inout Log) -> Verdict? {
    // Somebody who went through in time must not be late because the loop is.
    if let deadline = turnstile.deadline, deadline <= now.elapsed { hasInput = true }
    while hasInput {
      if edge == nil { hasInput = read(now, &log) }
      guard let edge else { continue }
      while let event = turnstile.time(edgeElapsed) {
        if let verdict = tell(event, now, &log) { return verdict }
      }
      self.edge = nil
      take(edge, now, &log)
    }
    while let event = turnstile.time(now.elapsed) {
      if let verdict = tell(event, now, &log) { return verdict }
    }
    return nil
  }

  /// - Returns: whether there was anything to read.
  private mutating func read(_ now: Now, _ log: inout Log) -> Bool {
    switch lines.next(now) {
    case .none: return false
    case .edge(let edge, let elapsed):
      self.edge = edge
      // Two clocks and a scheduler: no edge is of the future.
      edgeElapsed = min(elapsed, now.elapsed)
    case .lost(let error):
      log.write(Notice(.alarm, "gate_inputs_lost").with("error", Int64(error.code)), at: now)
      turnstile.losePass()
    }
    return true
  }

  private mutating func take(_ edge: GateEdge, _ now: Now, _ log: inout Log) {
    switch edge {
    case .pass: _ = tell(turnstile.pass(elapsed: edgeElapsed), now, &log)
    case .alarm(let isOn):
      if let event = turnstile.alarm(isOn) { _ = tell(event, now, &log) }
    case .unknown: log.write(Notice(.warning, "panel_input_unknown"), at: now)
    }
  }

  /// Counts and logs an event.
  /// - Returns: the admission that nobody used, if that is the event.
  private mutating func tell(
    _ event: TurnstileEvent<Verdict>, _ now: Now, _ log: inout Log
  ) -> Verdict? {
    switch event {
    case .passed:
      passed += 1
      log.write(Notice(.debug, "passed"), at: now)
    case .annulled(let verdict):
      annulled += 1
      log.write(Notice(.info, "annulled"), at: now)
      return verdict
    case .forced:
      forced += 1
      log.write(Notice(.warning, "forced"), at: now)
    case .alarm(let isOn):
      log.write(
        Notice(isOn ? .alarm : .warning, "alarm").with("on", Int64(isOn ? 1 : 0)), at: now)
    }
    return nil
  }

  /// Sets the lines to what they are to be now.
  mutating func set(_ now: Now, _ log: inout Log) { set(turnstile.levels, now, &log) }

  /// Closes the gate and puts its lights out, because the agent ends.
  mutating func close(_ now: Now, _ log: inout Log) {
    if turnstile.count > 0 {
      log.write(
        Notice(.warning, "stopped_while_open").with("admissions", Int64(turnstile.count)), at: now)
    }
    set(Levels(), now, &log)
  }

  private mutating func set(_ levels: Levels, _ now: Now, _ log: inout Log) {
    guard levels != told || now.elapsed >= retryAt ?? .max else { return }
    told = levels
    do throws(KernelError) {
      try lines.set(levels, now, &log)
      if failure != nil { log.write(Notice(.info, "gate_output_works"), at: now) }
      failure = nil
      retryAt = nil
    } catch {
      if error != failure {
        log.write(Notice(.alarm, "gate_output_failed").with("error", Int64(error.code)), at: now)
      }
      failure = error
      retryAt = now.elapsed + Self.retryMilliseconds
    }
  }
}
