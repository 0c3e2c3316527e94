// What is not a batch, or not that device's, is refused.

import Limits
import Seal
import Testing
import Wire

@testable import Records

@Suite struct BatchRefusalTests {
  /// A signed batch with this payload, as a device that lies could make it.
  func signed(
    _ payload: [UInt8], external: StaticString = "tollkeeper/batch/1",
    keyID: Bytes<8> = header.keyID
  ) throws -> [UInt8] {
    var scratch = [UInt8](repeating: 0, count: payload.count + 128)
    var output = [UInt8](repeating: 0, count: payload.count + 256)
    var scratchSpan = scratch.mutableSpan
    var outputSpan = output.mutableSpan
    let count = try Sign1.sign(
      payload.span, external: external, keyID: keyID.span, key: key, with: Sodium.self,
      scratch: &scratchSpan, into: &outputSpan)
    return Array(output[..<count])
  }

  /// The header's items, then `runs`.
  func payload(runs: String) -> [UInt8] {
    bytes(hex: "87" + "01" + "1903e9" + "1b0123456789abcdef" + "07" + "00" + "03" + runs)
  }

  func item(_ record: [UInt8]) -> String {
    precondition(record.count >= 24 && record.count < 256)
    return "58" + hex([UInt8(record.count)]) + hex(record)
  }

  @Test func `the payload of these tests is right when nothing is wrong with it`() throws {
    let good = try signed(payload(runs: "81830201" + "81" + item(admission.encoded())))
    #expect(try read(good).1.count == 1)
  }

  @Test func `every flipped bit of a batch is refused`() throws {
    let whole = bytes(hex: goldenBatchHex)
    for i in whole.indices {
      for bit in 0..<8 {
        var flipped = whole
        flipped[i] ^= 1 << UInt8(bit)
        #expect(throws: BatchError.self, "byte \(i) bit \(bit)") { try read(flipped) }
      }
    }
  }

  @Test func `every beginning of a batch, and a batch with a byte more, is refused`() throws {
    let whole = bytes(hex: goldenBatchHex)
    for count in 0..<whole.count {
      #expect(throws: BatchError.malformed) { try read(Array(whole[..<count])) }
    }
    #expect(throws: BatchError.malformed) { try read(whole + [0]) }
  }

  @Test func `random and mutated bytes are refused and nothing worse`() throws {
    var dice = Dice("mutated batches")
    let whole = bytes(hex: goldenBatchHex)
    for _ in 0..<10_000 {
      var mutated = whole
      for _ in 0...dice.next() % 4 {
        mutated[Int.random(in: mutated.indices, using: &dice)] = UInt8(dice.next() % 256)
      }
      if mutated == whole { continue }
      #expect(throws: BatchError.self) { try read(mutated) }
      let noise = (0..<dice.next() % 300).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
      #expect(throws: BatchError.self) { try read(noise) }
    }
  }

  @Test func `signed noise is refused and nothing worse`() throws {
    var dice = Dice("signed noise")
    let good = payload(runs: "81830201" + "81" + item(try admission.encoded()))
    for _ in 0..<5_000 {
      var mutated = good
      for _ in 0...dice.next() % 3 {
        mutated[Int.random(in: mutated.indices, using: &dice)] = UInt8(dice.next() % 256)
      }
      // A change in a record's content may well be a record.
      guard let (_, entries) = try? read(signed(mutated)) else { continue }
      #expect(entries.allSatisfy { (try? parse($0.bytes)) != nil })
    }
  }

  /// A star stands for an admission with sequence 1.
  @Test(
    arguments: [
      ("runs are no array", "01"),
      ("an empty run", "8183020180"),
      ("five runs", "858303018083020180830101808300018083000180"),
      ("class 4", "8183040181*"),
      ("first is 0", "8183020081*"),
      ("first is 2^63", "8183021b800000000000000081*"),
      ("a run of two items", "81820281*"),
      ("classes rise", "8283020181*83030181*"),
      ("a class twice", "8283020181*83020281*"),
      ("fewer records than said", "8183020182*"),
      ("more records than said", "8183020181**"),
      ("a length not in its shortest form", "818302019801*"),
      ("a record that is no byte string", "818302018100"),
      ("a run of 257", "81830201990101*"),
      ("no runs", ""),
    ] as [(String, String)])
  func `runs out of shape are refused`(name: String, runs: String) throws {
    let record = item(try admission.encoded())
    let lie = try signed(
      payload(
        runs: runs.split(separator: "*", omittingEmptySubsequences: false).joined(
          separator: record)))
    #expect(throws: BatchError.malformed, "\(name)") { try read(lie) }
  }

