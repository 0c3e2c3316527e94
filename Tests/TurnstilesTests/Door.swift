// A turnstile with a clock and a diary: what its lines said when, and what happened.

import Turnstiles

final class Door {
  /// What happened, in order.
  enum Entry: Equatable {
    case passed(Int)
    case annulled(Int)
    case forced
    case alarm(Bool)
  }

  private var turnstile: Turnstile<Int>
  private(set) var time: Int64 = 1000
  private(set) var diary: [Entry] = []
  /// Each change of the lines, with its time.
  private(set) var changes: [(time: Int64, levels: Levels)] = []

  init(_ settings: TurnstileSettings) { turnstile = Turnstile(settings) }

  var levels: Levels { turnstile.levels }
  var deadline: Int64? { turnstile.deadline }
  var hasRoom: Bool { turnstile.hasRoom }
  var count: Int { turnstile.count }

  /// Lets time pass as the loop does: it looks at each deadline, and not between them.
  func wait(_ milliseconds: Int64) {
    let end = time + milliseconds
    while let deadline = turnstile.deadline, deadline <= end {
      time = max(time, deadline)
      look()
    }
    time = end
    look()
  }

  /// The loop is busy: time passes and nobody looks.
  func sleep(_ milliseconds: Int64) { time += milliseconds }

  func look() {
    while let event = turnstile.time(time) { note(event) }
    noteLevels()
  }

  func admit(_ admission: Int) {
    turnstile.admit(admission, elapsed: time)
    noteLevels()
  }

  func show(_ signal: GateSignal) {
    turnstile.show(signal, elapsed: time)
    noteLevels()
  }

  func pass() {
    look()
    note(turnstile.pass(elapsed: time))
    noteLevels()
  }

  func alarm(_ isOn: Bool) {
    if let event = turnstile.alarm(isOn) { note(event) }
    noteLevels()
  }

  func losePass() { turnstile.losePass() }

  /// From when to when the open line was active; what is still open ends now.
  var openings: [Range<Int64>] {
    var openings: [Range<Int64>] = []
    var start: Int64?
    for change in changes {
      if change.levels.open {
        start = start ?? change.time
      } else if let since = start {
        openings.append(since..<change.time)
        start = nil
      }
    }
    if let start { openings.append(start..<time) }
    return openings
  }

  /// Ticks of 100 ms from now on in which a line is active, as text: `#` active, `.` not.
  func play(_ line: (Levels) -> Bool, ticks: Int) -> String {
    var text = ""
    for _ in 0..<ticks {
      text += line(levels) ? "#" : "."
      wait(100)
    }
    return text
  }

  private func noteLevels() {
    if changes.last?.levels != levels { changes.append((time, levels)) }
  }

  private func note(_ event: TurnstileEvent<Int>) {
    switch event {
    case .passed(let admission): diary.append(.passed(admission))
    case .annulled(let admission): diary.append(.annulled(admission))
    case .forced: diary.append(.forced)
    case .alarm(let isOn): diary.append(.alarm(isOn))
    }
  }
}
