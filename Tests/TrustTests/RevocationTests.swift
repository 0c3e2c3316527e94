// Revocation shards and their increments, rule by rule (Records/FORMAT.md, "Revocation shards").

import Foundation
import Limits
import Seal
import Testing
import Trust
import Wire

/// What a shard is made of; the format's rules are the test's to keep or break.
private struct Lists: Equatable {
  var bits = 4
  var index = 0x0a
  var revoked: [[UInt8]] = []
  var blocked: [[UInt8]] = []

  var bytes: [UInt8] {
    let (r, b) = (revoked.count, blocked.count)
    let head = [bits, index >> 8, index & 255, r >> 8, r & 255, b >> 8, b & 255]
    return head.map { UInt8($0) } + revoked.joined() + blocked.joined()
  }

  var hash: [UInt8] { array(RevocationShard.hash(bytes.span, with: Sodium.self).span) }
}

/// An identity of shard 0x0a of 16, number by number ascending.
private func member(_ number: Int) -> [UInt8] {
  [0xa0, UInt8(number >> 8), UInt8(number & 255)] + [UInt8](repeating: 0, count: 13)
}

private func shardError(_ bytes: [UInt8]) -> WireError? {
  do throws(WireError) {
    _ = try RevocationShard(parsing: bytes.span)
    return nil
  } catch {
    return error
  }
}

private func increment(from old: Lists, to new: Lists) throws -> [UInt8] {
  var output = [UInt8](repeating: 0, count: 4 * Limits.shardBytesMax)
  var space = output.mutableSpan
  let count = try RevocationIncrement.encode(
    from: RevocationShard(parsing: old.bytes.span), to: RevocationShard(parsing: new.bytes.span),
    with: Sodium.self, into: &space)
  return Array(output.prefix(count))
}

private func apply(_ increment: [UInt8], to old: Lists) throws -> [UInt8] {
  var output = [UInt8](repeating: 0, count: Limits.shardBytesMax)
  var space = output.mutableSpan
  let count = try RevocationIncrement(parsing: increment.span).apply(
    to: RevocationShard(parsing: old.bytes.span), into: &space)
  return Array(output.prefix(count))
}

private func byteString(_ identities: [[UInt8]]) -> String {
  identities.isEmpty
    ? "40" : "58" + hex([UInt8(16 * identities.count)]) + hex(Array(identities.joined()))
}

@Suite struct RevocationTests {
  // MARK: Manifest