  @Test func `a record that its run contradicts spoils the batch`() throws {
    let one = try admission.encoded()
    let wrong = [
      "81830202" + "81" + item(one),  // sequence 1 in a run from 2
      "81830201" + "82" + item(one) + item(one),  // sequence 1 twice
      "81830101" + "81" + item(one),  // an admission among refusals
      "81830209" + "81" + item(try refusal.encoded()),  // a refusal among admissions
      "81830201" + "81" + item(try gap.encoded()),  // a gap among admissions
      "81830001" + "81" + item(one),  // there is no telemetry yet
      "81830201" + "81" + item(one + [0]),  // bytes after the record
    ]
    for runs in wrong {
      #expect(throws: BatchError.badRecord, "\(runs)") { try read(signed(payload(runs: runs))) }
    }
  }

  @Test func `257 records in several runs are refused`() throws {
    let admissions = try run(.admissions, 1, 256).map { item($0.bytes) }.joined()
    let refused = try run(.refusals, 1, 1).map { item($0.bytes) }.joined()
    let lie = payload(runs: "82" + "830201" + "990100" + admissions + "830101" + "81" + refused)
    #expect(throws: BatchError.malformed) { try read(signed(lie)) }
  }

  @Test func `another version, a node out of range and a longer header are refused`() throws {
    for lie in [
      "87" + "02" + "1903e9" + "01" + "07" + "00" + "03" + "80",
      "87" + "01" + "00" + "01" + "07" + "00" + "03" + "80",
      "87" + "01" + "1b0020000000000000" + "01" + "07" + "00" + "03" + "80",
      "88" + "01" + "1903e9" + "01" + "07" + "00" + "03" + "80" + "00",
      "87" + "01" + "1903e9" + "01" + "1b0000000100000000" + "00" + "03" + "80",
    ] {
      #expect(throws: BatchError.malformed) { try read(signed(bytes(hex: lie))) }
    }
  }

  @Test func `a signature of another kind, another key and another key id are refused`() throws {
    let good = payload(runs: "80")
    #expect(throws: BatchError.badSignature) {
      try read(signed(good, external: "tollkeeper/trust/1"))
    }
    #expect(throws: BatchError.badSignature) { try read(signed(good, external: "")) }
    #expect(throws: BatchError.badSignature) { try read(signed(good), by: PublicKey()) }
    var other = header
    other.node = 1002
    #expect(throws: BatchError.wrongKeyID) { try read(signed(good, keyID: other.keyID)) }
  }

  @Test func `a key id outside the protected header is refused`() throws {
    // 18([{1: -19}, {4: node}, payload, 64 zeros])
    let good = payload(runs: "80")
    let lie =
      bytes(hex: "d28443a10132" + "a10448" + "00000000000003e9" + "58")
      + [UInt8(good.count)] + good + [0x58, 64] + [UInt8](repeating: 0, count: 64)
    #expect(throws: BatchError.malformed) { try read(lie) }
  }

  @Test func `the algorithm may be EdDSA and nothing else`() throws {
    var bytes = bytes(hex: goldenBatchHex)
    let algorithm = bytes.firstIndex(of: 0x32)!
    bytes[algorithm] = 0x27
    #expect(throws: BatchError.badSignature) { try read(bytes) }
    bytes[algorithm] = 0x26
    #expect(throws: BatchError.badAlgorithm) { try read(bytes) }
  }

  @Test func `a batch beyond its limit is refused before it is read`() throws {
    let long = [UInt8](repeating: 0xd2, count: Limits.batchBytesMax + 1)
    #expect(throws: BatchError.malformed) { try read(long) }
  }

  @Test func `the claimed header is there before the signature is checked`() throws {
    var bytes = bytes(hex: goldenBatchHex)
    bytes[bytes.count - 1] ^= 1
    #expect(try claimed(bytes) == header)
    #expect(throws: BatchError.badSignature) { try read(bytes) }
  }

  func claimed(_ bytes: [UInt8]) throws -> BatchHeader { try Batch(parsing: bytes.span).claimed }
}
