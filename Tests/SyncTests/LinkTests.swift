// The link: what happens when, and what does not happen before something else has.

import Sync
import Testing

/// A link that can stand in an expectation.
private final class Line {
  var link = Link(seed: 3)
  var isOpen = true

  func step(_ event: Link.Event, at now: Int64) -> Link.Action {
    link.step(event, windowIsOpen: isOpen, now: now)
  }

  /// Up, by way of a new session, since `now`.
  func rise(at now: Int64 = 0) {
    #expect(step(.time, at: now) == .connect)
    #expect(step(.connected, at: now) == .subscribe)
    #expect(step(.subscribed, at: now) == .greet)
  }
}

@Suite struct LinkTests {
  @Test func `without a window there is no connection, however long it takes`() {
    let line = Line()
    line.isOpen = false
    for now in [0, 1, 60_000, .max / 2] as [Int64] { #expect(line.step(.time, at: now) == .none) }
    #expect(line.link.state == .closed && line.link.deadline == nil && line.link.connects == 0)
  }

  @Test func `a window that opens is a reason to connect at once, and only once`() {
    let line = Line()
    #expect(line.step(.time, at: 5) == .connect)
    for now in 6..<20 as Range<Int64> { #expect(line.step(.time, at: now) == .none) }
    #expect(line.link.state == .connecting(since: 5) && line.link.connects == 1)
  }

  @Test func `nothing is sent before this connection's CONNACK`() {
    let line = Line()
    #expect(!line.link.isUp)
    _ = line.step(.time, at: 0)
    #expect(!line.link.isUp)
    // A SUBACK of an earlier connection says nothing of this one.
    #expect(line.step(.subscribed, at: 1) == .none)
    #expect(!line.link.isUp)
    #expect(line.step(.connected, at: 2) == .subscribe)
    #expect(!line.link.isUp)
    #expect(line.step(.subscribed, at: 3) == .greet)
    #expect(line.link.isUp)
  }

  @Test func `every CONNACK is answered by subscribing, and nothing is sent before the SUBACK`() {
    let line = Line()
    _ = line.step(.time, at: 0)
    #expect(line.step(.connected, at: 1) == .subscribe)
    #expect(!line.link.isUp)
    #expect(line.step(.time, at: 2) == .none)
    #expect(line.step(.subscribed, at: 3) == .greet)
    #expect(line.link.state == .up(since: 3))
  }

  @Test func `every connection is greeted anew`() {
    let line = Line()
    line.rise()
    #expect(line.step(.lost, at: 20_000) == .drop)
    let retry = line.link.deadline!
    #expect(line.step(.time, at: retry) == .connect)
    #expect(line.step(.connected, at: retry + 1) == .subscribe)
    #expect(line.step(.subscribed, at: retry + 2) == .greet)
    #expect(line.link.connects == 2 && line.link.losses == 1)
  }

  @Test(arguments: [false, true])
  func `an answer that does not come within 15 s ends the attempt`(isSubscribing: Bool) {
    let line = Line()
    _ = line.step(.time, at: 100)
    if isSubscribing { _ = line.step(.connected, at: 100) }
    #expect(line.link.deadline == 15_100)
    #expect(line.step(.time, at: 15_099) == .none)
    #expect(line.step(.time, at: 15_100) == .drop)
    guard case .waiting(let until) = line.link.state else {
      Issue.record("the link is not waiting")
      return
    }
    #expect((15_350...15_600).contains(until))
  }

  @Test func `a refused CONNACK waits as a loss does`() {
    let line = Line()
    _ = line.step(.time, at: 0)
    #expect(line.step(.lost, at: 10) == .drop)
    #expect(line.link.losses == 1)
    #expect(line.step(.time, at: 11) == .none)
    #expect(line.step(.time, at: line.link.deadline! - 1) == .none)
    #expect(line.step(.time, at: line.link.deadline!) == .connect)
  }

  @Test func `a closing window says goodbye where it can, and drops what was not up`() {
    let up = Line()
    up.rise()
    up.isOpen = false
    #expect(up.step(.time, at: 50) == .leave)
    #expect(up.link.state == .closed && up.link.deadline == nil)

    let connecting = Line()
    _ = connecting.step(.time, at: 0)
    connecting.isOpen = false
    #expect(connecting.step(.time, at: 1) == .drop)

    let waiting = Line()
    _ = waiting.step(.time, at: 0)
    _ = waiting.step(.lost, at: 1)
    waiting.isOpen = false
    #expect(waiting.step(.time, at: 2) == .none)
    #expect(waiting.link.state == .closed)
  }

  @Test func `a connection that breaks as the window closes needs no goodbye`() {
    let line = Line()
    line.rise()
    line.isOpen = false
    #expect(line.step(.lost, at: 50) == .drop)
    #expect(line.link.state == .closed)
  }

  @Test func `a CONNACK that comes after the window has closed does not bring the link up`() {
    let line = Line()
    _ = line.step(.time, at: 0)
    line.isOpen = false
    #expect(line.step(.connected, at: 1) == .drop)
    #expect(!line.link.isUp)
  }

  @Test func `a link that flaps waits ever longer; one that stood for 10 s begins anew`() {
    let line = Line()
    var now: Int64 = 0
    var waits: [Int64] = []
    for _ in 0..<8 {
      line.rise(at: now)
      now += 9_999
      _ = line.step(.lost, at: now)
      waits.append(line.link.deadline! - now)
      now = line.link.deadline!
    }
    for (i, wait) in waits.enumerated() {
      let whole: Int64 = min(500 << Int64(i), 30_000)
      #expect((whole / 2...whole).contains(wait), "attempt \(i)")
    }
    line.rise(at: now)
    now += 10_000
    _ = line.step(.lost, at: now)
    #expect((250...500).contains(line.link.deadline! - now))
  }

  @Test func `a window that closed well keeps what the link had earned`() {
    let line = Line()
    var now: Int64 = 0
    for _ in 0..<3 {
      _ = line.step(.time, at: now)
      _ = line.step(.lost, at: now)
      now = line.link.deadline!
    }
    line.rise(at: now)
    now += 10_000
    line.isOpen = false
    #expect(line.step(.time, at: now) == .leave)
    line.isOpen = true
    line.rise(at: now + 1)
    #expect(line.step(.lost, at: now + 2) == .drop)
    #expect((250...500).contains(line.link.deadline! - now - 2))
  }
}
