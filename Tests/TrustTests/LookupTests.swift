// What a loaded document answers, and that the writer and other implementations mean the same
// by it.

import Seal
import Testing
import Trust
import Wire

/// Written with cbor2 and PyNaCl from Records/FORMAT.md alone.
private let golden = bytes(
  "d2845826a2013204582003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8a0590199ac"
    + "0107026464656d6f031a6553f100051a00015180061a00093a800881582003a107bff3ce10be1d70dd18e74bc099"
    + "67e4d6309ba50d5f1ddc8664125531b80982864456475aa758208a88e3dd7409f195fd52db2d3cba5d72ca6709bf"
    + "1d94121bf3748801b40f6f5c0080f6f6864456475aa758208139770ea87d175f56a35466c34c7ecccb8d8a91b4ee"
    + "37a25df60f5b8fc9b39401821907ea1907eb1a5f5e10001a713fb3000a81831907ea5820ed4928c628d1c2c6eae9"
    + "0338905995612959273a5c63f93636c14614ac8737d1000b58300101010101010101010101010101010105050505"
    + "050505050505050505050505090909090909090909090909090909090c5007070707070707070707070707070707"
    + "0e82861903e9005820ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c011b112233"
    + "445566778800861903ea0158206e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf100"
    + "01010f81820158208a875fff1eb38451577acd5afee405456568dd7c89e090863a0557bc7af49f17584004efca86"
    + "fee4e4a93ead45c558452170de7d9b81b2446121320ce87dabc76462b2e77bb51b0b8defafe124f27177a1f1a3d7"
    + "c10c1cf2f1b819599cc93b7d7f09")
private let goldenSecret = Sodium.secretKey(seed: Bytes<32>(Array(0..<32).span))
private let goldenKey = Sodium.publicKey(of: goldenSecret)
private let keyID = bytes("56475aa7")

private func goldenDraft() -> Draft {
  var draft = Draft()
  draft.head = TrustHead(
    version: 7, network: network("demo"), issued: 1_700_000_000, freshSeconds: 86_400,
    staleSeconds: 604_800)
  draft.authorities = [goldenKey]
  var revokedIssuer = Issuer(
    keyID: BoundedBytes(keyID.span)!, key: publicKey(2), status: .revoked,
    notBefore: 1_600_000_000, notAfter: 1_900_000_000)
  revokedIssuer.append(event: 2026)
  revokedIssuer.append(event: 2027)
  draft.issuers = [Issuer(keyID: BoundedBytes(keyID.span)!, key: publicKey(1)), revokedIssuer]
  draft.pretixKeys = [PretixKey(event: 2026, key: publicKey(3))]
  draft.revoked = [identity(1), identity(5), identity(9)]
  draft.blocked = [identity(7)]
  draft.devices = [
    Device(node: 1001, role: .gate, key: publicKey(4), zone: 1, epoch: 0x1122_3344_5566_7788),
    Device(node: 1002, role: .rover, key: publicKey(5), zone: 0, epoch: 1, status: .revoked),
  ]
  draft.validators = [Validator(node: 1, key: publicKey(6))]
  return draft
}

private func loaded(_ document: [UInt8], anchor: TrustAnchor = .named) throws -> Trusted {
  let trust = Trusted()
  _ = try trust.load(document, anchor: anchor)
  return trust
}

@Suite struct LookupTests {
  @Test func `the writer's document is the golden one to the last byte`() throws {
    #expect(try hex(goldenDraft().signed(key: goldenSecret)) == hex(golden))
  }

