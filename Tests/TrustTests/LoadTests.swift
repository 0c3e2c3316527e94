// Which trust documents are believed, and that one that is not changes nothing.

import Limits
import Seal
import Testing
import Trust
import Wire

@Suite struct LoadTests {
  @Test func `a document of the pinned authority is loaded whole`() throws {
    let trust = Trusted()
    let document = try Draft().signed()
    #expect(try trust.load(document) == .loaded)
    #expect(trust.bytes == document)
    #expect(trust.version == 1 && trust.signer == publicKey(1))
    #expect(trust.hash == Sodium.hash(document.span))
    #expect(trust.head == Draft().head)
  }

  @Test func `a document of a key that is not pinned is refused, whatever it says of itself`()
    throws
  {
    var draft = Draft()
    draft.authorities = [publicKey(2)]
    #expect(try loadError(draft.signed(by: 2)) == .unknownAuthority)
    #expect(try loadError(draft.signed(by: 2), anchor: .named) == nil)
  }

  @Test func `a document that names the pinned key but was signed by another is refused`() throws {
    let payload = payload(fields())
    var forged = try sign(payload, by: 2)
    let kid = try #require(try Sign1(parsing: forged.span).keyID)
    forged.replaceSubrange(kid, with: array(publicKey(1).span))
    #expect(loadError(forged) == .badSignature)
    #expect(loadError(forged, anchor: .named) == .badSignature)
  }

  @Test func `a newer document is loaded, an older refused, the same is no change`() throws {
    let trust = Trusted()
    var draft = Draft()
    draft.head.version = 7
    let seven = try draft.signed()
    _ = try trust.load(seven)
    #expect(try trust.load(seven) == .unchanged)
    draft.head.version = 6
    let six = try draft.signed()
    #expect(throws: TrustError.older) { try trust.load(six) }
    #expect(trust.bytes == seven)
    draft.head.version = 9
    let nine = try draft.signed()
    #expect(try trust.load(nine) == .loaded)
    #expect(trust.version == 9 && trust.hash == Sodium.hash(nine.span))
    #expect(throws: TrustError.older) { try trust.load(seven) }
  }

  @Test func `two documents of one version are a conflict`() throws {
    let trust = Trusted()
    var draft = Draft()
    let first = try draft.signed()
    _ = try trust.load(first)
    draft.head.issued = 1
    let second = try draft.signed()
    #expect(throws: TrustError.conflict) { try trust.load(second) }
    #expect(trust.bytes == first)
  }

  @Test func `a version below the floor is refused from the start`() throws {
    let trust = Trusted(versionFloor: 5)
    var draft = Draft()
    draft.head.version = 4
    let four = try draft.signed()
    #expect(throws: TrustError.older) { try trust.load(four) }
    draft.head.version = 5
    #expect(try trust.load(draft.signed()) == .loaded)
  }

  @Test func `a document of another network is refused once one is loaded`() throws {
    let trust = Trusted()
    _ = try trust.load(Draft().signed())
    var draft = Draft()
    draft.head = TrustHead(version: 2, network: network("other"))
    let other = try draft.signed()
    #expect(throws: TrustError.wrongNetwork) { try trust.load(other) }
    #expect(trust.version == 1)
  }

  @Test func `authorities rotate with overlap, and one rotated away signs no more`() throws {
    let trust = Trusted()
    var draft = Draft()
    draft.authorities = [publicKey(1), publicKey(2)]
    _ = try trust.load(draft.signed(by: 1))
    draft.head.version = 2
    draft.authorities = [publicKey(2)]
    _ = try trust.load(draft.signed(by: 2))
    draft.head.version = 3
    draft.authorities = [publicKey(1)]
    let byOld = try draft.signed(by: 1)
    // Key 1 is still pinned, which counts for the first document alone.
    #expect(throws: TrustError.unknownAuthority) { try trust.load(byOld) }
    #expect(throws: TrustError.unknownAuthority) { try trust.load(byOld, anchor: .named) }
    #expect(try trust.load(draft.signed(by: 2)) == .loaded)
    #expect(trust.version == 3 && trust.signer == publicKey(2))
  }