  @Test func `a document with a manifest is loaded, and its hashes are found by index`() throws {
    var draft = Draft()
    draft.manifest = try RevocationManifest(bits: 10)
    draft.shards = (0..<1024).map { number in
      var hash = ShardHash()
      hash.storage[0] = UInt8(number >> 8)
      hash.storage[15] = UInt8(number & 255)
      return hash
    }
    let trust = Trusted()
    let document = try draft.signed()
    #expect(document.count < Limits.trustBytesMax)
    _ = try trust.load(document)
    #expect(trust.manifest == draft.manifest)
    for index in [0, 1, 511, 1023] { #expect(trust.shardHash(index) == draft.shards[index]) }
  }

  @Test func `a document without a manifest has none`() throws {
    let trust = Trusted()
    _ = try trust.load(Draft().signed())
    #expect(trust.manifest == nil)
  }

  @Test func `a manifest has 1 to 10 bits and a hash for every shard, and nothing else`() throws {
    let two = String(repeating: "ab", count: 32)
    #expect(try loadError([16: "82015820" + two]) == nil)
    for broken in [
      "820050" + two.prefix(32), "82025820" + two, "8201581f" + two.dropLast(2), "81015820" + two,
      "83015820" + two + "00", "820b40", "82205820" + two, "82017820" + two, "80", "40", "f6",
    ] {
      #expect(try loadError([16: broken]) == .malformed, "\(broken)")
    }
  }

  @Test(arguments: [
    (0, 1), (3600, 1), (3601, 2), (100_000, 6), (1_000_000, 10), (1_843_200, 10),
  ])
  func `a manifest has the fewest bits that leave room to spare`(tickets: Int, bits: Int) throws {
    #expect(try RevocationManifest(forTickets: tickets).bits == bits)
    #expect(throws: WireError.outOfRange) { try RevocationManifest(forTickets: 1_843_201) }
  }

  @Test func `an identity belongs to the shard that its first bits name`() throws {
    var identity = TicketIdentity()
    identity.storage[0] = 0xa5
    identity.storage[1] = 0xc0
    #expect(try RevocationManifest(bits: 1).shard(of: identity) == 1)
    #expect(try RevocationManifest(bits: 8).shard(of: identity) == 0xa5)
    #expect(try RevocationManifest(bits: 10).shard(of: identity) == 0xa5 << 2 | 3)
  }

  // MARK: Shards

  @Test func `a shard is these bytes, and its hash is of all of them`() throws {
    let lists = Lists(revoked: [member(1), member(2)], blocked: [member(0x0102)])
    let golden = bytes(
      "04 000a 0002 0001" + "a0000100000000000000000000000000" + "a0000200000000000000000000000000"
        + "a0010200000000000000000000000000")
    #expect(lists.bytes == golden)
    let shard = try RevocationShard(parsing: golden.span)
    #expect(shard.bits == 4 && shard.index == 0x0a)
    #expect(array(shard.revoked) == member(1) + member(2))
    #expect(array(shard.blocked) == member(0x0102))
    // b2sum -l 256 of the same bytes.
    #expect(hex(lists.hash) == "ba15e22860e31b780417d27d4b56cba2")
  }

  @Test func `a shard of nobody has a hash of its own`() throws {
    #expect(shardError(Lists().bytes) == nil)
    #expect(hex(Lists().hash) == "189f5667535f7f6d3a09734ad78a21f7")
  }

  @Test func `identities that are unsorted, twice or of another shard are refused`() throws {
    let foreign = [0xb0] + member(1).dropFirst()
    for (list, error) in [
      ([member(2), member(1)], .duplicateKey), ([member(1), member(1)], .duplicateKey),
      ([member(1), Array(foreign)], .outOfRange),
    ] as [([[UInt8]], WireError)] {
      #expect(shardError(Lists(revoked: list).bytes) == error)
      #expect(shardError(Lists(blocked: list).bytes) == error)
    }
    // A ticket may be in both.
    #expect(shardError(Lists(revoked: [member(1)], blocked: [member(1)]).bytes) == nil)
  }

  @Test func `a shard is held to its bounds`() throws {
    let full = Lists(revoked: (0..<2000).map(member), blocked: (0..<40).map(member))
    #expect(full.bytes.count == Limits.shardBytesMax && full.bytes.count < 32 * 1024)
    #expect(shardError(full.bytes) == nil)
    var over = full
    over.blocked.append(member(40))
    #expect(shardError(over.bytes) == .outOfRange)
    #expect(shardError(full.bytes.dropLast()) == .truncated)
    #expect(shardError(full.bytes + [0]) == .trailingBytes)
    #expect(shardError(Lists(index: 16).bytes) == .outOfRange)
    #expect(shardError(Lists(bits: 0, index: 0).bytes) == .outOfRange)
    #expect(shardError(Lists(bits: 11).bytes) == .outOfRange)
    #expect(shardError([]) == .truncated)
  }

  // MARK: Increments

  @Test func `an increment is these bytes, and makes the new shard of the old one`() throws {
    let old = Lists(revoked: [member(1), member(2)], blocked: [member(3)])
    let new = Lists(revoked: [member(2), member(3)], blocked: [member(4), member(5)])
    let increment = try increment(from: old, to: new)
    let golden =
      "88040a50" + hex(old.hash) + "50" + hex(new.hash) + byteString([member(3)])
      + byteString([member(1)]) + byteString([member(4), member(5)]) + byteString([member(3)])
    #expect(hex(increment) == golden.replacing("5810", with: "50"))
    #expect(try apply(increment, to: old) == new.bytes)
  }

  @Test func `an increment that does not fit the old shard is refused`() throws {
    let old = Lists(revoked: [member(1), member(3)])
    let new = Lists(revoked: [member(1), member(2)])
    let increment = try increment(from: old, to: new)
    // Adds what is there; removes what is not; is of another shard.
    #expect(throws: WireError.duplicateKey) {
      try apply(increment, to: Lists(revoked: [member(2), member(3)]))
    }
    #expect(throws: WireError.outOfRange) { try apply(increment, to: Lists(revoked: [member(1)])) }
    #expect(throws: WireError.outOfRange) { try apply(increment, to: Lists(index: 0x0b)) }
    #expect(throws: WireError.outOfRange) { try apply(increment, to: Lists(bits: 5)) }
  }

