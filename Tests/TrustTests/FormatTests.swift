// Records/FORMAT.md, rule by rule: every document here is signed by the pinned authority, so only
// the parser stands between it and the gate.

import Testing
import Trust
import Wire

private func repeated(_ entry: (Int) -> String, _ count: Int) -> String {
  let head =
    count < 24
    ? hex([0x80 + UInt8(count)])
    : count < 256
      ? "98" + hex([UInt8(count)]) : "99" + hex([UInt8(count >> 8), UInt8(count & 255)])
  return head + (0..<count).map(entry).joined()
}

/// A key that is different for every number; nothing is ever verified with it.
private func key(_ number: Int) -> String {
  "5820" + hex([UInt8(number >> 8), UInt8(number & 255)]) + String(repeating: "00", count: 30)
}

private func uint(_ number: Int) -> String {
  number < 24
    ? hex([UInt8(number)])
    : number < 256
      ? "18" + hex([UInt8(number)]) : "19" + hex([UInt8(number >> 8), UInt8(number & 255)])
}

private func issuer(_ number: Int) -> String { "86" + "4101" + key(number) + "0080f6f6" }
private func device(_ number: Int) -> String { "86" + uint(number) + "00" + key(1) + "010200" }
private func validator(_ number: Int) -> String { "82" + uint(number) + key(number) }

@Suite struct FormatTests {
  @Test func `the smallest document is loaded`() throws {
    #expect(try loadError([:]) == nil)
  }

  @Test(arguments: [1, 2, 8, 9, 10, 11, 12, 14, 15] as [UInt8])
  func `a document without a field that must be there is refused`(key: UInt8) throws {
    #expect(try loadError([key: String?.none]) == .malformed)
  }

  @Test(arguments: [3, 4, 5, 6, 7] as [UInt8])
  func `a document with a field that may be there is loaded`(key: UInt8) throws {
    let value = key == 7 ? "5820" + String(repeating: "ab", count: 32) : "05"
    var changes: [UInt8: String?] = [3: "01"]
    changes[key] = value
    #expect(try loadError(changes) == nil)
  }

  @Test(arguments: [0, 17, 18] as [UInt8])
  func `a document with a field that is not understood is refused`(key: UInt8) throws {
    #expect(try loadError([key: "80"]) == .malformed)
  }

  @Test func `fields out of order or twice are refused`() throws {
    let good = payload(fields())
    // 01 05 and 02 64..., swapped; then 01 05 again.
    let swapped = [good[0]] + good[3...8] + good[1...2] + good[9...]
    let twice = [good[0] + 1] + good[1...2] + good[1...]
    #expect(good.count == swapped.count && good[3] == 0x02 && good[9] == 0x08)
    for payload in [swapped, twice] {
      #expect(try loadError(sign(Array(payload))) == .malformed)
    }
  }

  @Test func `a payload that is no map, not in shortest form or followed by bytes is refused`()
    throws
  {
    let good = payload(fields())
    for payload in [
      [], bytes("80"), good + [0], [0xbf] + good.dropFirst() + [0xff],
      [0xb8, good[0] & 0x1f] + good.dropFirst(), [good[0] + 1] + good.dropFirst(),
    ] {
      #expect(try loadError(sign(payload)) == .malformed)
    }
    #expect(try loadError([1: "1805"]) == .malformed)
  }

  @Test(
    arguments: [
      (1, "20"), (1, "f6"), (2, "60"), (2, "4464656d6f"), (2, "61ff"),
      (2, "7821" + String(repeating: "61", count: 33)), (3, "20"), (3, "fb41d954fc40000000"),
      (4, "6131"), (7, "581f" + String(repeating: "ab", count: 31)), (8, "80"), (8, "f6"),
      (9, "a0"), (11, "80"), (11, "4101"), (12, "60"), (14, "40"), (15, "00"),
    ] as [(UInt8, String)])
  func `a field of another type or size is refused`(key: UInt8, value: String) throws {
    #expect(try loadError([key: value]) == .malformed)
  }

  @Test func `ages need a time of issue, and fresh must not outlast expired`() throws {
    #expect(try loadError([5: "05"]) == .malformed)
    #expect(try loadError([6: "05"]) == .malformed)
    #expect(try loadError([3: "00", 5: "06", 6: "05"]) == .malformed)
    #expect(try loadError([3: "00", 5: "05", 6: "05"]) == nil)
  }

