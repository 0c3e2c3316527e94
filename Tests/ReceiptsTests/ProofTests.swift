// Proofs: whoever knows the validators can check one, and nobody can change one. The golden bytes
// were made from FORMAT.md by a program of its own in another language.

import Seal
import Testing
import Wire

@testable import Receipts

@Suite struct ProofTests {
  /// Hash of the set of validator 1 with the key of the seed 00 01 ... 1f.
  static let setHex =
    "600cdfa090ce244f0ff21dfefed3faf49319afe74b0b41bfdb227f589f9b487d"
  static let receiptHex =
    "84011903e91b0123456789abcdef8283020158206dc2af6a1a8733fd4820a97d4b3a747b9be46d47d6"
    + "653ee27ccb08c99e676a5683010958202c0e62a891c69ce61eda66035fa525f6448fad424f372f99b1"
    + "7c1cf3e03f96a8"
  static let settlementHex =
    "860205000103818250000102030405060708090a0b0c0d0e0f82821903e901821903ea02"
  static let headerHex =
    "890105005820444444444444444444444444444444444444444444444444444444444444444458200e"
    + "5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a85820f09fb7d3f97b9f00"
    + "3d21f4125e68cfe987fb75ed166d78c913ba26ec91dfb66f5820555555555555555555555555555555"
    + "55555555555555555555555555555555551b000001977420dfe85820600cdfa090ce244f0ff21dfefe"
    + "d3faf49319afe74b0b41bfdb227f589f9b487d"
  static let blockHex =
    "6b0de400caf0a10c6a5d819d79e6906db930e84549ca594c270dc82e885e735c"
  /// Of the receipt.
  static let proofHex =
    "86585984011903e91b0123456789abcdef8283020158206dc2af6a1a8733fd4820a97d4b3a747b9be4"
    + "6d47d6653ee27ccb08c99e676a5683010958202c0e62a891c69ce61eda66035fa525f6448fad424f37"
    + "2f99b17c1cf3e03f96a800028158207825ffa021bf861a91000a8442c2be1c6ff13c62902c248dbcd5"
    + "16af0701545058b7890105005820444444444444444444444444444444444444444444444444444444"
    + "444444444458200e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a85820"
    + "f09fb7d3f97b9f003d21f4125e68cfe987fb75ed166d78c913ba26ec91dfb66f582055555555555555"
    + "555555555555555555555555555555555555555555555555551b000001977420dfe85820600cdfa090"
    + "ce244f0ff21dfefed3faf49319afe74b0b41bfdb227f589f9b487d818201584047bc277c159aec4020"
    + "f3e628a1a2dba1312de80136b8ba08ce7a86acd1f397546ee80f9e8b3321aff12a5104334456ff7a20"
    + "f154c197cdc00cab9ec0e4bd010c"

  @Test func `a block has the bytes, the id and the proofs that the format says`() throws {
    let set = validators([1])
    #expect(hex(set.hash(with: Sodium.self)) == Self.setHex)
    let leaves = [bytes(hex: Self.receiptHex), bytes(hex: Self.settlementHex)]
    let header = header(results: tree(leaves).root, of: set)
    #expect(hex(try encoded(header)) == Self.headerHex)
    #expect(hex(header.id(with: Sodium.self)) == Self.blockHex)
    #expect(hex(try proof(leaves, index: 0, set: set, signers: [1])) == Self.proofHex)
    #expect(try verify(bytes(hex: Self.proofHex), by: set) == leaves[0])
  }

  @Test func `leaves have the bytes that the format says`() throws {
    let receipt = try parseReceipt(bytes(hex: Self.receiptHex))
    #expect(receipt.node == 1001)
    #expect(receipt.epoch == 0x0123_4567_89ab_cdef)
    #expect(receipt.count == 2)
    #expect(receipt[0].recordClass == .admissions)
    #expect(receipt[1].through == 9)
    #expect(hex(try encoded(receipt)) == Self.receiptHex)
    let part = SettlementPart(height: 5, index: 0, count: 1, before: 3)
    let settled = try LeafTests.settled((1001, 1), (1002, 2))
    #expect(hex(try settlement(part, [settled])) == Self.settlementHex)
  }

  @Test func `every leaf of every size of block is proved at its place`() throws {
    let set = validators(1...4)
    for size in 1...17 {
      let leaves = MerkleTests.leaves(size)
      for index in 0..<size {
        let whole = try proof(leaves, index: index, set: set, signers: [1, 3, 4])
        #expect(try verify(whole, by: set) == leaves[index])
      }
    }
  }

