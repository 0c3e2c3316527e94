// Validator sets, headers and certificates: what a quorum is, and what is none.

import Seal
import Testing
import Wire

@testable import Receipts

@Suite struct CertificateTests {
  func check(
    _ certificate: Certificate, _ header: BlockHeader, _ set: ValidatorSet
  ) throws(ProofError) {
    try certificate.verify(header, by: set, with: Sodium.self)
  }

  @Test func `a quorum of 1 to 10 is n minus a third, rounded`() {
    #expect((1...10).map { ValidatorSet.quorum(of: $0) } == [1, 2, 3, 3, 4, 5, 5, 6, 7, 7])
    for n in 1...10 {
      // Two quorums share an honest validator, and the honest ones alone are a quorum.
      let (quorum, faulty) = (ValidatorSet.quorum(of: n), (n - 1) / 3)
      #expect(2 * quorum - n > faulty)
      #expect(n - faulty >= quorum)
    }
  }

  @Test func `of every set, a quorum of signatures is enough and one less is not`() throws {
    for n in 1...10 {
      let nodes = (1...n).map { UInt64($0) * 3 }
      let set = validators(nodes)
      let header = header(results: filled(1), of: set)
      for signers in 1...n {
        // The last ones of the set, so that no place in it is special.
        let certificate = certificate(header, by: nodes.suffix(signers))
        if signers >= set.quorum {
          try check(certificate, header, set)
        } else {
          #expect(throws: ProofError.noQuorum) { try check(certificate, header, set) }
        }
      }
      #expect(throws: ProofError.noQuorum) { try check(Certificate(), header, set) }
    }
  }

  @Test func `nobody believes the empty set`() {
    let set = ValidatorSet()
    let header = header(results: filled(1), of: set)
    #expect(throws: ProofError.wrongValidators) { try check(Certificate(), header, set) }
    #expect(throws: ProofError.wrongValidators) {
      try check(certificate(header, by: [1]), header, set)
    }
  }

  @Test func `a signer stands once`() throws {
    let set = validators(1...4)
    let header = header(results: filled(1), of: set)
    var certificate = certificate(header, by: [1, 2])
    for node: UInt64 in [1, 2] {
      #expect(throws: WireError.duplicateKey) {
        try certificate.append(
          .init(node: node, signature: header.sign(key: secretKey(2), with: Sodium.self)))
      }
    }
    // The same, as bytes: the second entry again.
    var bytes = try encoded(certificate)
    bytes[0] = 0x83
    bytes += bytes.suffix(68)
    #expect(throws: WireError.duplicateKey) { try parseCertificate(bytes) }
    var set2 = validators([1, 5])
    #expect(throws: WireError.duplicateKey) {
      try set2.append(Validator(node: 5, key: PublicKey()))
    }
  }

  @Test func `a certificate of another set is refused`() throws {
    let set = validators(1...4)
    let header = header(results: filled(1), of: set)
    let full = certificate(header, by: 1...4)
    // Other members, fewer of them, other keys for the same numbers.
    for other in [validators(5...8), validators(1...3), validators(1...5)] {
      #expect(throws: ProofError.wrongValidators) { try check(full, header, other) }
    }
    var rekeyed = ValidatorSet()
    for node: UInt64 in 1...4 {
      try rekeyed.append(
        Validator(node: node, key: Sodium.publicKey(of: secretKey(node + 1))))
    }
    #expect(throws: ProofError.wrongValidators) { try check(full, header, rekeyed) }
    // A header that names the other set, with the signatures of this one.
    var foreign = header
    foreign.validators = rekeyed.hash(with: Sodium.self)
    #expect(throws: ProofError.badSignature) { try check(full, foreign, rekeyed) }
  }

  @Test func `a signer outside the set and a signature that does not hold spoil a certificate`()
    throws
  {
    let set = validators(1...4)
    let header = header(results: filled(1), of: set)
    #expect(throws: ProofError.unknownSigner) {
      try check(certificate(header, by: 1...5), header, set)
    }
    var wrong = certificate(header, by: 1...3)
    try wrong.append(.init(node: 4, signature: header.sign(key: secretKey(3), with: Sodium.self)))
    #expect(throws: ProofError.badSignature) { try check(wrong, header, set) }
    var later = header
    later.height += 1
    #expect(throws: ProofError.badSignature) {
      try check(certificate(header, by: 1...4), later, set)
    }
  }

  @Test func `a signature of another kind over the same bytes is none of a block`() throws {
    let set = validators([1])
    let header = header(results: filled(1), of: set)
    let payload = try encoded(header)
    let protected: [UInt8] = [0xa1, 0x01, 0x32]
    let kinds: [StaticString] = ["", "tollkeeper/batch/1", "tollkeeper/trust/1"]
    for kind in kinds {
      let signed = try encoded(room: 512) { (span: inout MutableSpan<UInt8>) throws(WireError) in
        try Sign1.toBeSigned(
          protectedHeader: protected.span, external: kind, payload: payload.span, into: &span)
      }
      var certificate = Certificate()
      try certificate.append(
        .init(node: 1, signature: Sodium.sign(signed.span, with: secretKey(1))))
      #expect(throws: ProofError.badSignature) { try check(certificate, header, set) }
    }
  }

  @Test func `headers and certificates parse to what was encoded`() throws {
    let header = header(results: filled(7), of: validators(1...7))
    #expect(try parseHeader(encoded(header)) == header)
    let full = certificate(header, by: 1...10)
    let bytes = try encoded(full)
    #expect(try parseCertificate(bytes) == full)
    for count in 0..<bytes.count {
      #expect(throws: WireError.self) { try parseCertificate(Array(bytes[..<count])) }
    }
    #expect(throws: WireError.trailingBytes) { try parseCertificate(bytes + [0]) }
    #expect(throws: WireError.outOfRange) { try parseCertificate([0x80]) }
  }

  @Test func `the largest header and certificate fit their limits`() throws {
    var largest = header(results: filled(0xff), of: validators([1]))
    (largest.height, largest.view, largest.time) = (
      UInt64(Int64.max), UInt64(Int64.max), Int64.min
    )
    #expect(try encoded(largest).count == BlockHeader.bytesMax)
    #expect(try parseHeader(encoded(largest)) == largest)
    var full = Certificate()
    for i: UInt64 in 0..<10 {
      try full.append(.init(node: 1 << 53 - 10 + i, signature: filled(0xff)))
    }
    #expect(try encoded(full).count == Certificate.bytesMax)
    #expect(throws: WireError.noSpace) {
      try full.append(.init(node: .max, signature: Signature()))
    }
  }
}
