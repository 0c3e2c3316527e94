// The revoked store: what it answers, what it takes, and what every crash leaves of it.

import Gates
import Limits
import Seal
import Testing
import Trust
import Wire
import World

/// Shards of some made-up tickets: of three, one is revoked, one blocked.
private func shards(bits: Int, numbers: Range<Int>) -> [Shard] {
  let manifest = try! RevocationManifest(bits: bits)
  var shards = [Shard](repeating: Shard(), count: manifest.shardCount)
  for number in numbers where number % 3 > 0 {
    let identity = spread(number)
    let index = manifest.shard(of: identity)
    if number % 3 == 1 {
      shards[index].revoked.append(identity)
    } else {
      shards[index].blocked.append(identity)
    }
  }
  return shards.map {
    Shard(revoked: $0.revoked.sorted(by: <), blocked: $0.blocked.sorted(by: <))
  }
}

private func answer(_ number: Int) -> RevocationAnswer {
  [.none, .revoked, .blocked][number % 3]
}

/// A store that holds all of `shards`.
private func filled(_ shards: [Shard], bits: Int, tickets: Int) throws -> RevokedRig {
  let rig = RevokedRig(tickets: tickets)
  try rig.vouch(bits: bits, shards)
  try rig.open()
  for (index, shard) in shards.enumerated() {
    while try rig.put(shard, bits: bits, index: index) == .deferred { rig.settle() }
  }
  rig.settle()
  return rig
}

@Suite struct RevokedStoreTests {
  @Test func `a store for a million tickets is a file of 34,144,256 bytes`() {
    #expect(RevokedStore<Sodium>.fileBytes(tickets: 1_000_000) == 34_144_256)
    #expect(RevokedStore<Sodium>.fileBytes(tickets: 1) == 16 * 4096 + 18 * 32768)
  }

