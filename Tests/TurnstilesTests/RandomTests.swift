// The turnstile's invariants in random sequences of everything that can happen.

import Testing
import Turnstiles

@Suite struct RandomTests {
  @Test(arguments: 0..<8)
  func `no sequence of events breaks what a gate promises`(seed: UInt64) {
    var dice = Dice(seed: seed)
    for _ in 0..<250 { story(&dice) }
  }

  private func story(_ dice: inout Dice) {
    let settings = TurnstileSettings(
      mode: dice.roll(2) == 0 ? .pulse : .level,
      pulseMilliseconds: Int64(100 + dice.roll(900)),
      passTimeoutMilliseconds: Int64(100 + dice.roll(6000)), hasPass: dice.roll(4) > 0)
    let door = Door(settings)
    var admitted: [Int] = []
    var passes = 0
    for _ in 0..<60 {
      switch dice.roll(8) {
      case 0, 1, 2:
        guard door.hasRoom else { break }
        door.admit(admitted.count)
        admitted.append(admitted.count)
      case 3:
        door.pass()
        passes += 1
      case 4: door.show([.refused, .overrideAccepted, .scanAgain][dice.roll(3)])
      case 5: door.alarm(dice.roll(2) == 0)
      default: door.wait(Int64(dice.roll(3000)))
      }
      #expect(!(door.levels.open && door.count == 0 && settings.mode == .level))
    }
    door.wait(100_000)
    #expect(door.deadline == nil && door.count == 0 && door.levels == Levels())
    check(door, settings, admitted, passes)
  }

  private func check(
    _ door: Door, _ settings: TurnstileSettings, _ admitted: [Int], _ passes: Int
  ) {
    let openings = door.openings
    #expect(openings.count <= admitted.count)
    for opening in openings { #expect(opening.count <= settings.openMilliseconds) }
    if settings.mode == .pulse {
      for opening in openings { #expect(opening.count == settings.pulseMilliseconds) }
    }
    for (one, next) in zip(openings, openings.dropFirst()) {
      #expect(next.lowerBound - one.upperBound >= Turnstile<Int>.gapMilliseconds)
    }
    var ended: [Int] = []
    var passed = 0
    var forced = 0
    for entry in door.diary {
      switch entry {
      case .passed(let admission):
        ended.append(admission)
        passed += 1
      case .annulled(let admission):
        ended.append(admission)
        #expect(settings.hasPass)
      case .forced: forced += 1
      case .alarm: break
      }
    }
    #expect(passed + forced == passes)
    // In their order, and each once.
    if settings.hasPass { #expect(ended == admitted) }
    #expect(zip(ended, ended.dropFirst()).allSatisfy { $0 < $1 })
  }
}

/// A random source that a seed repeats (splitmix64).
private struct Dice {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func roll(_ sides: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((z ^ z >> 31) % UInt64(sides))
  }
}
