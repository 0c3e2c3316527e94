// Bundles: what is written and read, which rule of RFC 9171 each refusal proves, and that no bytes
// make the parser trap.

import Bundles
import Limits
import Seal
import Testing
import Wire

/// Made by pyd3tn, accepted by three other implementations: ipn:10.1 to ipn:20.7, hop count 30/1, age
/// 1234 ms, payload "ABC", CRC-32C on every block.
let foreign = bytes(
  "9f8907000282028214078202820a01820100821b000000ba43b74000011a05265c0044317bf8a0"
    + "860a0200024482181e014468e234e18607030002431904d2447f83e5ec860101000243414243445fa46d44ff")

func bytes(_ hex: String) -> [UInt8] {
  var text = Array(hex.utf8)[...]
  var bytes: [UInt8] = []
  while let pair = text.popFirst().flatMap({ high in text.popFirst().map { (high, $0) } }) {
    bytes.append(UInt8(String(decoding: [pair.0, pair.1], as: UTF8.self), radix: 16)!)
  }
  return bytes
}

/// The bundle's refusal by structure, or nil.
func refusal(_ bytes: [UInt8]) -> BundleError? {
  do throws(BundleError) {
    _ = try Bundle(parsing: bytes.span, with: Sodium.self)
    return nil
  } catch {
    return error
  }
}

/// The refusal by structure or policy, or nil.
func refusal(_ bytes: [UInt8], now: Int64?) -> BundleError? {
  do throws(BundleError) {
    let bundle = try Bundle(parsing: bytes.span, with: Sodium.self)
    try BundlePolicy.check(bundle, of: bytes.span, now: now)
    return nil
  } catch {
    return error
  }
}

func written(
  _ primary: PrimaryBlock, hops: HopCount? = nil, age: UInt64? = nil,
  blocks: [(UInt64, [UInt8])] = [], payload: [UInt8], space: Int = 4096
) throws(BundleError) -> [UInt8] {
  var output = [UInt8](repeating: 0xaa, count: space)
  var target = output.mutableSpan
  var writer = try BundleWriter(primary, into: target.whole(), with: Sodium.self)
  if let hops { try writer.hopCount(hops) }
  if let age { try writer.bundleAge(milliseconds: age) }
  for (type, data) in blocks { try writer.block(type, data.span) }
  let count = try writer.payload(payload.span)
  return Array(output[..<count])
}

let upward = PrimaryBlock(
  destination: .ipn(node: 1, service: 1), source: .ipn(node: 1001, service: 1),
  creationTime: 837_000_000_000, sequence: 7, lifetimeMilliseconds: 86_400_000)

@Test func `RFC 9171 4: what we write is byte for byte what pyd3tn writes`() throws {
  let primary = PrimaryBlock(
    destination: .ipn(node: 20, service: 7), source: .ipn(node: 10, service: 1),
    creationTime: 0xba_43b7_4000, sequence: 1, lifetimeMilliseconds: 0x0526_5c00)
  let bundle = try written(
    primary, hops: HopCount(limit: 30, count: 1), age: 1234, payload: Array("ABC".utf8))
  #expect(bundle == foreign)
}

@Test func `RFC 9171 4: what pyd3tn wrote is read whole`() throws {
  let bundle = try Bundle(parsing: foreign.span, with: Sodium.self)
  #expect(bundle.primary.destination == .ipn(node: 20, service: 7))
  #expect(bundle.primary.source == .ipn(node: 10, service: 1))
  #expect(bundle.primary.reportTo == .none)
  #expect(bundle.primary.creationTime == 0xba_43b7_4000)
  #expect(bundle.primary.sequence == 1)
  #expect(bundle.primary.lifetimeMilliseconds == 86_400_000)
  #expect(bundle.primary.fragment == nil)
  #expect(bundle.blockCount == 3)
  let hops = try #require(bundle.first(BlockType.hopCount))
  #expect(try hops.hopCount(in: foreign.span) == HopCount(limit: 30, count: 1))
  let age = try #require(bundle.first(BlockType.bundleAge))
  #expect(try age.age(in: foreign.span) == 1234)
  #expect(bundle.block(2).number == 1)
  #expect(Array(foreign[bundle.payload]) == Array("ABC".utf8))
}

@Test func `RFC 9171 4: what is written is read back, at every size of its numbers`() throws {
  for bits in 0..<64 {
    var primary = upward
    primary.sequence = 1 << UInt64(bits)
    primary.source = .ipn(node: 1 << UInt64(bits), service: 0)
    primary.flags = .mustNotFragment
    let payload = [UInt8](repeating: UInt8(bits), count: bits * 9)
    let bundle = try written(primary, hops: HopCount(limit: 16, count: 0), payload: payload)
    let read = try Bundle(parsing: bundle.span, with: Sodium.self)
    #expect(read.primary == primary)
    #expect(Array(bundle[read.payload]) == payload)
    #expect(refusal(bundle, now: nil) == nil)
  }
}

@Test func `RFC 9171 4.2.1: a flipped bit anywhere under a CRC is found`() throws {
  let bundle = try written(upward, hops: HopCount(limit: 16, count: 0), payload: [1, 2, 3])
  for i in bundle.indices {
    for bit in 0..<8 {
      var broken = bundle
      broken[i] ^= 1 << bit
      #expect(refusal(broken) != nil, "byte \(i), bit \(bit)")
    }
  }
}

