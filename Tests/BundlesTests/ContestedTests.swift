// The bundles on which implementations disagree, and bytes that nobody meant.

import Bundles
import Foundation
import Seal
import Testing

private struct Contested: Decodable {
  var id: String
  var hex: String
}

/// The published rows; none, and a word about it, where the vectors are absent.
private func contested() throws -> [Contested] {
  guard let folder = ProcessInfo.processInfo.environment["TOLLKEEPER_VECTORS"] else {
    print("skipped: TOLLKEEPER_VECTORS names no folder of published vectors")
    return []
  }
  let url = URL(fileURLWithPath: folder).appendingPathComponent("bundles/contested.json")
  return try JSONDecoder().decode([Contested].self, from: Data(contentsOf: url))
}

/// What each row is for us: by structure, then by policy.
private let decisions: [String: (structure: BundleError?, policy: BundleError?)] = [
  "ION-51 dup block number": (.blockNumber, .blockNumber),
  "ION-52 unknown block type 8": (nil, .primaryWithoutCRC),
  "ION-53 payload blk# 33": (.payload, .payload),
  "ION-54 no primary CRC/BIB": (nil, .primaryWithoutCRC),
  "bp7-4 CRC type 24": (.crcType, .crcType),
  "bp7-5 payload not last": (.payload, .payload),
  "bp7-6 ctime 0 + age blk#166": (nil, nil),
  "bp7-10 fragment+must-not-fragment, but no frag fields": (.itemCount, .itemCount),
  "bp7-12 reserved block flags 0xF9": (nil, nil),
  "hardy-248 report flag with null source": (nil, .anonymous),
  // The row ends in half a CRC that no block claims: 42 before the break. Without it, see below.
  "hardy-249 report-to ipn:0.1": (.malformed, .malformed),
  "RFC rfc9173-exA113.cbor": (nil, .primaryWithoutCRC),
  "RFC rfc9173-exA14.cbor": (nil, .noTime),
  "RFC rfc9173-exA24.cbor": (nil, .primaryWithoutCRC),
  "RFC rfc9173-exA314.cbor": (nil, .primaryWithoutCRC),
  "RFC rfc9173-exA35.cbor": (nil, nil),
  "RFC rfc9173-exA45.cbor": (nil, .noTime),
  "BSL valid0": (nil, .primaryWithoutCRC),
  "BSL valid1": (nil, .primaryWithoutCRC),
  "BSL inv no primary": (.malformed, .malformed),
  "BSL inv only primary": (.payload, .payload),
  "BSL inv no payload type": (.payload, .payload),
  "BSL inv payload blk# !=1": (.payload, .payload),
  "BSL inv payload not last": (.payload, .payload),
  "BSL inv dup blk#": (.blockNumber, .blockNumber),
  "BSL inv block type 0": (.blockType, .blockType),
  "BSL inv block number 0": (.blockNumber, .blockNumber),
]

@Test func `every contested bundle is decided as the table says`() throws {
  for row in try contested() {
    let decision = try #require(decisions[row.id], "\(row.id) is not in the table")
    #expect(refusal(bytes(row.hex)) == decision.structure, "\(row.id)")
    #expect(refusal(bytes(row.hex), now: nil) == decision.policy, "\(row.id)")
  }
}

@Test func `RFC 9758: a report-to of ipn 0 point 1 names nobody and is accepted`() throws {
  let bundle = bytes(
    "9f88070000820282020182028201018202820001821b00ff00bb0e20b4ea001a000927c08507020100410085010100"
      + "004d48656c6c6f2c20576f726c6421ff")
  #expect(refusal(bundle) == nil)
  #expect(try Bundle(parsing: bundle.span, with: Sodium.self).primary.reportTo.isNull)
}

@Test func `no mutation of any bundle makes the parser trap`() throws {
  let seed = UInt64.random(in: 0...UInt64.max)
  print("seed \(seed)")
  var state = seed
  func random(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
  let sources = [foreign] + (try contested()).map { bytes($0.hex) }
  for round in 0..<40_000 {
    var mutant = sources[round % sources.count]
    for _ in 0...random(3) {
      let place = random(mutant.count)
      switch random(4) {
      case 0: mutant[place] = UInt8(random(256))
      case 1: mutant[place] ^= 1 << UInt8(random(8))
      case 2: mutant.remove(at: place)
      default: mutant.insert([0xff, 0x9f, 0x1b, 0x5b, 0x9b, 0x00][random(6)], at: place)
      }
      if mutant.isEmpty { mutant = [0x9f] }
    }
    do throws(BundleError) {
      let bundle = try Bundle(parsing: mutant.span, with: Sodium.self)
      #expect(bundle.payload.upperBound <= mutant.count)
      try BundlePolicy.check(bundle, of: mutant.span, now: Int64(round))
    } catch {
      #expect(error != .noSpace)
    }
  }
}
