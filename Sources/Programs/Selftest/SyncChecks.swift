// The link to the broker, step by step, and its back-off.

import Sync

func checkSync(_ check: inout Check) {
  checkBackoff(&check)
  var link = Link(seed: 1)
  check.that("no window, no connection", step(&link, .time, isOpen: false, 0) == .none)
  check.that("a window opens", step(&link, .time, 0) == .connect)
  check.that("no second attempt", step(&link, .time, 1) == .none)
  check.that("a CONNACK is answered by subscribing", step(&link, .connected, 2) == .subscribe)
  check.that("nothing before the SUBACK", !link.isUp)
  check.that("the SUBACK", step(&link, .subscribed, 3) == .greet && link.isUp)
  check.that("the connection breaks", step(&link, .lost, 4) == .drop && !link.isUp)
  let retry = link.deadline ?? 0
  check.that("the next attempt waits", retry >= 4 + 250 && retry <= 4 + 500)
  check.that("not too early", step(&link, .time, retry - 1) == .none)
  check.that("the next attempt", step(&link, .time, retry) == .connect)
  check.that("every CONNACK", step(&link, .connected, retry + 1) == .subscribe)
  check.that("up again", step(&link, .subscribed, retry + 2) == .greet)
  check.that("the window closes", step(&link, .time, isOpen: false, retry + 3) == .leave)
}

private func step(
  _ link: inout Link, _ event: Link.Event, isOpen: Bool = true, _ now: Int64
) -> Link.Action {
  link.step(event, windowIsOpen: isOpen, now: now)
}

private func checkBackoff(_ check: inout Check) {
  var backoff = Backoff(seed: 7)
  var whole: Int64 = 500
  for _ in 0..<9 {
    let delay = backoff.delay()
    check.that("a delay between half and the whole", delay >= whole / 2 && delay <= whole)
    whole = min(whole * 2, 30_000)
  }
  backoff.ended(after: 9_999)
  check.that("a link that flaps starts nowhere new", backoff.step == 30_000)
  backoff.ended(after: 10_000)
  check.that("a link that stood starts anew", backoff.step == 500)
}