  @Test func `an increment that breaks the format is refused`() throws {
    let good = "88040a50" + hex(Lists().hash) + "50" + hex(Lists().hash)
    func error(_ text: String) -> WireError? {
      do throws(WireError) {
        _ = try RevocationIncrement(parsing: bytes(text).span)
        return nil
      } catch {
        return error
      }
    }
    #expect(error(good + "40404040") == nil)
    #expect(error(good + "4040404000") == .trailingBytes)
    #expect(error(good + "404040") == .truncated)
    #expect(error(good + "41ff404040") == .outOfRange)
    let twice = byteString([member(1), member(1)])
    for place in 0..<4 {
      var lists = ["40", "40", "40", "40"]
      lists[place] = twice
      #expect(error(good + lists.joined()) == .duplicateKey)
    }
    #expect(error("880410" + good.dropFirst(6) + "40404040") == .outOfRange)
    #expect(error("880b0a" + good.dropFirst(6) + "40404040") == .outOfRange)
  }

  @Test func `whatever the lists were and are, the increment between them says it all`() throws {
    var random = Generator(for: "increments")
    for _ in 0..<200 {
      func some() -> [[UInt8]] {
        let range = Int.random(in: 1...300, using: &random)
        return (0..<range).filter { _ in Bool.random(using: &random) }.map(member)
      }
      let old = Lists(revoked: some(), blocked: some())
      let new = Lists(revoked: some(), blocked: some())
      let increment = try increment(from: old, to: new)
      #expect(try apply(increment, to: old) == new.bytes)
      let parsed = try RevocationIncrement(parsing: increment.span)
      #expect(array(parsed.from.span) == old.hash && array(parsed.to.span) == new.hash)
    }
  }

  @Test func `random bytes and damaged ones are refused or keep every rule`() throws {
    var random = Generator(for: "shards")
    let old = Lists(revoked: (0..<20).map(member), blocked: (5..<9).map(member))
    let new = Lists(revoked: (3..<30).map(member), blocked: (1..<7).map(member))
    let good = try increment(from: old, to: new)
    for _ in 0..<20_000 {
      var shard = old.bytes
      var change = good
      shard[Int.random(in: shard.indices, using: &random)] = .random(in: 0...255, using: &random)
      change[Int.random(in: change.indices, using: &random)] = .random(in: 0...255, using: &random)
      if Int.random(in: 0..<10, using: &random) == 0 {
        shard = (0..<Int.random(in: 0..<64, using: &random)).map { _ in
          .random(in: 0...255, using: &random)
        }
      }
      if shardError(shard) == nil {
        let read = try RevocationShard(parsing: shard.span)
        #expect(read.bytes.count == 7 + 16 * (read.revokedCount + read.blockedCount))
      }
      if let made = try? apply(change, to: old) {
        #expect(shardError(made) == nil || made != new.bytes)
      }
    }
  }
}