  @Test func `a proof with another index or size is refused`() throws {
    let set = validators([1])
    let leaves = MerkleTests.leaves(7)
    let (root, paths) = tree(leaves)
    let header = header(results: root, of: set)
    let signed = certificate(header, by: [1])
    for (index, size) in [(3, 7), (2, 3), (2, 4), (2, 9), (6, 7), (7, 7), (0, 0)] {
      let lie = try proof(
        leaves[2], index: index, size: size, path: paths[2], header: header, certificate: signed)
      #expect(throws: ProofError.wrongPath) { try verify(lie, by: set) }
    }
    // Sizes with the same way from this leaf to the root are all one to a proof: nothing but the
    // way follows from index and size.
    for size in 5...8 {
      let same = try proof(
        leaves[2], index: 2, size: size, path: paths[2], header: header, certificate: signed)
      #expect(try verify(same, by: set) == leaves[2])
    }
  }

  @Test func `every flipped bit of a proof is refused`() throws {
    let set = validators(1...4)
    // The last leaf of a tree of odd size: its size cannot be changed without changing its way.
    let leaves = [bytes(hex: Self.receiptHex), bytes(hex: Self.settlementHex), [1, 2, 3]]
    let whole = try proof(leaves, index: 2, set: set, signers: 1...4)
    #expect(try verify(whole, by: set) == leaves[2])
    for i in whole.indices {
      for bit in 0..<8 {
        var flipped = whole
        flipped[i] ^= 1 << UInt8(bit)
        #expect(throws: ProofError.self, "byte \(i) bit \(bit)") { try verify(flipped, by: set) }
      }
    }
  }

  @Test func `every beginning of a proof, and a proof with a byte more, is refused`() throws {
    let set = validators([1])
    let whole = bytes(hex: Self.proofHex)
    for count in 0..<whole.count {
      #expect(throws: ProofError.malformed) { try verify(Array(whole[..<count]), by: set) }
    }
    #expect(throws: ProofError.malformed) { try verify(whole + [0], by: set) }
  }

  @Test func `mutated and random bytes are refused and nothing worse`() {
    var dice = Dice("mutated proofs")
    let set = validators([1])
    let whole = bytes(hex: Self.proofHex)
    for _ in 0..<10_000 {
      var mutated = whole
      for _ in 0...dice.next() % 4 {
        mutated[Int.random(in: mutated.indices, using: &dice)] = UInt8(dice.next() % 256)
      }
      // The size alone is not bound, as long as the leaf's way stays the same.
      if let leaf = try? verify(mutated, by: set) {
        #expect(leaf == bytes(hex: Self.receiptHex))
      }
      let noise = (0..<dice.next() % 700).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
      #expect(throws: ProofError.self) { try verify(noise, by: set) }
    }
  }

  @Test func `a proof for other validators, or by too few, is refused`() throws {
    let leaves = MerkleTests.leaves(5)
    let set = validators(1...4)
    let good = try proof(leaves, index: 1, set: set, signers: 2...4)
    #expect(try verify(good, by: set) == leaves[1])
    #expect(throws: ProofError.wrongValidators) { try verify(good, by: validators(1...3)) }
    #expect(throws: ProofError.wrongValidators) { try verify(good, by: ValidatorSet()) }
    let few = try proof(leaves, index: 1, set: set, signers: 1...2)
    #expect(throws: ProofError.noQuorum) { try verify(few, by: set) }
  }

  @Test func `a leaf of another block is refused`() throws {
    let set = validators([1])
    let (root, _) = tree(MerkleTests.leaves(3))
    let header = header(results: root, of: set)
    let other = MerkleTests.leaves(4)
    let lie = try proof(
      other[3], index: 2, size: 3, path: tree(other).paths[3], header: header,
      certificate: certificate(header, by: [1]))
    #expect(throws: ProofError.wrongPath) { try verify(lie, by: set) }
  }

  @Test func `the largest proof takes no more beside its leaf than its limit`() throws {
    var path = MerklePath()
    for _ in 0..<MerklePath.capacity { try path.append(filled(0xff)) }
    #expect(throws: WireError.noSpace) { try path.append(Hash()) }
    var certificate = Certificate()
    for i: UInt64 in 0..<10 {
      try certificate.append(.init(node: 1 << 53 - 10 + i, signature: filled(0xff)))
    }
    var largest = header(results: filled(0xff), of: validators([1]))
    (largest.height, largest.view, largest.time) = (
      UInt64(Int64.max), UInt64(Int64.max), Int64.min
    )
    let leaf = [UInt8](repeating: 1, count: 40_000)
    let whole = try proof(
      leaf, index: 1 << 20 - 1, size: 1 << 20, path: path, header: largest,
      certificate: certificate)
    #expect(whole.count <= leaf.count + Proof.overheadBytesMax)
    #expect(throws: ProofError.wrongPath) { try verify(whole, by: validators([1])) }
  }
}
