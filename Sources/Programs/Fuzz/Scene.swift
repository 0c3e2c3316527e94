// A gate, a trust document, and every ticket that was ever minted for it: what a scanned code is
// decided against. All keys come from fixed seeds, so that a saved input means the same tomorrow.

import Gates
import Limits
import Records
import Seal
import Tickets
import Trust
import Wire

final class Scene {
  static let place = Place(event: 2026, zone: 1)
  static let now = Instant(milliseconds: 1_800_000_000_500, uncertainty: 2_000, boot: 1)

  let trust: TrustDocument<Sodium>
  /// The same document, for which every signature holds.
  let unsigned: TrustDocument<Unsigned>
  let texts: [[UInt8]]
  /// What is decided about `texts`: of other texts no claim may ever be read.
  let verdicts: [Verdict]

  init() {
    let document = Self.document()
    trust = Self.load(document)
    unsigned = Self.load(document)
    texts = Self.cwtTickets() + Self.pretixTickets()
    var verdicts: [Verdict] = []
    for text in texts {
      verdicts.append(Gate.examine(text.span, trust: trust, place: Self.place, now: Self.now))
    }
    self.verdicts = verdicts
  }

  /// The tickets' bytes.
  static func cwtBytes() -> [[UInt8]] {
    cwtTickets().map { text in
      var bytes = [UInt8](repeating: 0, count: Limits.ticketBytesMax)
      var target = bytes.mutableSpan
      let count = try! TicketEnvelope.decode(text.span, into: &target)
      return Array(bytes.prefix(count))
    }
  }

  static func pretixBytes() -> [[UInt8]] {
    pretixTickets().map { text in
      var bytes = [UInt8](repeating: 0, count: Limits.ticketBytesMax)
      var target = bytes.mutableSpan
      let count = try! PretixEnvelope.decode(text.span, into: &target)
      return Array(bytes.prefix(count))
    }
  }
}

// Keys.
extension Scene {
  static let authority = secret(1)
  /// Of the issuers: one like any, two that share a key id, one revoked, one for other events, one
  /// whose time is over.
  static let issuers: [(keyID: StaticString, key: SecretKey)] = [
    ("main", secret(2)), ("twin", secret(3)), ("twin", secret(4)), ("gone", secret(5)),
    ("away", secret(6)), ("past", secret(7)),
  ]
  static let pretix = secret(8)
  static let pretixRevoked = secret(9)

  static func secret(_ number: UInt8) -> SecretKey {
    var seed = Bytes<32>()
    seed.storage[0] = number
    return Sodium.secretKey(seed: seed)
  }

  static func open(_ key: SecretKey) -> PublicKey { Sodium.publicKey(of: key) }
}

// The trust document.
extension Scene {
  private static func load<P: Primitives>(_ document: [UInt8]) -> TrustDocument<P> {
    var trust = TrustDocument<P>(memory: takeMemory(TrustDocument<P>.memoryBytes))
    var scratch = takeMemory(TrustDocument<P>.scratchBytes)
    var room = scratch.mutableSpan
    _ = try! trust.load(document.span, anchor: .pinned(open(authority)), scratch: &room)
    return trust
  }

  /// - Parameter hasRules: whether rules stand in it, which change what is decided about a ticket.
  static func document(hasRules: Bool = false) -> [UInt8] {
    let head = TrustHead(
      version: 7, network: BoundedBytes("fuzz"), issued: 1_799_999_000, expires: 1_900_000_000,
      freshSeconds: 86_400, staleSeconds: 604_800)
    var payload = takeMemory(Limits.trustBytesMax)
    var writer = try! TrustWriter(payload.mutableSpan, head: head, hasRules: hasRules)
    try! writer.authorities(1)
    try! writer.authority(open(authority))
    try! writer.issuers(issuers.count)
    for (i, (keyID, key)) in issuers.enumerated() {
      var issuer = Issuer(
        keyID: BoundedBytes(keyID), key: open(key), status: i == 3 ? .revoked : .active,
        notAfter: i == 5 ? 1_700_000_000 : nil)
      if i == 4 { issuer.append(event: 2025) }
      try! writer.issuer(issuer)
    }
    try! writer.pretixKeys(2)
    // The first one is the one for which every signature holds when nobody checks them.
    try! writer.pretixKey(PretixKey(event: 2026, key: open(pretix)))
    try! writer.pretixKey(PretixKey(event: 2026, key: open(pretixRevoked), status: .revoked))
    try! writer.revoked(1)
    try! writer.identity(identity(0x66))
    try! writer.blocked(1)
    try! writer.identity(identity(0x77))
    if hasRules { writeRules(to: &writer) }
    try! writer.devices(2)
    for (i, role) in [DeviceRole.gate, .rover].enumerated() {
      try! writer.device(
        Device(
          node: 1001 + UInt64(i), role: role, key: open(secret(10 + UInt8(i))), zone: 1, epoch: 5))
    }
    try! writer.validators(1)
    try! writer.validator(Validator(node: 1, key: open(secret(12))))
    var scratch = takeMemory(TrustDocument<Sodium>.scratchBytes)
    var room = scratch.mutableSpan
    var output = takeMemory(Limits.trustBytesMax)
    var target = output.mutableSpan
    let count = try! writer.finish(
      key: authority, with: Sodium.self, scratch: &room, into: &target)
    return [UInt8](output.span(0..<count))
  }