  @Test func `a refused document leaves every answer of the loaded one as it was`() throws {
    let trust = Trusted()
    var draft = Draft()
    draft.revoked = [identity(1)]
    draft.issuers = [Issuer(keyID: BoundedBytes([9].span)!, key: publicKey(3))]
    let loaded = try draft.signed()
    _ = try trust.load(loaded)
    // Fine until its last field.
    var bad = fields([1: "09"])
    bad[15] = "8182005820" + keyHex(4)
    let broken = try sign(payload(bad))
    #expect(throws: TrustError.malformed) { try trust.load(broken) }
    #expect(trust.bytes == loaded && trust.version == 1)
    #expect(trust.isRevoked(1))
    #expect(trust.issuer([9])?.issuer.key == publicKey(3))
  }

  @Test func `no single bit of a document can change`() throws {
    var draft = Draft()
    draft.devices = [Device(node: 7, role: .gate, key: publicKey(4), zone: 1, epoch: 2)]
    let document = try draft.signed()
    let trust = Trusted()
    for bit in 0..<document.count * 8 {
      var changed = document
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: TrustError.self, "bit \(bit)") {
        try trust.load(changed)
      }
    }
    #expect(!trust.isLoaded)
  }

  @Test func `a truncated document is malformed wherever it ends, and so are bytes after it`()
    throws
  {
    let document = try Draft().signed()
    for count in 0..<document.count {
      #expect(loadError(Array(document.prefix(count))) == .malformed)
    }
    #expect(loadError(document + [0]) == .malformed)
  }

  @Test func `another spelling of the envelope is refused: the hash covers it, the signature not`()
    throws
  {
    let document = try Draft().signed()
    #expect(loadError(Array(document.dropFirst())) == .malformed)
    #expect(loadError(bytes("d83d") + document) == .malformed)
    var open = document
    let unprotected = try Sign1(parsing: document.span).protectedHeader.upperBound
    #expect(open[unprotected] == 0xa0)
    open.replaceSubrange(unprotected...unprotected, with: [0xa1, 0x03, 0x00])
    #expect(loadError(open) == .malformed)
  }

  @Test func `the signature of another kind of message does not pass for a document's`() throws {
    for context in ["", "tollkeeper/batch/1", "tollkeeper/block/1"] as [StaticString] {
      #expect(try loadError(sign(payload(fields()), external: context)) == .badSignature)
    }
  }

  @Test func `another algorithm is told apart`() throws {
    var document = try Draft().signed()
    let algorithm = try Sign1(parsing: document.span).protectedHeader.lowerBound + 2
    document[algorithm] = 0x26
    #expect(loadError(document) == .badAlgorithm)
  }

  @Test func `a document larger than the limit is refused before it is looked at`() {
    let large = [UInt8](repeating: 0, count: Limits.trustBytesMax + 1)
    #expect(loadError(large) == .tooLarge)
  }

  @Test func `a document of the greatest size is loaded`() throws {
    var draft = Draft()
    draft.revoked = identities(3056)
    #expect(throws: TrustError.tooLarge) { try draft.with(3072).signed() }
    let document = try draft.signed()
    #expect(document.count > Limits.trustBytesMax - 300)
    #expect(loadError(document) == nil)
  }

  @Test func `no signed payload makes the parser trap`() throws {
    var generator = Generator(for: "trust documents never trap")
    let whole = payload(
      fields([
        9: "818641015820" + keyHex(2) + "00821907ea00f6f6",
        10: "8183005820" + keyHex(3) + "00",
        11: "50" + String(repeating: "01", count: 16),
        14: "818601005820" + keyHex(4) + "010200", 15: "8182015820" + keyHex(5),
      ]))
    #expect(try loadError(sign(whole)) == nil)
    var refused = 0
    for _ in 0..<3000 {
      var changed = whole
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        changed[Int.random(in: 0..<changed.count, using: &generator)] =
          UInt8.random(in: .min ... .max, using: &generator)
      }
      if try loadError(sign(changed)) != nil { refused += 1 }
    }
    #expect(refused > 0)
  }
}

/// Identities 0, 1, 2, ... in order.
private func identities(_ count: Int) -> [TicketIdentity] {
  (0..<count).map { number in
    var identity = TicketIdentity()
    identity.storage[14] = UInt8(number >> 8)
    identity.storage[15] = UInt8(number & 255)
    return identity
  }
}

extension Draft {
  fileprivate func with(_ count: Int) -> Draft {
    var draft = self
    draft.revoked = identities(count)
    return draft
  }
}
