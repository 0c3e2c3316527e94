// A gate opens for who is admitted, and for nobody else.

import Turnstiles

func checkTurnstiles(_ check: inout Check) {
  var turnstile = Turnstile<Int>(
    TurnstileSettings(mode: .level, passTimeoutMilliseconds: 5000, hasPass: true))
  check.that("an idle gate has no deadline", turnstile.deadline == nil)
  check.that("an idle gate is closed and dark", turnstile.levels == Levels())

  turnstile.admit(1, elapsed: 1000)
  check.that("an admission opens", turnstile.levels.open && turnstile.levels.green)
  check.that("it beeps", turnstile.levels.buzzer && turnstile.deadline == 1100)
  turnstile.admit(2, elapsed: 1050)
  check.that("a beep ends", isNothing(turnstile.time(2000)))
  check.that("PASS ends the oldest", isPassed(turnstile.pass(elapsed: 2000), 1))
  check.that("PASS closes", !turnstile.levels.open && turnstile.deadline == 2100)
  check.that("the gap is nothing that happens", isNothing(turnstile.time(2100)))
  check.that("the next is opened for", turnstile.levels.open && turnstile.deadline == 7100)
  check.that("who does not come is annulled", isAnnulled(turnstile.time(7100), 2))
  check.that("the gate is closed then", turnstile.levels == Levels())
  check.that("nobody comes twice", isNothing(turnstile.time(7100)))
  check.that("PASS without an admission is forced", isForced(turnstile.pass(elapsed: 8000)))

  turnstile.show(.refused, elapsed: 9000)
  check.that("a refusal is red", turnstile.levels.red && !turnstile.levels.open)
  var beeps = 0
  for time in stride(from: Int64(9000), to: 10_000, by: 100) {
    check.that("nothing happens in a signal", isNothing(turnstile.time(time)))
    if turnstile.levels.buzzer { beeps += 1 }
  }
  check.that("a refusal beeps three times", beeps == 3)
  check.that("a signal ends", isNothing(turnstile.time(10_000)) && turnstile.deadline == nil)
  check.that("and its lights are out", turnstile.levels == Levels())
}

private func isPassed(_ event: TurnstileEvent<Int>, _ admission: Int) -> Bool {
  if case .passed(admission) = event { return true }
  return false
}

private func isAnnulled(_ event: TurnstileEvent<Int>?, _ admission: Int) -> Bool {
  if case .annulled(admission) = event { return true }
  return false
}

private func isForced(_ event: TurnstileEvent<Int>) -> Bool {
  if case .forced = event { return true }
  return false
}

private func isNothing(_ event: TurnstileEvent<Int>?) -> Bool {
  if case .none = event { return true }
  return false
}
