// When a gate opens and closes, and how each admission ends.

import Testing
import Turnstiles

@Suite struct TurnstileTests {
  let level = TurnstileSettings(mode: .level, hasPass: true)
  let pulse = TurnstileSettings(mode: .pulse, hasPass: true)

  @Test func `an idle gate is closed, dark, and never wakes`() {
    let door = Door(level)
    #expect(door.deadline == nil)
    door.wait(1_000_000)
    #expect(door.levels == Levels())
    #expect(door.diary.isEmpty)
  }

  @Test func `a level is active until PASS`() {
    let door = Door(level)
    door.admit(1)
    door.wait(1200)
    #expect(door.levels.open && door.levels.green)
    door.pass()
    #expect(door.levels == Levels())
    #expect(door.openings == [1000..<2200])
    #expect(door.diary == [.passed(1)])
    #expect(door.deadline == nil)
  }

  @Test func `a level that nobody uses ends with its time, and annuls`() {
    let door = Door(level)
    door.admit(1)
    door.wait(4999)
    #expect(door.levels.open && door.diary.isEmpty)
    door.wait(1)
    #expect(!door.levels.open)
    #expect(door.diary == [.annulled(1)])
    #expect(door.deadline == nil)
  }

  @Test func `a pulse has its length, whether somebody passes or not`() {
    for isPassed in [true, false] {
      let door = Door(pulse)
      door.admit(1)
      door.wait(200)
      if isPassed { door.pass() }
      door.wait(10_000)
      #expect(door.openings == [1000..<1500])
      #expect(door.diary == [isPassed ? .passed(1) : .annulled(1)])
    }
  }

  @Test func `the light is green from the pulse to the PASS`() {
    let door = Door(pulse)
    door.admit(1)
    door.wait(3000)
    #expect(!door.levels.open && door.levels.green)
    door.pass()
    #expect(!door.levels.green)
  }

  @Test func `without a PASS input an admission ends with its opening`() {
    let pulsing = Door(TurnstileSettings(mode: .pulse))
    pulsing.admit(1)
    pulsing.wait(10_000)
    #expect(pulsing.openings == [1000..<1500])
    let level = Door(TurnstileSettings(mode: .level))
    level.admit(1)
    level.wait(10_000)
    #expect(level.openings == [1000..<6000])
    #expect(pulsing.diary.isEmpty && level.diary.isEmpty)
    #expect(pulsing.count == 0 && level.count == 0)
  }

  @Test func `a second admission opens when the first has ended, after a gap`() {
    let door = Door(level)
    door.admit(1)
    door.wait(10)
    door.admit(2)
    door.wait(990)
    door.pass()
    door.wait(500)
    door.pass()
    #expect(door.openings == [1000..<2000, 2100..<2500])
    #expect(door.diary == [.passed(1), .passed(2)])
  }

  @Test func `two pulses are two`() {
    let door = Door(TurnstileSettings(mode: .pulse, pulseMilliseconds: 100))
    for admission in 1...3 { door.admit(admission) }
    door.wait(1000)
    #expect(door.openings == [1000..<1100, 1200..<1300, 1400..<1500])
  }

  @Test func `who goes in right behind the one before has used the next admission`() {
    let door = Door(pulse)
    door.admit(1)
    door.admit(2)
    door.pass()
    door.pass()
    door.wait(10_000)
    #expect(door.diary == [.passed(1), .passed(2)])
    #expect(door.openings.count == 1)
  }

  @Test func `eight admissions find room, and the oldest end first`() {
    let door = Door(level)
    for admission in 1...8 {
      #expect(door.hasRoom)
      door.admit(admission)
    }
    #expect(!door.hasRoom)
    for _ in 1...3 { door.pass() }
    door.wait(100_000)
    #expect(
      door.diary == (1...3).map { .passed($0) } + (4...8).map { .annulled($0) })
    #expect(door.openings.count == 6)
  }

  @Test func `one admission too many is a programmer's error`() async {
    await #expect(processExitsWith: .failure) {
      var turnstile = Turnstile<Int>(TurnstileSettings())
      for admission in 0...8 { turnstile.admit(admission, elapsed: 0) }
    }
  }

  @Test func `PASS without an admission is forced, and opens nothing`() {
    let door = Door(level)
    door.pass()
    door.admit(1)
    door.wait(6000)
    door.pass()
    #expect(door.diary == [.forced, .annulled(1), .forced])
    #expect(door.openings == [1000..<6000])
  }

  @Test func `a refusal opens nothing`() {
    let door = Door(level)
    for signal in [GateSignal.refused, .overrideAccepted, .scanAgain] {
      door.show(signal)
      door.wait(3000)
    }
    #expect(door.openings.isEmpty && door.diary.isEmpty)
    #expect(door.deadline == nil)
  }

  @Test func `a refusal closes no gate that is open for somebody else`() {
    let door = Door(level)
    door.admit(1)
    door.wait(300)
    door.show(.refused)
    #expect(door.levels.open && door.levels.red && !door.levels.green)
    door.wait(1000)
    #expect(door.levels.open && !door.levels.red && door.levels.green)
  }

  @Test func `the fire alarm is told once each time and changes no line`() {
    let door = Door(level)
    door.alarm(false)
    door.alarm(true)
    door.alarm(true)
    #expect(door.levels == Levels() && door.deadline == nil)
    door.admit(1)
    door.alarm(false)
    door.pass()
    #expect(door.diary == [.alarm(true), .alarm(false), .passed(1)])
    #expect(door.openings == [1000..<1000])
  }

  @Test func `a PASS input that is lost annuls nothing any more`() {
    let door = Door(level)
    door.admit(1)
    door.losePass()
    door.admit(2)
    door.wait(20_000)
    #expect(door.diary.isEmpty)
    #expect(door.openings == [1000..<6000, 6100..<11_100])
    #expect(door.count == 0)
  }

  @Test func `a loop that is late opens late, and for the full time`() {
    let door = Door(level)
    door.admit(1)
    door.admit(2)
    door.sleep(60_000)
    door.look()
    #expect(door.diary == [.annulled(1)])
    #expect(!door.levels.open)
    door.wait(100)
    #expect(door.levels.open)
    door.wait(4999)
    #expect(door.levels.open)
    door.wait(1)
    #expect(door.diary == [.annulled(1), .annulled(2)])
  }

  @Test func `no time traps`() {
    for time in [Int64.min, -1, 0, .max - 1, .max] {
      for other in [Int64.min, -1, 0, .max - 1, .max] {
        var turnstile = Turnstile<Int>(level)
        turnstile.admit(1, elapsed: time)
        turnstile.show(.scanAgain, elapsed: other)
        while turnstile.time(time) != nil {}
        while turnstile.time(other) != nil {}
        _ = turnstile.pass(elapsed: other)
        _ = turnstile.deadline
        #expect(turnstile.count == 0)
      }
    }
  }
}
