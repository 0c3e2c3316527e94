// What lights and buzzer do.

import Testing
import Turnstiles

@Suite struct SignalTests {
  let settings = TurnstileSettings(mode: .level, passTimeoutMilliseconds: 1500, hasPass: true)

  private func play(_ signal: GateSignal, _ line: (Levels) -> Bool) -> String {
    let door = Door(settings)
    if signal == .admitted { door.admit(1) } else { door.show(signal) }
    return door.play(line, ticks: 20)
  }

  @Test func `admitted is one beep, and green as long as the gate is open`() {
    #expect(play(.admitted, \.buzzer) == "#...................")
    #expect(play(.admitted, \.green) == "###############.....")
    #expect(play(.admitted, \.red) == "....................")
  }

  @Test func `refused is red for a second, and three beeps`() {
    #expect(play(.refused, \.buzzer) == "#.#.#...............")
    #expect(play(.refused, \.red) == "##########..........")
    #expect(play(.refused, \.green) == "....................")
  }

  @Test func `an override is both lights for a second, and two beeps`() {
    #expect(play(.overrideAccepted, \.buzzer) == "#.#.................")
    #expect(play(.overrideAccepted, \.red) == "##########..........")
    #expect(play(.overrideAccepted, \.green) == "##########..........")
  }

  @Test func `scan again is red three times, and one long beep`() {
    #expect(play(.scanAgain, \.buzzer) == "#####...............")
    #expect(play(.scanAgain, \.red) == "##..##..##..........")
    #expect(play(.scanAgain, \.green) == "....................")
  }

  @Test func `the last signal is the one that is played`() {
    let door = Door(settings)
    door.show(.refused)
    door.wait(300)
    door.admit(1)
    #expect(door.levels.green && !door.levels.red)
    #expect(door.play(\.buzzer, ticks: 10) == "#.........")
  }

  @Test func `green never shows while a signal blinks red`() {
    let door = Door(settings)
    door.admit(1)
    door.wait(200)
    door.show(.scanAgain)
    #expect(door.play(\.green, ticks: 13) == "..........###")
  }

  @Test func `a late look plays what is due then, and nothing twice`() {
    let door = Door(settings)
    door.show(.refused)
    door.sleep(250)
    door.look()
    #expect(door.levels.buzzer)
    door.sleep(700)
    door.look()
    #expect(!door.levels.buzzer && door.levels.red)
    door.sleep(60_000)
    door.look()
    #expect(door.levels == Levels() && door.deadline == nil)
  }
}
