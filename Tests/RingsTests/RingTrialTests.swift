// Random lives of a ring, with power cuts anywhere: storage.md, Proof 2. The crash explorer does the
// same with more seeds.

import Seal
import Testing
import World

@Suite struct RingTrialTests {
  init() throws { try Sodium.start() }

  private func run(
    _ trials: Int, _ steps: Int, _ options: RingTrial<Sodium>.Options
  ) -> (Int, Int) {
    var starts = 0
    var refusals = 0
    for _ in 0..<trials {
      let seed = UInt64.random(in: 0 ... .max)
      var trial = RingTrial<Sodium>(seed: seed, options: options)
      for _ in 0..<steps { trial.step() }
      trial.crash()
      if let violation = trial.violation {
        Issue.record("seed \(seed): \(violation)")
        return (starts, refusals)
      }
      starts += trial.starts
      refusals += trial.refusals
    }
    print("\(starts) crash states, \(refusals) refused appends")
    return (starts, refusals)
  }

  @Test func `power cuts lose nothing that was reported, and invent nothing`() {
    let (starts, _) = run(30, 1500, .init())
    #expect(starts > 1000)
  }

  @Test func `torn sectors and failing flushes lose nothing either`() {
    var options = RingTrial<Sodium>.Options()
    options.faults.flushErrorOneIn = 15
    options.faults.tornSectorOneIn = 4
    let (starts, _) = run(30, 1500, options)
    #expect(starts > 1000)
  }

  @Test func `a ring that is nearly always full keeps its word`() {
    var options = RingTrial<Sodium>.Options()
    options.crashOneIn = 150
    options.receiptOneIn = 12
    let (_, refusals) = run(6, 4000, options)
    #expect(refusals > 0)
  }
}
