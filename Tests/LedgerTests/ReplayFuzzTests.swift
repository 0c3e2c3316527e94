// Whatever enrolled devices sign, what the ledger takes can be replayed.

import Foundation
import Ledger
import Limits
import Records
import Seal
import Testing
import Wire

/// SplitMix64.
private struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }

  mutating func draw<I: FixedWidthInteger>(_ range: ClosedRange<I>) -> I {
    .random(in: range, using: &self)
  }

  mutating func pick<T>(_ all: [T]) -> T { all[draw(0...all.count - 1)] }
}

/// Two devices that have lost their minds: every batch is signed and in its one encoding, and runs,
/// gap records and hashes are drawn, small enough to meet. Epochs change often, for a first batch is a
/// case of its own.
private struct Madhouse: ~Copyable {
  var dice: Dice
  var site: Site
  var gates = [Gate(1), Gate(2)]
  /// By class: what a record may name as the one before, so that some fit.
  var hashes = [[Hash]](repeating: [Hash()], count: 4)
  var version: UInt64 = 1
  var fresh = 0
  var evidence = 0

  init(seed: UInt64) {
    dice = Dice(state: seed)
    site = Site([Gate(1), Gate(2)])
  }

  mutating func run(batches: Int) throws {
    for _ in 0..<batches {
      if dice.draw(0...4) == 0 { try enroll() }
      // What is refused must leave no trace: the replay would not know of it.
      if let intake = try? site.take(batch()) {
        fresh += intake.fresh
        if intake.evidence != nil { evidence += 1 }
      }
      if site.ledger.hasPending && dice.draw(0...1) == 0 { site.settle() }
    }
    if site.ledger.hasPending { site.settle() }
  }

  private mutating func enroll() throws {
    if site.ledger.hasPending { site.settle() }
    version += 1
    gates[dice.draw(0...1)].epoch = 5_000 + version
    _ = try site.ledger.adopt(Site.trust(version, gates).span)
  }

  private mutating func batch() throws -> [UInt8] {
    var gate = gates[dice.draw(0...1)]
    for recordClass in [RecordClass.control, .admissions, .refusals] {
      guard dice.draw(0...2) > 0 else { continue }
      let first = dice.draw(1...UInt64(3))
      var previous = first == 1 ? Hash() : dice.pick(hashes[recordClass.index])
      for sequence in first..<first + dice.draw(1...UInt64(3)) {
        let bytes = try record(recordClass, sequence, previous)
        gate.lines.append(
          Gate.Line(recordClass: recordClass, sequence: sequence, bytes: bytes))
        previous = Sodium.hash(bytes.span)
        if dice.draw(0...1) == 0 { hashes[recordClass.index].append(previous) }
      }
    }
    return gate.batch()
  }

  private mutating func record(
    _ recordClass: RecordClass, _ sequence: UInt64, _ previous: Hash
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Limits.recordBytesMax)
    var target = bytes.mutableSpan
    let instant = Instant(milliseconds: dice.draw(0...Int64(2)), boot: 1)
    guard recordClass == .control else {
      let scan = ScanRecord(
        sequence: sequence, previous: previous, instant: instant,
        subject: ticket(dice.draw(0...4)), operation: .consume,
        reason: recordClass == .admissions ? .valid : .used, event: 1, zone: 1, use: 1,
        entries: dice.draw(0...UInt16(2)), clock: KnownClock(height: dice.draw(0...UInt64(9))))
      return Array(bytes[..<(try scan.encode(into: &target))])
    }
    let missing = dice.pick(
      [RecordClass.admissions, .admissions, .refusals, .refusals, .telemetry, .control])
    let first = dice.draw(1...UInt64(3))
    let gap = GapRecord(
      sequence: sequence, previous: previous, instant: instant, missingClass: missing,
      first: first, last: first + dice.draw(0...UInt64(2)),
      before: dice.pick(hashes[missing.index]), end: dice.pick(hashes[missing.index]),
      cause: .evicted)
    return Array(bytes[..<(try gap.encode(into: &target))])
  }

  /// The log gives the same state and the same rows again.
  mutating func checkReplay() throws {
    var again = Site.ledger()
    var scans = 0
    var found = 0
    _ = try again.replay(&site.log) {
      scans += $0.scans.count
      found += $0.evidence.count
    }
    let rows = (again.deviceRows, site.ledger.deviceRows)
    #expect(rows.0 == rows.1)
    #expect(scans == fresh - gaps && found == evidence)
  }

  private var gaps: Int {
    site.ledger.deviceRows.reduce(0) { $0 + Int($1.totals.gaps) }
  }
}

@Suite struct ReplayFuzzTests {
  @Test func `whatever enrolled devices sign, the log replays to the same state`() throws {
    let given = ProcessInfo.processInfo.environment["TOLLKEEPER_SEED"].flatMap { UInt64($0) }
    let first = given ?? UInt64.random(in: 0 ... .max)
    let end = ContinuousClock.now + .milliseconds(1_500)
    var worlds: UInt64 = 0
    var fresh = 0
    var evidence = 0
    repeat {
      var madhouse = Madhouse(seed: first &+ worlds)
      try madhouse.run(batches: 60)
      do {
        try madhouse.checkReplay()
      } catch {
        Issue.record("seed \(first &+ worlds): \(error)")
      }
      fresh += madhouse.fresh
      evidence += madhouse.evidence
      worlds += 1
    } while ContinuousClock.now < end
    print("seed \(first) and \(worlds - 1) after it: \(fresh) records, \(evidence) contradictions")
    #expect(fresh > 0 && evidence > 0)
  }
}
