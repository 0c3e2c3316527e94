// Back-off: its bounds, whatever the seed.

import Sync
import Testing

@Suite struct BackoffTests {
  @Test(arguments: 0..<50 as Range<UInt64>)
  func `a delay lies between half and the whole of a step that doubles up to 30 s`(seed: UInt64) {
    var backoff = Backoff(seed: seed)
    for whole in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000] as [Int64] {
      let step = backoff.step
      let delay = backoff.delay()
      #expect(step == whole)
      #expect((whole / 2...whole).contains(delay))
    }
  }

  @Test func `two devices that lost the same broker do not come back together`() {
    var delays: Set<Int64> = []
    for seed in 0..<100 as Range<UInt64> {
      var backoff = Backoff(seed: seed)
      for _ in 0..<6 { _ = backoff.delay() }
      delays.insert(backoff.delay())
    }
    #expect(delays.count > 95)
  }

  @Test func `jitter reaches both ends`() {
    var least = Int64.max
    var most = Int64.min
    for seed in 0..<20_000 as Range<UInt64> {
      var backoff = Backoff(seed: seed)
      let delay = backoff.delay()
      least = min(least, delay)
      most = max(most, delay)
    }
    #expect(least == 250 && most == 500)
  }

  @Test func `only a connection that stood for 10 s resets it`() {
    var backoff = Backoff(seed: 1)
    for _ in 0..<4 { _ = backoff.delay() }
    backoff.ended(after: 0)
    backoff.ended(after: 9_999)
    #expect(backoff.step == 8000)
    backoff.ended(after: 10_000)
    #expect(backoff.step == 500)
  }

  @Test func `the same seed waits as long`() {
    var a = Backoff(seed: 7)
    var b = Backoff(seed: 7)
    for _ in 0..<10 {
      let (first, second) = (a.delay(), b.delay())
      #expect(first == second)
    }
  }
}
