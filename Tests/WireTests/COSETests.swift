// RFC 9052: the structure of a COSE_Sign1, and which ones a gate refuses.

import Limits
import Seal
import Testing
import Wire

private let key = Sodium.secretKey(seed: Bytes<32>())
private let publicKey = Sodium.publicKey(of: key)

/// What becomes of `bytes`: nil if they parse.
private func parseError(_ bytes: [UInt8]) -> COSEError? {
  do throws(COSEError) {
    _ = try Sign1(parsing: bytes.span)
    return nil
  } catch {
    return error
  }
}

private func holds(_ bytes: [UInt8], by key: PublicKey, external: StaticString = "") -> Bool {
  guard let sign1 = try? Sign1(parsing: bytes.span) else { return false }
  var scratch = [UInt8](repeating: 0, count: bytes.count + 128)
  var space = scratch.mutableSpan
  return sign1.verify(bytes.span, external: external, by: key, with: Sodium.self, scratch: &space)
}

/// `tag [protected, unprotected, payload, signature]` of hex parts, without a valid signature.
private func envelope(
  tag: String = "d2", protected: String, unprotected: String = "a0", payload: String = "4101",
  signature: String = "5840" + String(repeating: "00", count: 64)
) -> [UInt8] {
  let header = bytes(protected)
  let head = header.count < 24 ? [0x40 + UInt8(header.count)] : [0x58, UInt8(header.count)]
  return bytes(tag) + [0x84] + head + header + bytes(unprotected + payload + signature)
}

private func signed(external: StaticString = "") throws -> [UInt8] {
  var output = [UInt8](repeating: 0, count: 256)
  var scratch = [UInt8](repeating: 0, count: 256)
  var space = output.mutableSpan
  var scratchSpace = scratch.mutableSpan
  let count = try Sign1.sign(
    [1, 2, 3].span, external: external, keyID: [9, 9].span, key: key, with: Sodium.self,
    scratch: &scratchSpace, into: &space)
  return Array(output.prefix(count))
}

@Suite struct COSETests {
  @Test(.vectors)
  func `cose-wg examples: eddsa-sig-01 verifies, and not with another key or payload`() throws {
    let message = try example("eddsa-examples/eddsa-sig-01")
    let key = PublicKey(
      bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").span)
    let sign1 = try Sign1(parsing: message.span)
    #expect(sign1.algorithm == Sign1.edDSA)
    #expect(try array(message.span.extracting(#require(sign1.keyID))) == Array("11".utf8))
    #expect(holds(message, by: key))
    #expect(!holds(message, by: publicKey))
    #expect(!holds(message, by: key, external: "x"))
    var changed = message
    changed[sign1.payload.lowerBound] ^= 1
    #expect(!holds(changed, by: key))
  }

  @Test(.vectors) func `cose-wg examples: eddsa-sig-02 is Ed448 and refused`() throws {
    #expect(try parseError(example("eddsa-examples/eddsa-sig-02")) == .badAlgorithm)
  }

  @Test(
    .vectors,
    arguments: [
      // COSE_Sign, which is not COSE_Sign1.
      ("eddsa-examples/eddsa-01", COSEError.malformed),
      ("eddsa-examples/eddsa-02", .malformed),
      // Tag 998; then ES256, an unknown number, an unknown name; alg only in the open.
      ("sign1-tests/sign-fail-01", .malformed), ("sign1-tests/sign-fail-02", .badAlgorithm),
      ("sign1-tests/sign-fail-03", .badAlgorithm), ("sign1-tests/sign-fail-04", .badAlgorithm),
      ("sign1-tests/sign-fail-06", .badAlgorithm), ("sign1-tests/sign-fail-07", .badAlgorithm),
      ("sign1-tests/sign-pass-01", .badAlgorithm), ("sign1-tests/sign-pass-02", .badAlgorithm),
      ("sign1-tests/sign-pass-03", .badAlgorithm), ("CWT/A_3", .badAlgorithm),
    ])
  func `cose-wg examples: what is not Ed25519 is refused`(name: String, error: COSEError) throws {
    #expect(try parseError(example(name)) == error)
  }

  private func example(_ name: String) throws -> [UInt8] {
    let file = try #require(try Vectors.json("cose/\(name).json") as? [String: Any])
    let output = try #require(file["output"] as? [String: Any])
    return try bytes(#require(output["cbor"] as? String))
  }

  @Test func `RFC 8392 6: untagged, tagged 18 and 61(18) are the same message`() {
    for tag in ["", "d2", "d83dd2"] {
      #expect(parseError(envelope(tag: tag, protected: "a201320441aa")) == nil)
    }
    for tag in ["d83d", "d1", "d2d2", "d83dd83dd2", "d2d83d", "d90012"] {
      #expect(parseError(envelope(tag: tag, protected: "a201320441aa")) == .malformed)
    }
  }

  @Test func `RFC 9864: Ed25519 and EdDSA are checked, nothing else is`() {
    #expect(parseError(envelope(protected: "a10132")) == nil)
    #expect(parseError(envelope(protected: "a10127")) == nil)
    for algorithm in ["26", "3834", "00", "6745643235353139", "3bffffffffffffffff"] {
      #expect(parseError(envelope(protected: "a101" + algorithm)) == .badAlgorithm)
    }
    #expect(parseError(envelope(protected: "a101f6")) == .malformed)
  }

  @Test func `alg counts in the protected header only`() {
    #expect(parseError(envelope(protected: "", unprotected: "a10132")) == .badAlgorithm)
    #expect(parseError(envelope(protected: "a0", unprotected: "a10132")) == .badAlgorithm)
    #expect(parseError(envelope(protected: "a10132", unprotected: "a10132")) == .malformed)
  }

  @Test func `kid is in one header or the other`() throws {
    let inside = envelope(protected: "a201320442aabb")
    let outside = envelope(protected: "a10132", unprotected: "a10442aabb")
    for message in [inside, outside] {
      let kid = try #require(try Sign1(parsing: message.span).keyID)
      #expect(Array(message[kid]) == [0xaa, 0xbb])
    }
    #expect(
      parseError(envelope(protected: "a201320442aabb", unprotected: "a10442aabb")) == .malformed)
    #expect(parseError(envelope(protected: "a201320400")) == .malformed)
    #expect(try Sign1(parsing: envelope(protected: "a10132").span).keyID == nil)
  }

  @Test(arguments: [
    "a201320132", "a30132000000f6", "a301320000" + "00f6", "a30132617800617800",
    "a4013204414104414200f6",
  ])
  func `RFC 9052 3: a label that stands twice in a header is refused`(header: String) {
    #expect(parseError(envelope(protected: header)) == .malformed)
  }

  @Test func `RFC 9052 3: a label of either type in both headers is refused`() {
    #expect(parseError(envelope(protected: "a201320300", unprotected: "a10300")) == .malformed)
    #expect(
      parseError(envelope(protected: "a20132617800", unprotected: "a1617800")) == .malformed)
    #expect(parseError(envelope(protected: "a201320300", unprotected: "a1617800")) == nil)
  }

