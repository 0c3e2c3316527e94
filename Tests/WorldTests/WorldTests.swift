// The promises of the whole, in a world where everything goes wrong that can.

import Foundation
import Seal
import Testing
import Wire
import World

private let organiser: Organiser<Sodium> = {
  try! Sodium.start()
  return Organiser { Sodium.secretKey(seed: $0) }
}()

private func world(
  _ seed: UInt64, gates: Int = 2, tickets: Int = 40, scans: Int = 120, weather: Weather? = nil
) throws -> World<Sodium> {
  var options = World<Sodium>.Options()
  options.gates = gates
  options.tickets = tickets
  options.scans = scans
  options.weather = weather
  let world = try World(seed: seed, organiser: organiser, options: options)
  world.run()
  print(world.summary)
  return world
}

/// Seeds that nobody chose: TOLLKEEPER_SEED and those after it, or a new one at every run. Every
/// world prints its seed.
private let fresh: [UInt64] = {
  let environment = ProcessInfo.processInfo.environment
  let given = environment["TOLLKEEPER_SEED"].flatMap { UInt64($0) }
  let first = given ?? UInt64.random(in: 0 ... .max)
  let count = environment["TOLLKEEPER_SEEDS"].flatMap { UInt64($0) } ?? 8
  return (0..<count).map { first &+ $0 }
}()

@Suite struct WorldTests {
  @Test(arguments: Array(1...24 as ClosedRange<UInt64>) + fresh)
  func `whatever goes wrong, what was shown as admitted is settled once, and every gate learns it`(
    seed: UInt64
  ) throws {
    let violation = try world(seed).violation
    #expect(violation == nil, "seed \(seed)")
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a ring that goes round many times keeps every promise`(seed: UInt64) throws {
    let violation = try world(seed, tickets: 150, scans: 900).violation
    #expect(violation == nil, "seed \(seed)")
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `five gates keep every promise`(seed: UInt64) throws {
    let violation = try world(seed, gates: 5, scans: 300).violation
    #expect(violation == nil, "seed \(seed)")
  }

  @Test(arguments: [7, 8] as [UInt64])
  func `the same seed gives the same world, bit for bit`(seed: UInt64) throws {
    let first = try world(seed)
    let second = try world(seed)
    #expect(first.transcript == second.transcript && !first.transcript.isZero)
    #expect(first.shown == second.shown && first.clock == second.clock)
    #expect(first.media() == second.media())
    #expect(try world(seed + 100).transcript != first.transcript)
  }

  @Test
  func `in fair weather every scan gets its verdict, and some tickets are used at both gates`()
    throws
  {
    let world = try world(5, weather: .fair)
    #expect(world.violation == nil)
    #expect(world.shown.count == 120)
    #expect(Set(world.shown.map(\.reason)).isSuperset(of: [.valid, .used, .usedElsewhere]))
    #expect(world.powerCuts == 2, "healing starts every gate again")
  }
}
