// BundlePolicy, rule by rule.

import Bundles
import Seal
import Testing

/// Unix milliseconds of `upward`'s creation.
private let created = DTNTime.unixMilliseconds(upward.creationTime)

@Test func `RFC 9171 4.3.1: a bundle lives through its last millisecond and not longer`() throws {
  let bundle = try written(upward, payload: [])
  #expect(refusal(bundle, now: created + 86_400_000) == nil)
  #expect(refusal(bundle, now: created + 86_400_001) == .expired)
  var eternal = upward
  eternal.lifetimeMilliseconds = .max
  #expect(refusal(try written(eternal, payload: []), now: .max) == nil)
}

@Test func `RFC 9171 4.2.7: creation time 0 asks for an age, which then decides`() throws {
  var clockless = upward
  clockless.creationTime = 0
  #expect(refusal(try written(clockless, payload: []), now: nil) == .noTime)
  let young = try written(clockless, age: 86_400_000, payload: [])
  let old = try written(clockless, age: 86_400_001, payload: [])
  #expect(refusal(young, now: .max) == nil)
  #expect(refusal(old, now: 0) == .expired)
}

@Test func `RFC 9171 4.4.3: the hop limit is 1 to 255 and holds`() throws {
  func hops(_ limit: UInt64, _ count: UInt64) throws -> BundleError? {
    refusal(try written(upward, hops: HopCount(limit: limit, count: count), payload: []), now: nil)
  }
  #expect(try hops(16, 16) == nil)
  #expect(try hops(255, 0) == nil)
  #expect(try hops(16, 17) == .hopLimit)
  #expect(try hops(0, 0) == .hopLimit)
  #expect(try hops(256, 0) == .hopLimit)
}

@Test func `RFC 9171 4.2.3: an anonymous bundle is whole and asks for nothing`() throws {
  var anonymous = upward
  anonymous.source = .none
  #expect(refusal(try written(anonymous, payload: []), now: nil) == .anonymous)
  anonymous.flags = .mustNotFragment
  #expect(refusal(try written(anonymous, payload: []), now: nil) == nil)
  anonymous.flags = .mustNotFragment | .reportDelivery
  #expect(refusal(try written(anonymous, payload: []), now: nil) == .anonymous)
}

@Test func `RFC 9171 4.2.3: an administrative record asks for no reports`() throws {
  var record = upward
  record.flags = .isAdministrative
  #expect(refusal(try written(record, payload: []), now: nil) == nil)
  record.flags = .isAdministrative | .reportReception
  #expect(refusal(try written(record, payload: []), now: nil) == .administrative)
}

@Test func `RFC 9171 4.4: one block of each known type, any number of others`() throws {
  let ages: [(UInt64, [UInt8])] = [(BlockType.bundleAge, [0]), (BlockType.bundleAge, [1])]
  #expect(refusal(try written(upward, blocks: ages, payload: []), now: nil) == .duplicateBlock)
  let others: [(UInt64, [UInt8])] = [(192, [0]), (192, [1])]
  #expect(refusal(try written(upward, blocks: others, payload: []), now: nil) == nil)
}

@Test func `RFC 9171 5.6: an unknown block may ask that its bundle be deleted`() throws {
  var bytes = try written(upward, blocks: [(192, [1, 2, 3])], payload: [])
  #expect(refusal(bytes, now: nil) == nil)
  // 86 18 c0 NUMBER FLAGS CRC-TYPE 43 ... 44 CRC
  let start = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x86, 0x18, 0xc0]) })
  let end = start + 6 + 4 + 5
  bytes[start + 4] = UInt8(BlockFlags.deleteBundleIfUnprocessed.rawValue)
  for i in end - 4..<end { bytes[i] = 0 }
  let block = Array(bytes[start..<end])
  let crc = Sodium.crc32c(block.span)
  for i in 0..<4 { bytes[end - 4 + i] = UInt8(truncatingIfNeeded: crc >> UInt32(24 - 8 * i)) }
  #expect(refusal(bytes, now: nil) == .unprocessedBlock)
}