  @Test func `lists are held to their bounds`() throws {
    #expect(try loadError([8: repeated(key, 8)]) == nil)
    #expect(try loadError([8: repeated(key, 9)]) == .malformed)
    #expect(try loadError([9: repeated(issuer, 64)]) == nil)
    #expect(try loadError([9: repeated(issuer, 65)]) == .malformed)
    #expect(try loadError([10: repeated({ "8300" + key($0) + "00" }, 64)]) == nil)
    #expect(try loadError([10: repeated({ "8300" + key($0) + "00" }, 65)]) == .malformed)
    #expect(try loadError([14: repeated({ device($0 + 1) }, 512)]) == nil)
    #expect(try loadError([14: repeated({ device($0 + 1) }, 513)]) == .malformed)
    #expect(try loadError([15: repeated({ validator($0 + 1) }, 10)]) == nil)
    #expect(try loadError([15: repeated({ validator($0 + 1) }, 11)]) == .malformed)
    let events = { (count: Int) in "8186" + "4101" + key(1) + "00" + repeated(uint, count) + "f6f6"
    }
    #expect(try loadError([9: events(16)]) == nil)
    #expect(try loadError([9: events(17)]) == .malformed)
  }

  @Test func `authorities, issuers' keys and an event's keys do not stand twice`() throws {
    #expect(try loadError([8: repeated({ _ in key(1) }, 2)]) == .malformed)
    // One key under two key ids could be active and revoked at once.
    let again = "8286" + "4101" + key(1) + "0080f6f6" + "86" + "4102" + key(1) + "0180f6f6"
    #expect(try loadError([9: again]) == .malformed)
    #expect(try loadError([10: repeated({ _ in "8300" + key(1) + "00" }, 2)]) == .malformed)
    #expect(try loadError([10: repeated({ "83" + uint($0) + key(1) + "00" }, 2)]) == nil)
  }

  @Test func `devices and validators are sorted by node, each once`() throws {
    for nodes in [[2, 1], [1, 1], [1, 3, 2]] {
      #expect(try loadError([14: repeated({ device(nodes[$0]) }, nodes.count)]) == .malformed)
      #expect(try loadError([15: repeated({ validator(nodes[$0]) }, nodes.count)]) == .malformed)
    }
  }

  @Test func `two validators do not share a key`() throws {
    #expect(try loadError([15: repeated({ "82" + uint($0 + 1) + key(1) }, 2)]) == .malformed)
  }

  @Test func `identities are sorted, each once, and whole`() throws {
    let one = String(repeating: "01", count: 16)
    let two = String(repeating: "01", count: 15) + "02"
    for field in [11, 12] as [UInt8] {
      #expect(try loadError([field: "5820" + one + two]) == nil)
      #expect(try loadError([field: "5820" + two + one]) == .malformed)
      #expect(try loadError([field: "5820" + one + one]) == .malformed)
      #expect(try loadError([field: "581f" + one + two.dropLast(2)]) == .malformed)
    }
  }

  @Test(arguments: [
    // No kid, a long one, a short key, an unknown status, a negative event, a float
    // time, too much, too little.
    "8640" + key(1) + "0080f6f6",
    "865821" + String(repeating: "01", count: 33) + key(1) + "0080f6f6",
    "864101" + "4100" + "0080f6f6", "864101" + key(1) + "0280f6f6",
    "864101" + key(1) + "008120f6f6",
    "864101" + key(1) + "00811b0000000100000000f6f6", "864101" + key(1) + "0080f93c00f6",
    "874101" + key(1) + "0080f6f600", "854101" + key(1) + "0080f6",
  ])
  func `an issuer that breaks a rule is refused`(entry: String) throws {
    #expect(try loadError([9: "81" + issuer(2)]) == nil)
    #expect(try loadError([9: "81" + entry]) == .malformed)
  }

  @Test(arguments: [
    // Node 0 and beyond 2^53 - 1, an unknown role, a wide zone, an unknown status.
    "8600" + "00" + key(1) + "010200", "861b0020000000000000" + "00" + key(1) + "010200",
    "8601" + "02" + key(1) + "010200", "8601" + "00" + key(1) + "1b00000001000000000200",
    "8601" + "00" + key(1) + "010202", "8601" + "00" + key(1) + "012000",
  ])
  func `a device that breaks a rule is refused`(entry: String) throws {
    #expect(try loadError([14: "81" + "861b001fffffffffffff" + "00" + key(1) + "010200"]) == nil)
    #expect(try loadError([14: "81" + entry]) == .malformed)
  }
}