  @Test(arguments: [
    ("a201320281" + "01", nil), ("a30132028104" + "0441aa", nil), ("a30282010401320441aa", nil),
    // Empty; not known; a text; not an array; kid named but elsewhere; in the open.
    ("a201320280", COSEError.malformed), ("a20132028103", .malformed),
    ("a201320281" + "6178", .malformed), ("a201320201", .malformed),
    ("a201320281" + "04", .malformed),
  ])
  func `RFC 9052 3_1: crit is honoured`(header: String, error: COSEError?) {
    #expect(parseError(envelope(protected: header)) == error)
  }

  @Test func `RFC 9052 3_1: crit outside the protected header is refused`() {
    #expect(parseError(envelope(protected: "a10132", unprotected: "a1028101")) == .malformed)
  }

  @Test(arguments: [0, 63, 65, 114, 128])
  func `a signature that is not 64 bytes is refused`(count: Int) {
    let signature =
      (count < 24 ? "40" : "58" + hex([UInt8(count)]))
      + String(repeating: "00", count: count)
    #expect(parseError(envelope(protected: "a10132", signature: signature)) == .malformed)
    // With EdDSA, 114 bytes are Ed448.
    #expect(
      parseError(envelope(protected: "a10127", signature: signature))
        == (count == 114 ? .badAlgorithm : .malformed))
  }

  @Test func `a detached payload, a fifth item and trailing bytes are refused`() {
    #expect(parseError(envelope(protected: "a10132", payload: "f6")) == .malformed)
    #expect(parseError(envelope(protected: "a10132") + [0]) == .malformed)
    #expect(parseError(envelope(protected: "a1013200")) == .malformed)
    var five = envelope(protected: "a10132") + [0]
    five[1] = 0x85
    #expect(parseError(five) == .malformed)
  }

  @Test func `what is signed verifies in its own context and in no other`() throws {
    let message = try signed(external: "tollkeeper/batch/1")
    #expect(holds(message, by: publicKey, external: "tollkeeper/batch/1"))
    #expect(!holds(message, by: publicKey, external: "tollkeeper/trust/1"))
    #expect(!holds(message, by: publicKey))
  }

  @Test func `RFC 9052 4_4: the Sig_structure is the one of the standard`() throws {
    // 'ToBeSign' of the cose-wg example eddsa-sig-01.
    var output = [UInt8](repeating: 0, count: 64)
    var space = output.mutableSpan
    let count = try Sign1.toBeSigned(
      protectedHeader: bytes("a201270300").span, external: "",
      payload: Array("This is the content.".utf8).span, into: &space)
    #expect(
      hex(Array(output.prefix(count)))
        == "846a5369676e61747572653145a2012703004054546869732069732074686520636f6e74656e742e")
  }

  @Test func `only the form that sign writes is deterministic`() throws {
    func isDeterministic(_ bytes: [UInt8]) throws -> Bool {
      try Sign1(parsing: bytes.span).isDeterministic(bytes.span)
    }
    #expect(try isDeterministic(signed()))
    #expect(try isDeterministic(envelope(protected: "a201270441aa")))
    for other in [
      envelope(tag: "", protected: "a201320441aa"),
      envelope(tag: "d83dd2", protected: "a201320441aa"),
      envelope(protected: "a201320441aa", unprotected: "a10300"),
      envelope(protected: "a10132", unprotected: "a10441aa"), envelope(protected: "a10132"),
      envelope(protected: "a20441aa0132"), envelope(protected: "a3013203000441aa"),
    ] {
      #expect(try !isDeterministic(other))
    }
  }

  @Test func `no single bit of a signed message can change`() throws {
    let message = try signed()
    #expect(holds(message, by: publicKey))
    for bit in 0..<message.count * 8 {
      var changed = message
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!holds(changed, by: publicKey), "bit \(bit)")
    }
  }

  @Test func `no bytes make the parser trap`() throws {
    var generator = Generator(for: "COSE never traps")
    let message = try signed()
    for _ in 0..<20_000 {
      var input = message
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        input[Int.random(in: 0..<input.count, using: &generator)] =
          UInt8.random(in: .min ... .max, using: &generator)
      }
      input.removeLast(Int.random(in: 0..<4, using: &generator))
      guard let sign1 = try? Sign1(parsing: input.span) else { continue }
      #expect(sign1.signature.upperBound == input.count)
      _ = sign1.isDeterministic(input.span)
    }
  }
}