  @Test func `what the shards name is found, also after a restart, and nothing else is`() throws {
    let rig = try filled(shards(bits: 4, numbers: 0..<20_000), bits: 4, tickets: 20_000)
    #expect(rig.currentCount == 16 && rig.missing(from: 0) == nil)
    for life in 0..<2 {
      if life == 1 {
        rig.cutPower()
        try rig.reopen()
      }
      for number in 0..<20_000 { #expect(rig.find(spread(number)) == answer(number)) }
      for number in 20_000..<22_000 { #expect(rig.find(spread(number)) == .none) }
    }
    // A page for each list, seldom two.
    #expect(rig.counters.pageReads < 22_000 * 23 / 10)
  }

  @Test func `a ticket that is in both lists is revoked`() throws {
    let both = moved(spread(1), to: 0, bits: 1)
    let shards = [Shard(revoked: [both], blocked: [both]), Shard()]
    let rig = try filled(shards, bits: 1, tickets: 10)
    #expect(rig.find(both) == .revoked)
  }

  @Test func `full shards whose identities stand close together are searched to the end`() throws {
    func close(_ number: Int) -> TicketIdentity {
      var identity = TicketIdentity()
      identity.storage[8] = UInt8(number >> 8)
      identity.storage[15] = UInt8(number & 255)
      return identity
    }
    let revoked = (0..<1500).map { close(2 * $0) }
    let blocked = (0..<540).map { close(4096 + 2 * $0) }
    let rig = try filled(
      [Shard(revoked: revoked, blocked: blocked), Shard()], bits: 1, tickets: 10)
    for number in 0..<6000 {
      let isEven = number % 2 == 0
      let expected: RevocationAnswer =
        isEven && number < 3000
        ? .revoked : isEven && (4096..<4096 + 1080).contains(number) ? .blocked : .none
      #expect(rig.find(close(number)) == expected)
    }
  }

  @Test func `a shard that is missing or old makes the answer unknown, but what it names counts`()
    throws
  {
    let bits = 1
    let (kept, gone, new) = (
      moved(spread(1), to: 0, bits: bits), moved(spread(2), to: 0, bits: bits),
      moved(spread(3), to: 0, bits: bits)
    )
    let rig = RevokedRig(tickets: 10)
    #expect(rig.find(kept) == .none)
    let old = Shard(revoked: [kept, gone].sorted(by: <))
    try rig.vouch(bits: bits, [old, Shard()])
    try rig.open()
    #expect(rig.find(kept) == .unknown && rig.missing(from: 0)?.held == nil)
    #expect(try rig.put(old, bits: bits, index: 0) == .accepted)
    rig.settle()
    #expect(rig.find(kept) == .revoked && rig.find(new) == .none && rig.currentCount == 1)
    let newer = Shard(revoked: [kept, new].sorted(by: <))
    try rig.vouch(bits: bits, [newer, Shard()])
    #expect(rig.find(kept) == .revoked && rig.find(new) == .unknown && rig.find(gone) == .revoked)
    let hash = RevocationShard.hash(old.bytes(bits: bits, index: 0).span, with: Sodium.self)
    #expect(rig.missing(from: 0)?.held == hash)
    #expect(try rig.put(newer, bits: bits, index: 0) == .accepted)
    #expect(try rig.put(newer, bits: bits, index: 0) == .repeated)
    rig.settle()
    #expect(rig.find(new) == .revoked && rig.find(gone) == .none)
    #expect(try rig.put(newer, bits: bits, index: 0) == .repeated)
  }

  @Test func `a shard that the document does not vouch for is refused`() throws {
    let rig = RevokedRig(tickets: 10)
    try rig.vouch(bits: 1, [Shard(), Shard()])
    try rig.open()
    let shard = Shard(revoked: [moved(spread(1), to: 0, bits: 1)])
    #expect(try rig.put(shard, bits: 1, index: 0) == .refused)
    #expect(try rig.put(Shard(), bits: 2, index: 0) == .refused)
    #expect(!rig.isBusy)
  }

  @Test func `a manifest that the file has no room for is refused, and every answer unknown`()
    throws
  {
    let rig = RevokedRig(tickets: 10)
    let shards = [Shard](repeating: Shard(), count: 1024)
    try rig.vouch(bits: 10, shards)
    try rig.open()
    #expect(try rig.put(Shard(), bits: 10, index: 0) == .refused)
    #expect(rig.missing(from: 0) == nil && rig.currentCount == 0)
    #expect(rig.find(spread(1)) == .unknown)
  }

  @Test func `a manifest of other bits is fetched anew`() throws {
    let rig = try filled(shards(bits: 2, numbers: 0..<300), bits: 2, tickets: 20_000)
    let finer = shards(bits: 3, numbers: 0..<300)
    try rig.vouch(bits: 3, finer)
    #expect(rig.find(spread(1)) == .unknown)
    #expect(rig.follow() && rig.currentCount == 0)
    for (index, shard) in finer.enumerated() { try rig.put(shard, bits: 3, index: index) }
    rig.settle()
    #expect(rig.currentCount == 8)
    for life in 0..<2 {
      if life == 1 { try rig.reopen() }
      for number in 0..<300 { #expect(rig.find(spread(number)) == answer(number)) }
    }
  }

  @Test func `a byte that rots makes a shard one that is fetched again`() throws {
    let bits = 1
    let shard = Shard(revoked: (0..<600).map { moved(spread($0), to: 0, bits: bits) }.sorted(by: <))
    let rig = try filled([shard, Shard()], bits: bits, tickets: 10)
    rig.disk.rot(.revoked, at: Int64(17 * 4096 + 100))
    let answers = shard.revoked.map { rig.find($0) }
    // The page's own, and a few that were looked for there first.
    #expect((255..<300).contains(answers.filter { $0 == .unknown }.count))
    #expect(answers.filter { $0 == .revoked }.count > 300 && !answers.contains(.none))
    #expect(rig.missing(from: 0)?.index == 0 && rig.held(0) == nil)
    #expect(try rig.put(shard, bits: bits, index: 0) == .accepted)
    rig.settle()
    #expect(rig.currentCount == 2)
    for identity in shard.revoked { #expect(rig.find(identity) == .revoked) }
  }

  @Test func `after a failed flush nothing is written, and look-ups go on`() throws {
    let rig = RevokedRig(tickets: 10)
    let shard = Shard(revoked: [moved(spread(1), to: 0, bits: 1)])
    try rig.vouch(bits: 1, [shard, Shard()])
    try rig.open()
    rig.disk.nextFlushError = .inputOutput
    try rig.put(shard, bits: 1, index: 0)
    rig.settle()
    #expect(rig.failure == .inputOutput)
    #expect(try rig.put(Shard(), bits: 1, index: 1) == .deferred)
    #expect(!rig.isBusy && rig.find(shard.revoked[0]) == .unknown)
  }

  @Test func `more shards than a round takes are deferred, and lost by nobody`() throws {
    let lists = shards(bits: 6, numbers: 0..<6_000)
    let rig = RevokedRig(tickets: 100_000)
    try rig.vouch(bits: 6, lists)
    try rig.open()
    var results: [RevokedPut] = []
    for (index, shard) in lists.enumerated() {
      results.append(try rig.put(shard, bits: 6, index: index))
    }
    #expect(results.filter { $0 == .accepted }.count == 16)
    #expect(results.filter { $0 == .deferred }.count == 48)
    rig.settle()
    #expect(rig.currentCount == 16 && rig.missing(from: 0)?.index == 16)
    #expect(rig.counters.rounds == 2 && rig.counters.shards == 16)
  }

  // MARK: Crashes

  /// What a shard holds in each version: version 0 is none at all.
  private static func version(_ version: Int, _ index: Int) -> Shard {
    let revoked = (0..<(100 + 173 * version) % 700).map { number in
      moved(spread(number * 8 + version), to: index, bits: 2)
    }
    return Shard(revoked: revoked.sorted(by: <))
  }

  /// Puts versions 1 to 3 of all four shards, cutting the power after `cut` actions of the disk.
  /// - Returns: whether the end was reached.
  private func trial(cut: Int, seed: UInt64, torn: Bool) throws -> Bool {
    let bits = 2
    let rig = RevokedRig(tickets: 7_000, seed: seed)
    rig.disk.faults.tornSectorOneIn = torn ? 3 : 0
    // By shard: the version that is durable, and the last that was put.
    var durable = [0, 0, 0, 0]
    var last = [0, 0, 0, 0]
    var isOver = false
    func go() {
      while rig.isBusy && !isOver {
        if rig.performed == cut {
          isOver = true
          return
        }
        rig.step()
      }
    }
    for version in 1...3 where !isOver {
      try rig.vouch(bits: bits, (0..<4).map { Self.version(version, $0) })
      if version == 1 { try rig.open() }
      for pair in [[0, 1], [2, 3]] where !isOver {
        for index in pair {
          #expect(try rig.put(Self.version(version, index), bits: bits, index: index) == .accepted)
          last[index] = version
        }
        go()
        if !isOver { for index in pair { durable[index] = version } }
      }
    }
    rig.cutPower()
    try rig.reopen()
    for index in 0..<4 {
      let held = rig.held(index)
      let allowed = (durable[index]...last[index]).map { version in
        version == 0 ? nil : Self.version(version, index).bytes(bits: bits, index: index)
      }
      #expect(allowed.contains(held), "cut after \(cut), seed \(seed), shard \(index)")
      guard let held else { continue }
      for identity in Self.version(3, index).revoked.prefix(20) {
        #expect((rig.find(identity) == .revoked) == contains(held, identity))
      }
    }
    // It goes on from there.
    rig.settle()
    for index in 0..<4 { try rig.put(Self.version(3, index), bits: bits, index: index) }
    rig.settle()
    if last.contains(3) { #expect(rig.currentCount == 4) }
    return !isOver
  }

  private func contains(_ shard: [UInt8], _ identity: TicketIdentity) -> Bool {
    let wanted = (0..<16).map { identity.storage[$0] }
    return stride(from: 7, to: shard.count, by: 16).contains {
      Array(shard[$0..<$0 + 16]) == wanted
    }
  }

  @Test(arguments: [false, true])
  func `a cut at any write leaves every shard old or new, never a mixture`(torn: Bool) throws {
    for seed in 1...3 as ClosedRange<UInt64> {
      var cut = 0
      while try !trial(cut: cut, seed: seed, torn: torn) { cut += 1 }
      #expect(cut > 30)
    }
  }

  @Test func `whatever is put, cut and failed, a store answers as a set of the same tickets`()
    throws
  {
    var random = Random(seed: UInt64.random(in: 0 ... .max))
    let bits = 2
    for _ in 0..<20 {
      let rig = RevokedRig(tickets: 7_000, seed: random.next())
      rig.disk.faults.flushErrorOneIn = random.below(2) * 30
      var lists = [Shard](repeating: Shard(), count: 4)
      var isOpen = false
      for _ in 0..<40 {
        let index = random.below(4)
        let numbers = (0..<random.below(900)).map { _ in random.below(1000) }
        let identities = Set(numbers).map { moved(spread($0), to: index, bits: bits) }
        lists[index] = Shard(revoked: identities.sorted(by: <))
        try rig.vouch(bits: bits, lists)
        if !isOpen { try rig.open() }
        isOpen = true
        for place in 0..<4 { _ = try rig.put(lists[place], bits: bits, index: place) }
        for _ in 0..<random.below(12) where rig.isBusy { rig.step() }
        if random.below(6) == 0 || rig.failure != nil {
          if random.below(2) == 0 { rig.cutPower() }
          try rig.reopen()
        }
        for _ in 0..<40 {
          let place = random.below(4)
          let identity = moved(spread(random.below(1000)), to: place, bits: bits)
          let isNamed = lists[place].revoked.contains(identity)
          switch rig.find(identity) {
          case .none: #expect(!isNamed)
          case .blocked: Issue.record("nobody was blocked")
          // Of an older shard, if it is not the current one.
          case .revoked: #expect(isNamed || !rig.isCurrent(place))
          case .unknown: #expect(!rig.isCurrent(place))
          }
        }
      }
    }
  }

  @Test func `a million revoked tickets are held and found`() throws {
    let bits = 10
    // Tickets are made shard by shard, so that nothing has to be sorted: 977 in each, even spaced.
    func member(_ index: Int, _ number: Int) -> TicketIdentity {
      var identity = TicketIdentity()
      let first = UInt64(index) << 54 | UInt64(number) << 44
      for i in 0..<8 {
        identity.storage[i] = UInt8(truncatingIfNeeded: first >> UInt64(56 - 8 * i))
      }
      return identity
    }
    let shards = (0..<1024).map { index in Shard(revoked: (0..<977).map { member(index, $0) }) }
    let rig = try filled(shards, bits: bits, tickets: 1_000_000)
    #expect(shards.reduce(0) { $0 + $1.revoked.count } == 1_000_448)
    #expect(rig.currentCount == 1024)
    try rig.reopen()
    for index in stride(from: 0, to: 1024, by: 7) {
      for number in stride(from: 0, to: 977, by: 61) {
        #expect(rig.find(member(index, number)) == .revoked)
      }
      #expect(rig.find(member(index, 1000)) == .none)
    }
  }
}
