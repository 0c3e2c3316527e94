// The shards of the list of revoked and blocked tickets, from the greeting that asks to the
// verdict.

import Agent
import Gates
import Records
import Seal
import Testing
import Trust
import Wire
import World

/// The shards of a list that revokes and blocks tickets by number, and the document that vouches
/// for it.
private struct List {
  static let bits = 2
  var shards: [[UInt8]] = []

  init(revoked: [Int] = [], blocked: [Int] = []) throws {
    let manifest = try RevocationManifest(bits: Self.bits)
    for index in 0..<manifest.shardCount {
      func members(_ numbers: [Int]) -> [TicketIdentity] {
        numbers.map(organiser.identity).filter { manifest.shard(of: $0) == index }.sorted(by: <)
      }
      let (revoked, blocked) = (members(revoked), members(blocked))
      var bytes: [UInt8] = [
        UInt8(Self.bits), 0, UInt8(index), 0, UInt8(revoked.count), 0, UInt8(blocked.count),
      ]
      for identity in revoked + blocked { bytes += (0..<16).map { identity.storage[$0] } }
      shards.append(bytes)
    }
  }

  func document(version: UInt64) throws -> [UInt8] {
    try organiser.trust(
      version: version, devices: [organiser.enrolment(Desk.node, epoch: Desk.epoch)],
      shards: shards)
  }

  /// What makes shard `index` of that of `old`.
  func increment(_ index: Int, from old: List) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: 4096)
    var space = output.mutableSpan
    let (old, new) = (old.shards[index], shards[index])
    let count = try RevocationIncrement.encode(
      from: RevocationShard(parsing: old.span), to: RevocationShard(parsing: new.span),
      with: Sodium.self, into: &space)
    return Array(output.prefix(count))
  }
}

private func shardHash(_ shard: [UInt8]) -> ShardHash {
  let hash = RevocationShard.hash(shard.span, with: Sodium.self)
  return hash
}

@Suite struct RevokedTests {
  private func deliver(_ kind: Message.Kind, _ body: [UInt8], to desk: Desk) {
    desk.receive(Notary.bundle(kind, body: body))
  }

  /// What the greeting that is due asks for.
  private func want(_ desk: Desk) throws -> ShardWant? {
    let greeting = try #require(try desk.publishAll().last { $0.isGreeting })
    return greeting.header.want
  }

  /// A gate with a store, its link up and its first greeting out.
  private func desk(
    _ list: List, policy: ListPolicy = .open, isExit: Bool = false
  ) throws -> Desk {
    let desk = try Desk(
      trust: list.document(version: 1), isExit: isExit, revokedTickets: 1000,
      onIncompleteList: policy)
    desk.connect()
    return desk
  }

  @Test func `a gate asks for the shards that it lacks, and refuses whom they name`() throws {
    let list = try List(revoked: [1, 2], blocked: [3])
    let desk = try desk(list)
    let want = try #require(try want(desk))
    #expect(want.bits == 2 && want.count == 4)
    for i in 0..<4 { #expect(want[i] == ShardWant.Entry(index: UInt16(i), held: nil)) }
    #expect(desk.shardsCurrent == 0)
    for shard in list.shards { deliver(.shard, shard, to: desk) }
    desk.settle()
    #expect(desk.shardsCurrent == 4 && desk.counters.shards == 4)
    #expect(try desk.admit(1...4) == [.revoked, .revoked, .blocked, .valid])
    try desk.restart()
    #expect(desk.shardsCurrent == 4)
    #expect(try desk.admit(1...4) == [.revoked, .revoked, .blocked, .used])
  }

  @Test func `a newer list is asked for at once, and comes as an increment of what is held`() throws
  {
    let old = try List(revoked: [1], blocked: [3])
    let desk = try desk(old)
    _ = try want(desk)
    for shard in old.shards { deliver(.shard, shard, to: desk) }
    desk.settle()
    let new = try List(revoked: [1, 2])
    deliver(.trust, try new.document(version: 2), to: desk)
    desk.settle()
    desk.time()
    let want = try #require(try want(desk))
    let changed = (0..<4).filter { old.shards[$0] != new.shards[$0] }
    #expect((0..<want.count).map { Int(want[$0].index) } == changed)
    for (place, index) in changed.enumerated() {
      #expect(want[place].held == shardHash(old.shards[index]))
      deliver(.increment, try new.increment(index, from: old), to: desk)
    }
    desk.settle()
    #expect(desk.shardsCurrent == 4 && desk.counters.increments == UInt64(changed.count))
    #expect(try desk.admit(1...3) == [.revoked, .revoked, .valid])
  }

  @Test func `what the manifest does not vouch for changes nothing`() throws {
    let list = try List(revoked: [1])
    let other = try List(revoked: [2])
    let desk = try desk(list)
    let index = try RevocationManifest(bits: 2).shard(of: organiser.identity(2))
    deliver(.shard, other.shards[index], to: desk)
    deliver(.shard, [1, 2, 3], to: desk)
    deliver(.increment, [1, 2, 3], to: desk)
    // Of a shard that is not held.
    deliver(.increment, try other.increment(index, from: list), to: desk)
    desk.settle()
    #expect(desk.counters.shardsRefused == 4 && desk.counters.shards == 0)
    #expect(desk.shardsCurrent == 0 && desk.gate.hasNoticed("shard_refused"))
    #expect(try desk.admit(2...2) == [.valid])
  }

  @Test func `while a shard is missing the policy decides, and whoever leaves may`() throws {
    let list = try List(revoked: [1])
    let closed = try desk(list, policy: .closed)
    #expect(try closed.admit(2...2) == [.staleTrust])
    for shard in list.shards { deliver(.shard, shard, to: closed) }
    closed.settle()
    #expect(try closed.admit(1...2) == [.revoked, .valid])
    #expect(try desk(list, policy: .open).admit(1...2) == [.valid, .valid])
    #expect(try desk(list, policy: .closed, isExit: true).admit(2...2) == [.valid])
  }

  @Test func `a revoked ticket that is out of date is revoked, not expired`() throws {
    var verdict = Verdict(.expired)
    verdict.list(.none, onIncomplete: .closed)
    #expect(verdict.reason == .expired)
    verdict.list(.unknown, onIncomplete: .open)
    #expect(verdict.reason == .expired)
    verdict.list(.unknown, onIncomplete: .closed)
    #expect(verdict.reason == .staleTrust)
    verdict.list(.blocked, onIncomplete: .open)
    #expect(verdict.reason == .blocked)
    verdict.list(.unknown, onIncomplete: .closed)
    #expect(verdict.reason == .blocked)
    verdict.list(.revoked, onIncomplete: .open)
    #expect(verdict.reason == .revoked)
    verdict.list(.blocked, onIncomplete: .open)
    #expect(verdict.reason == .revoked)
  }

  @Test func `a gate without room for the shards says so`() throws {
    let desk = try Desk(trust: List(revoked: [1]).document(version: 1))
    desk.connect()
    #expect(desk.gate.hasNoticed("revoked_store_too_small"))
    #expect(try want(desk) == nil)
  }
}
