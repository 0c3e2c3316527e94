// Ed25519 as this system decides it: which edge cases verify is part of the contract, so that gates
// and validators never differ on a ticket. A libsodium that decides otherwise fails here.

import Seal
import Testing
import Wire

private func verifies(key: String, signature: String, message: [UInt8]) -> Bool {
  let key = bytes(key)
  guard key.count == 32 else { return false }
  return Sodium.verify(bytes(signature).span, over: message.span, by: PublicKey(key.span))
}

@Suite(.vectors) struct SignatureTests {
  @Test func `Wycheproof: all 151 cases are decided as they should be`() throws {
    let file = try #require(
      try Vectors.json("ed25519/wycheproof_ed25519_test.json") as? [String: Any])
    var count = 0
    for group in try #require(file["testGroups"] as? [[String: Any]]) {
      let publicKey = try #require(group["publicKey"] as? [String: Any])
      for test in try #require(group["tests"] as? [[String: Any]]) {
        let isValid = verifies(
          key: try #require(publicKey["pk"] as? String),
          signature: try #require(test["sig"] as? String),
          message: bytes(try #require(test["msg"] as? String)))
        #expect(isValid == (test["result"] as? String == "valid"), "\(test["tcId"] ?? "?")")
        count += 1
      }
    }
    #expect(count == 151)
  }

  /// Cases 4 and 5 are what a cofactored verifier accepts.
  @Test func `speccheck: of 12 cases only number 3 verifies, not 4 and 5`() throws {
    let cases = try #require(
      try Vectors.json("ed25519/speccheck_novi.json") as? [[String: String]])
    let accepted = try cases.indices.filter {
      verifies(
        key: try #require(cases[$0]["pub_key"]), signature: try #require(cases[$0]["signature"]),
        message: bytes(try #require(cases[$0]["message"])))
    }
    #expect(cases.count == 12)
    #expect(accepted == [3])
  }

  @Test func `ZIP-215: none of its 196 cases verifies`() throws {
    let cases = try #require(try Vectors.json("ed25519/zip215.json") as? [[String]])
    #expect(cases.count == 196)
    for pair in cases {
      #expect(!verifies(key: pair[0], signature: pair[1], message: Array("Zcash".utf8)))
    }
  }

  @Test func `CCTV: 43 of 768 cases verify`() throws {
    let cases = try #require(
      try Vectors.json("ed25519/ed25519vectors.json") as? [[String: Any]])
    #expect(cases.count == 768)
    let accepted = try cases.filter {
      verifies(
        key: try #require($0["A"] as? String),
        signature: try #require($0["R"] as? String) + #require($0["S"] as? String),
        message: Array(try #require($0["M"] as? String).utf8))
    }
    #expect(accepted.count == 43)
  }
}