@Test func `every shortened bundle is refused, and every lengthened one`() {
  for count in foreign.indices { #expect(refusal(Array(foreign[..<count])) == .truncated) }
  #expect(refusal(foreign + [0]) == .trailingBytes)
}

@Test func `a bundle that does not fit its place is refused at every size`() throws {
  let whole = try written(upward, hops: HopCount(limit: 16, count: 0), payload: [1, 2, 3])
  for space in whole.indices {
    #expect(throws: BundleError.noSpace) {
      try written(upward, hops: HopCount(limit: 16, count: 0), payload: [1, 2, 3], space: space)
    }
  }
}

@Test func `RFC 9758: three numbers and two name the same ipn endpoint`() {
  func endpoints(_ eid: String) -> EndpointID? {
    let hex = "9f88070000\(eid)82028201018202820000821903e81903e900850101000043010203ff"
    return try? Bundle(parsing: bytes(hex).span, with: Sodium.self).primary.destination
  }
  #expect(endpoints("82028203 04".replacing(" ", with: "")) == .ipn(node: 3, service: 4))
  #expect(endpoints("820283000304") == .ipn(node: 3, service: 4))
  #expect(endpoints("820283010304") == .ipn(node: 1 << 32 | 3, service: 4))
  #expect(endpoints("82028100") == nil)
  #expect(endpoints("8202840000000 0".replacing(" ", with: "")) == nil)
  #expect(endpoints("8202831b00000001000000000304") == nil)
  #expect(endpoints("820100") == EndpointID.none)
  #expect(endpoints("820101") == nil)
  #expect(endpoints("820163616263") == .dtn(8..<11))
  #expect(endpoints("8201616 1ff".replacing(" ", with: "")) == nil)
  #expect(endpoints("8218638101") == .other(scheme: 99))
}

@Test func `RFC 9171 4.2.5: nobody has several names`() {
  #expect(EndpointID.none.isNull)
  #expect(EndpointID.ipn(node: 0, service: 3).isNull)
  #expect(!EndpointID.ipn(node: 3, service: 0).isNull)
}

@Test func `RFC 9171 4.2.6: DTN time begins with the year 2000 and does not overflow`() {
  #expect(DTNTime.from(unixMilliseconds: 946_684_800_001) == 1)
  #expect(DTNTime.from(unixMilliseconds: 0) == 0)
  #expect(DTNTime.unixMilliseconds(1) == 946_684_800_001)
  #expect(DTNTime.unixMilliseconds(.max) == .max)
}

@Test func `RFC 9171 4.3.1: the primary block has its items and version 7`() {
  let tail = "82028203048202820102820282000082190 3e81903e900850101000043010203ff"
    .replacing(" ", with: "")
  #expect(refusal(bytes("9f88070000" + tail)) == nil)
  #expect(refusal(bytes("9f88060000" + tail)) == .version)
  #expect(refusal(bytes("9f89070000" + tail)) == .itemCount)
  #expect(refusal(bytes("9f87070000" + tail)) == .itemCount)
  #expect(refusal(bytes("9f8c070000" + tail)) == .itemCount)
  #expect(refusal(bytes("9f88070100" + tail)) == .itemCount)
  #expect(refusal(bytes("9f88070001" + tail)) == .itemCount)
  #expect(refusal(bytes("9f88070003" + tail)) == .crcType)
  #expect(refusal(bytes("8188070000" + tail)) == .malformed)
  #expect(refusal(bytes("9f9f070000" + tail)) == .malformed)
}

@Test func `RFC 9171 4.1: more blocks than the limit is an error, not a lapse`() throws {
  let some = (1..<Limits.bundleBlocksMax).map { _ in (UInt64(200), [UInt8(0)]) }
  #expect(refusal(try written(upward, blocks: some, payload: [])) == nil)
  #expect(refusal(try written(upward, blocks: some + [(200, [])], payload: [])) == .blockCount)
}

@Test func `RFC 9171 4.3.3: the data of a block may be no hop count, and nothing traps`() throws {
  for data: [UInt8] in [[], [0x82, 0x01], [0x82, 0x01, 0x02, 0x03], [0x01], [0x82, 0x20, 0x01]] {
    let bundle = try written(upward, blocks: [(BlockType.hopCount, data)], payload: [])
    #expect(refusal(bundle) == nil)
    #expect(refusal(bundle, now: nil) == .blockData)
  }
}

@Test func `RFC 9171 4.3.2: a previous node is read in place`() throws {
  let data: [UInt8] = [0x82, 0x01, 0x63, 0x61, 0x62, 0x63]
  let bundle = try written(upward, blocks: [(BlockType.previousNode, data)], payload: [])
  let block = try #require(
    try Bundle(parsing: bundle.span, with: Sodium.self).first(BlockType.previousNode))
  guard case .dtn(let range) = try block.previousNode(in: bundle.span) else {
    Issue.record("a dtn endpoint is expected")
    return
  }
  #expect(Array(bundle[range]) == [0x61, 0x62, 0x63])
}
