// The clock of a gate without a clock chip.

import Gates
import Testing
import Wire

private let noon: Int64 = 1_800_000_000_000
private let day: Int64 = 86_400_000

private func at(_ wall: Int64, _ elapsed: Int64) -> Now {
  Now(instant: Instant(milliseconds: wall), elapsed: elapsed)
}

@Suite struct ClockTests {
  @Test func `a system's clock above the past is believed, with its uncertainty and drift`() {
    var clock = Clock(wallUncertainty: 500)
    clock.know(past: noon - 10, elapsed: 0)
    #expect(clock.look(at(noon, 0)) == nil)
    #expect(clock.source == .wall)
    #expect(clock.instant(0) == Instant(milliseconds: noon, uncertainty: 500))
    // Nobody looks for a day: it runs on, less sure by 100 ppm.
    #expect(clock.instant(day) == Instant(milliseconds: noon + day, uncertainty: 500 + 8_640))
  }

  @Test func `a clock that stands below the past is named, and time begins at the past`() {
    var clock = Clock()
    clock.know(past: noon, elapsed: 100)
    #expect(clock.look(at(5_000, 100)) == .behind(noon - 5_000))
    #expect(clock.source == .past && clock.jumps == 1)
    #expect(clock.instant(100).milliseconds == noon)
    #expect(clock.instant(100).uncertainty == .max)
    #expect(clock.look(at(6_000, 1_100)) == nil)
  }

  @Test func `time that begins at the past does not stand still`() {
    var clock = Clock()
    clock.know(past: noon, elapsed: 0)
    _ = clock.look(at(0, 0))
    let hour: Int64 = 3_600_000
    // Less what a quartz may be slow: the past is what is certain.
    #expect(clock.instant(hour).milliseconds == noon + hour - 360)
    #expect(clock.past(hour) == noon + hour - 360)
  }

  @Test func `a clock that is set after it was behind is believed`() {
    var clock = Clock()
    clock.know(past: noon, elapsed: 0)
    _ = clock.look(at(0, 0))
    #expect(clock.look(at(noon + day, 1_000)) == .set)
    #expect(clock.source == .wall)
    #expect(clock.instant(1_000) == Instant(milliseconds: noon + day, uncertainty: 1000))
  }

  @Test(arguments: [day, -day])
  func `a clock that jumps by a day is noticed, and the jump becomes uncertainty`(_ jump: Int64) {
    var clock = Clock(wallUncertainty: 0)
    _ = clock.look(at(noon, 0))
    #expect(clock.look(at(noon + 5_000, 5_000)) == nil)
    #expect(clock.look(at(noon + 6_000 + jump, 6_000)) == .jumped(jump))
    #expect(clock.jumps == 1)
    let instant = clock.instant(6_000)
    #expect(instant.milliseconds == noon + 6_000 + jump)
    #expect(instant.uncertainty == UInt32(day))
    #expect(clock.look(at(noon + 7_000 + jump, 7_000)) == nil)
  }

  @Test func `a clock set back below the past is not believed: time runs on`() {
    var clock = Clock(wallUncertainty: 0)
    _ = clock.look(at(noon, 0))
    clock.know(past: noon + 1_000, elapsed: 1_000)
    #expect(clock.look(at(noon + 2_000 - day, 2_000)) == .jumped(-day))
    #expect(clock.instant(2_000).milliseconds == noon + 2_000)
    #expect(clock.instant(2_000).uncertainty == UInt32(day))
    // It stays behind; that is no second jump.
    #expect(clock.look(at(noon + 3_000 - day, 3_000)) == nil)
    #expect(clock.instant(3_000).milliseconds == noon + 3_000)
    #expect(clock.past(3_000) >= noon + 2_999)
  }

  @Test func `small corrections are followed and no jump`() {
    var clock = Clock(wallUncertainty: 50)
    _ = clock.look(at(noon, 0))
    #expect(clock.look(at(noon + 10_400, 10_000)) == nil)
    #expect(clock.instant(10_000).milliseconds == noon + 10_400)
    #expect(clock.jumps == 0)
  }

  @Test func `a block between our question and its receipt sets the clock, whatever the wall says`()
  {
    var clock = Clock(wallUncertainty: 10)
    _ = clock.look(at(noon + day, 0))
    clock.upstream(time: noon, sent: 1_000, received: 3_000)
    #expect(clock.source == .upstream)
    #expect(clock.instant(3_000) == Instant(milliseconds: noon + 1_000, uncertainty: 1_010))
    #expect(clock.past(3_000) == noon)
    // A wall clock that jumps is still named, and no longer followed.
    #expect(clock.look(at(noon - day, 4_000)) == .jumped(-2 * day - 4_000))
    #expect(clock.instant(4_000).milliseconds == noon + 2_000)
  }

  @Test func `a narrower answer from upstream replaces a wider one, and not the other way round`() {
    var clock = Clock(wallUncertainty: 0)
    clock.upstream(time: noon, sent: 0, received: 100)
    clock.upstream(time: noon + 60_000, sent: 0, received: 60_100)
    #expect(clock.instant(60_100).uncertainty < 100)
    clock.upstream(time: noon + 61_050, sent: 61_080, received: 61_100)
    #expect(clock.instant(61_100) == Instant(milliseconds: noon + 61_060, uncertainty: 10))
  }

  @Test func `no numbers make it trap`() {
    let ends: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
    for wall in ends {
      for elapsed in ends {
        var clock = Clock(wallUncertainty: .max)
        for past in ends { clock.know(past: past, elapsed: elapsed) }
        for other in ends {
          _ = clock.look(at(wall, elapsed))
          _ = clock.look(at(other, elapsed))
          _ = clock.look(at(other, wall))
          clock.upstream(time: other, sent: wall, received: elapsed)
          _ = clock.instant(other)
          _ = clock.past(other)
        }
      }
    }
  }
}