  private static func writeRules(to writer: inout TrustWriter) {
    try! writer.products(2)
    try! writer.product(Product(event: 2026, item: 1637, ticketClass: 1))
    try! writer.product(Product(event: 2026, item: 1637, variation: 7, zones: 3, entries: 2))
    try! writer.rules(2)
    try! writer.rule(Rule(event: 2026))
    var rule = Rule(
      event: 2026, ticketClass: 4, zones: 1, entries: 10, entriesPerDay: 2, dayStart: 14_400,
      allowsReentry: false, passbackMinutes: 30)
    rule.append(Rule.Window(from: 1_700_000_000, until: 1_900_000_000))
    try! writer.rule(rule)
    try! writer.areas(1)
    try! writer.area(Area(number: 1, capacity: 500))
    try! writer.supervisors(1)
    try! writer.supervisor(Issuer(keyID: BoundedBytes("boss"), key: open(secret(13))))
  }

  private static func identity(_ number: UInt8) -> TicketIdentity {
    Ticket.identity(issuerKey: open(issuers[0].key), ticketID: ticketID(number), with: Sodium.self)
  }
}

// Tickets.
extension Scene {
  private static func ticketID(_ number: UInt8) -> BoundedBytes<16> {
    BoundedBytes([UInt8](repeating: number, count: 8).span)!
  }

  private static func claims(
    _ number: UInt8, event: UInt32 = 2026, zones: UInt32 = 3, entries: UInt16 = 2,
    from notBefore: UInt64? = nil, until expires: UInt64? = nil
  ) -> Claims {
    Claims(
      ticketID: ticketID(number), event: event, zoneMask: zones, ticketClass: 4, entries: entries,
      notBefore: notBefore, expires: expires)
  }

  private static func mint(
    _ claims: Claims, by issuer: Int = 0, algorithm: Int64 = Sign1.ed25519, name: [UInt8]? = nil
  ) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
    var target = text.mutableSpan
    let keyID = BoundedBytes<32>(issuers[issuer].keyID)
    let count = try! Ticket.mint(
      claims, issuer: name?.span, subject: name?.span, audience: name?.span, algorithm: algorithm,
      keyID: keyID.span, key: issuers[issuer].key, with: Sodium.self, into: &target)
    return Array(text.prefix(count))
  }

  /// A text for every way of the decision.
  static func cwtTickets() -> [[UInt8]] {
    [
      mint(claims(1)),
      mint(claims(2, from: 1_700_000_000, until: 1_850_000_000), name: Array("Jörg".utf8)),
      mint(claims(3), algorithm: Sign1.edDSA),
      mint(claims(4, until: 1_700_000_000)), mint(claims(5, from: 1_850_000_000)),
      mint(claims(6, event: 2027)), mint(claims(7, zones: 2)), mint(claims(8, entries: 0)),
      mint(claims(9), by: 2), mint(claims(10), by: 3), mint(claims(11), by: 4),
      mint(claims(12), by: 5), mint(claims(0x66)), mint(claims(0x77)),
    ]
  }

  private static func mint(_ claims: PretixClaims, by key: SecretKey = pretix) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
    var target = text.mutableSpan
    let count = try! PretixEnvelope.mint(claims, key: key, with: Sodium.self, into: &target)
    return Array(text.prefix(count))
  }

  static func pretixTickets() -> [[UInt8]] {
    [
      mint(PretixClaims(seed: BoundedBytes("aBcDeFgHi"), item: 1637)),
      mint(
        PretixClaims(
          seed: BoundedBytes("window"), item: 1, variation: 200, subevent: 3,
          validFrom: 1_700_000_000, validUntil: 1_800_000_000)),
      mint(PretixClaims(seed: BoundedBytes("later"), validFrom: 1_850_000_000)),
      mint(PretixClaims(seed: BoundedBytes("over"), validUntil: 1_700_000_000)),
      mint(PretixClaims(seed: BoundedBytes("key")), by: pretixRevoked),
    ]
  }
}