  @Test func `the golden document is loaded and hashes as its writer says`() throws {
    let trust = try loaded(golden, anchor: .pinned(goldenKey))
    #expect(trust.head == goldenDraft().head)
    #expect(
      hex(array(trust.hash.span))
        == "d15ac0502092aebc3a9764654526d5100d1896cef54b44482bf0d66c36a39fa8")
    #expect(
      hex(array(trust.validatorSetHash.span))
        == "05a03a99ed9a3cabbf4d3a5b534617b066e1eae428c36a6cb74ffd9b1c359565")
  }

  @Test func `issuers that share a key id are found one after the other`() throws {
    let trust = try loaded(golden)
    let first = try #require(trust.issuer(keyID))
    #expect(first.index == 0 && first.issuer.key == publicKey(1))
    #expect(first.issuer.status == .active)
    let second = try #require(trust.issuer(keyID, after: first.index))
    #expect(second.index == 1 && second.issuer.key == publicKey(2))
    #expect(second.issuer.status == .revoked)
    #expect(trust.issuer(keyID, after: second.index) == nil)
    for other in [[], Array(keyID.dropLast()), keyID + [0], [UInt8](repeating: 1, count: 1000)] {
      #expect(trust.issuer(other) == nil)
    }
  }

  @Test func `an issuer is held to its events and its time`() throws {
    let trust = try loaded(golden)
    #expect(trust.issuerCount == 2)
    let free = trust.issuer(at: 0)
    #expect(free.allows(event: 0) && free.allows(event: .max))
    #expect(free.isCurrent(at: .min) && free.isCurrent(at: .max))
    let bound = trust.issuer(at: 1)
    #expect(bound.allows(event: 2026) && bound.allows(event: 2027) && !bound.allows(event: 2028))
    #expect(!bound.isCurrent(at: 1_599_999_999) && bound.isCurrent(at: 1_600_000_000))
    #expect(bound.isCurrent(at: 1_899_999_999) && !bound.isCurrent(at: 1_900_000_000))
  }

  @Test func `revoked and blocked identities are found, their neighbours are not`() throws {
    let trust = try loaded(golden)
    for number in UInt8.min...10 {
      #expect(trust.isRevoked(number) == [1, 5, 9].contains(number))
      #expect(trust.isBlocked(number) == (number == 7))
    }
  }

  @Test(arguments: [0, 1, 2, 3, 64, 65])
  func `in a list of any length each identity is found and no other`(count: UInt8) throws {
    var draft = Draft()
    draft.revoked = (0..<count).map { identity(2 * $0 + 1) }
    let trust = try loaded(draft.signed())
    for number in 0...2 * count {
      #expect(trust.isRevoked(number) == !number.isMultiple(of: 2))
    }
  }

  @Test func `devices are found by node`() throws {
    var draft = goldenDraft()
    let trust = try loaded(golden)
    #expect(trust.deviceCount == 2)
    #expect(trust.device(1001) == draft.devices[0] && trust.device(1002) == draft.devices[1])
    for node in [0, 1000, 1003, UInt64.max] { #expect(trust.device(node) == nil) }
    draft.devices = (1...512).map {
      Device(node: 3 * $0, role: .gate, key: publicKey(4), zone: UInt32($0), epoch: $0)
    }
    let many = try loaded(draft.signed(key: goldenSecret))
    for node in 0...UInt64(3 * 512 + 1) {
      let expected = node > 0 && node.isMultiple(of: 3) ? node / 3 : nil
      #expect(many.device(node)?.epoch == expected)
    }
    #expect(many.device(at: 511).node == 3 * 512)
  }

  @Test func `validators come in order of their nodes`() throws {
    var draft = goldenDraft()
    draft.validators = (1...10).map { Validator(node: UInt64($0) * 10, key: publicKey($0)) }
    let trust = try loaded(draft.signed(key: goldenSecret))
    #expect((0..<trust.validatorCount).map { trust.validator(at: $0) } == draft.validators)
  }

  @Test func `without a document nobody is known, nothing is revoked, and trust is expired`() {
    let trust = Trusted()
    #expect(!trust.isLoaded)
    #expect(trust.issuer(keyID) == nil && trust.device(1001) == nil)
    #expect(trust.validatorCount == 0 && trust.deviceCount == 0 && trust.issuerCount == 0)
    #expect(!trust.isRevoked(1) && !trust.isBlocked(7))
    #expect(trust.age(at: 0) == .expired)
    #expect(trust.bytes.isEmpty)
  }

  private func age(
    at seconds: Int64, issued: UInt64? = nil, expires: UInt64? = nil, fresh: UInt64? = nil,
    stale: UInt64? = nil
  ) throws -> TrustAge {
    var draft = Draft()
    draft.head = TrustHead(
      version: 1, network: network("demo"), issued: issued, expires: expires, freshSeconds: fresh,
      staleSeconds: stale)
    return try loaded(draft.signed()).age(at: seconds)
  }

  @Test func `a document is fresh up to one age and expired from another`() throws {
    let ages: [(Int64, TrustAge)] = [
      (0, .fresh), (1000, .fresh), (1010, .fresh), (1011, .stale), (1029, .stale), (1030, .expired),
      (.max, .expired), (.min, .fresh),
    ]
    for (seconds, expected) in ages {
      #expect(try age(at: seconds, issued: 1000, fresh: 10, stale: 30) == expected)
    }
  }

  @Test func `what is absent limits nothing`() throws {
    #expect(try age(at: .max) == .fresh)
    #expect(try age(at: .max, issued: 1000) == .fresh)
    #expect(try age(at: 1011, issued: 1000, fresh: 10) == .stale)
    #expect(try age(at: .max, issued: 1000, fresh: 10) == .stale)
    #expect(try age(at: 1029, issued: 1000, stale: 30) == .fresh)
    #expect(try age(at: 1030, issued: 1000, stale: 30) == .expired)
  }

  @Test func `expires is exclusive and stands above every age`() throws {
    #expect(try age(at: 999, expires: 1000) == .fresh)
    #expect(try age(at: 1000, expires: 1000) == .expired)
    #expect(try age(at: 1000, issued: 900, expires: 1000, fresh: 500) == .expired)
  }

  @Test func `the writer signs nothing that a device would refuse`() throws {
    var unsorted = goldenDraft()
    unsorted.devices.reverse()
    var twice = goldenDraft()
    twice.revoked.append(identity(9))
    var nameless = goldenDraft()
    nameless.head.network = BoundedBytes()
    var ageless = goldenDraft()
    ageless.head.issued = nil
    var headless = goldenDraft()
    headless.authorities = []
    for draft in [unsorted, twice, nameless, ageless, headless] {
      #expect(throws: TrustError.malformed) { try draft.signed(key: goldenSecret) }
    }
  }

  @Test func `a writer without space says so`() throws {
    #expect(throws: WireError.noSpace) { try goldenDraft().signed(key: goldenSecret, size: 300) }
    #expect(throws: TrustError.noSpace) {
      try goldenDraft().signed(key: goldenSecret, size: golden.count - 1)
    }
  }
}
