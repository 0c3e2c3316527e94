// Admissions that the ring has lost before the used-set's checkpoint covered them.

import Agent
import Records
import Testing
import Wire
import World

@Suite struct HoleTests {
  /// How a page is lost.
  enum Damage: CaseIterable {
    case rotten
    case unreadable
  }

  /// A gate with three lone admissions on record, and its head after each.
  private func scanned(_ policy: StoragePolicy) throws -> (desk: Desk, hashes: [Hash]) {
    let desk = try Desk(onStorageError: policy)
    var hashes: [Hash] = []
    for number in 1...3 {
      #expect(try desk.admit(number...number) == [.valid])
      hashes.append(desk.head(.admissions))
    }
    return (desk, hashes)
  }

  /// The second page of the ring's first segment of admissions, which is the second of all.
  private static let second: Int64 = 65_536 + 65_536 + 4096

  private func damage(_ desk: Desk, _ damage: Damage = .rotten) {
    switch damage {
    case .rotten: desk.gate.disk.rot(.ring, at: Self.second + 600)
    case .unreadable: desk.gate.disk.fail(.ring, at: Self.second + 600)
    }
  }

  @Test(arguments: Damage.allCases)
  func `a lost admission is an alarm, and a gate whose policy is open goes on`(
    damage: Damage
  ) throws {
    let (desk, _) = try scanned(.open)
    self.damage(desk, damage)
    try desk.restart()
    #expect(desk.gate.hasNoticed("uses_lost") && desk.counters.usesLost == 1)
    // The second is admitted again: that is the risk that the policy takes.
    #expect(try desk.admit(1...4) == [.used, .valid, .used, .valid])
    // A checkpoint covers it, and that was that.
    desk.receive(try Notary.settlement([9], height: 1))
    desk.settle()
    desk.gate.forgetNotices()
    try desk.restart()
    #expect(!desk.gate.hasNoticed("uses_lost"))
  }

  @Test(arguments: Damage.allCases)
  func `a gate whose policy is closed admits nobody until the lost admission is receipted`(
    damage: Damage
  ) throws {
    let (desk, hashes) = try scanned(.closed)
    self.damage(desk, damage)
    try desk.restart()
    #expect(desk.gate.hasNoticed("uses_lost"))
    #expect(try desk.admit(1...4) == [.used, .storageError, .used, .storageError])
    // No checkpoint makes it forget what it does not know.
    desk.receive(try Notary.settlement([9], height: 1))
    desk.settle()
    #expect(desk.coveredHeight == 1)
    try desk.restart()
    #expect(try desk.admit(1...4) == [.used, .storageError, .used, .storageError])
    // What is left goes up, and the ledger knows of the rest.
    desk.connect()
    #expect(try desk.publishAll().compactMap { $0.runs[.admissions] } == [1...1, 3...3])
    desk.receive(try Notary.receipt(.admissions, through: 3, hashes[2]))
    #expect(try desk.admit(4...4) == [.valid])
    desk.receive(try Notary.settlement([10], height: 2, after: 1))
    desk.settle()
    try desk.restart()
    #expect(desk.counters.usesLost == 0)
    #expect(try desk.admit(4...5) == [.used, .valid])
  }

  @Test func `a lost admission that was receipted before does not close the gate`() throws {
    let (desk, hashes) = try scanned(.closed)
    desk.receive(try Notary.receipt(.admissions, through: 3, hashes[2]))
    desk.wait(500)
    desk.settle()
    damage(desk)
    try desk.restart()
    #expect(desk.gate.hasNoticed("uses_lost"))
    #expect(try desk.admit(4...4) == [.valid])
  }
}
