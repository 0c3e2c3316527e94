// A box office for the gate's tests: issuers, a trust document, tickets.

import Gates
import Limits
import Records
import Seal
import Tickets
import Trust
import Wire

func secretKey(_ number: UInt8) -> SecretKey {
  Sodium.secretKey(seed: Bytes<32>([UInt8](repeating: number, count: 32).span))
}

func keyID(_ text: String) -> BoundedBytes<32> { BoundedBytes<32>(Array(text.utf8).span)! }

func claims(
  _ number: UInt8 = 1, event: UInt32 = 2026, zones: UInt32 = 0b0101, entries: UInt16 = 1,
  from notBefore: UInt64? = nil, until expires: UInt64? = nil
) -> Claims {
  let id = BoundedBytes<16>([UInt8](repeating: number, count: 8).span)!
  return Claims(
    ticketID: id, event: event, zoneMask: zones, ticketClass: 3, entries: entries,
    notBefore: notBefore, expires: expires)
}

/// A ticket's text.
func mint(
  _ claims: Claims, by key: SecretKey = secretKey(1), keyID id: String = "main"
) throws -> [UInt8] {
  var text = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
  var space = text.mutableSpan
  let count = try Ticket.mint(
    claims, keyID: Array(id.utf8).span, key: key, with: Sodium.self, into: &space)
  return Array(text.prefix(count))
}

/// The bytes of a payload, signed like a ticket.
func seal(_ payload: [UInt8], by key: SecretKey = secretKey(1), keyID id: String = "main") throws
  -> [UInt8]
{
  var scratch = [UInt8](repeating: 0, count: payload.count + 128)
  var ticket = [UInt8](repeating: 0, count: 1024)
  var scratchSpace = scratch.mutableSpan
  var space = ticket.mutableSpan
  let count = try Sign1.sign(
    payload.span, keyID: Array(id.utf8).span, key: key, with: Sodium.self, scratch: &scratchSpace,
    into: &space)
  return text(Array(ticket.prefix(count)))
}

func text(_ ticket: [UInt8]) -> [UInt8] {
  var text = [UInt8](repeating: 0, count: Base45.encodedCount(ticket.count))
  var space = text.mutableSpan
  let count = try! Base45.encode(ticket.span, into: &space)
  return Array(text.prefix(count))
}

func bytes(_ text: [UInt8]) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: text.count)
  var space = bytes.mutableSpan
  let count = try! Base45.decode(text.span, into: &space)
  return Array(bytes.prefix(count))
}

func ticketIdentity(_ claims: Claims, by key: SecretKey = secretKey(1)) -> TicketIdentity {
  Ticket.identity(
    issuerKey: Sodium.publicKey(of: key), ticketID: claims.ticketID, with: Sodium.self)
}

func issuer(
  _ number: UInt8, keyID id: String = "main", status: KeyStatus = .active, events: [UInt32] = [],
  from notBefore: UInt64? = nil, until notAfter: UInt64? = nil
) -> Issuer {
  var issuer = Issuer(
    keyID: keyID(id), key: Sodium.publicKey(of: secretKey(number)), status: status,
    notBefore: notBefore, notAfter: notAfter)
  for event in events { issuer.append(event: event) }
  return issuer
}

/// A gate of event 2026, zone 1, with a used-set.
final class Box {
  static let noon: Int64 = 1_800_000_000
  var trust: TrustDocument<Sodium>
  let rig: UsedRig
  var place = Place(event: 2026, zone: 0b0001)

  init(
    issuers: [Issuer] = [issuer(1)], pretixKeys: [PretixKey] = [], revoked: [TicketIdentity] = [],
    blocked: [TicketIdentity] = [], products: [Product] = [], rules: [Rule] = [],
    areas: [Area] = [], supervisors: [Issuer] = [], issued: UInt64? = nil, expires: UInt64? = nil,
    staleSeconds: UInt64? = nil
  ) throws {
    let size = TrustDocument<Sodium>.memoryBytes
    let base = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    base.initialize(repeating: 0, count: size)
    trust = TrustDocument<Sodium>(memory: Memory(unsafe: base, count: size))
    rig = UsedRig.created(tickets: 100)
    var payload = [UInt8](repeating: 0, count: size)
    var space = payload.mutableSpan
    var writer = try TrustWriter(
      space.whole(),
      head: TrustHead(
        version: 1, network: BoundedBytes("test"), issued: issued, expires: expires,
        staleSeconds: staleSeconds),
      hasRules: !(products.isEmpty && rules.isEmpty && areas.isEmpty && supervisors.isEmpty))
    let authority = secretKey(200)
    try writer.authorities(1)
    try writer.authority(Sodium.publicKey(of: authority))
    try writer.issuers(issuers.count)
    for issuer in issuers { try writer.issuer(issuer) }
    try writer.pretixKeys(pretixKeys.count)
    for key in pretixKeys { try writer.pretixKey(key) }
    try writer.revoked(revoked.count)
    for identity in revoked.sorted(by: <) { try writer.identity(identity) }
    try writer.blocked(blocked.count)
    for identity in blocked.sorted(by: <) { try writer.identity(identity) }
    if !(products.isEmpty && rules.isEmpty && areas.isEmpty && supervisors.isEmpty) {
      try writer.products(products.count)
      for product in products { try writer.product(product) }
      try writer.rules(rules.count)
      for rule in rules { try writer.rule(rule) }
      try writer.areas(areas.count)
      for area in areas { try writer.area(area) }
      try writer.supervisors(supervisors.count)
      for supervisor in supervisors { try writer.supervisor(supervisor) }
    }
    try writer.devices(0)
    try writer.validators(0)
    var scratch = [UInt8](repeating: 0, count: TrustDocument<Sodium>.scratchBytes)
    var document = [UInt8](repeating: 0, count: size)
    var scratchSpace = scratch.mutableSpan
    var documentSpace = document.mutableSpan
    let count = try writer.finish(
      key: authority, with: Sodium.self, scratch: &scratchSpace, into: &documentSpace)
    _ = try trust.load(
      document.span.extracting(first: count),
      anchor: .pinned(Sodium.publicKey(of: authority)), scratch: &scratchSpace)
  }

  func examine(
    _ text: [UInt8], at seconds: Int64 = Box.noon, uncertainty: UInt32 = 0
  ) -> Verdict {
    Gate.examine(
      text.span, trust: trust, place: place,
      now: Instant(milliseconds: seconds * 1000, uncertainty: uncertainty))
  }

  func reason(_ text: [UInt8], at seconds: Int64 = Box.noon, uncertainty: UInt32 = 0) -> Reason {
    examine(text, at: seconds, uncertainty: uncertainty).reason
  }

  /// Admits, and records the use as an agent does.
  @discardableResult
  func admit(
    _ text: [UInt8], at seconds: Int64 = Box.noon, override: Override? = nil
  ) throws -> Verdict {
    let verdict = Gate.admit(
      text.span, trust: trust, place: place, now: Instant(milliseconds: seconds * 1000),
      override: override, used: &rig.used, disk: &rig.disk)
    guard verdict.opensGate else { return verdict }
    try rig.used.recordUse(verdict.identity!, ordinal: verdict.use, last: verdict.passage)
    rig.used.count(verdict.passage)
    if let override = verdict.override {
      try rig.used.recordUse(override.identity, ordinal: override.use)
    }
    return verdict
  }

  /// Somebody leaves.
  @discardableResult
  func leave(_ text: [UInt8], at seconds: Int64 = Box.noon) throws -> Verdict {
    place.isExit = true
    defer { place.isExit = false }
    return try admit(text, at: seconds)
  }

  /// Nobody went through.
  func annul(_ verdict: Verdict, at seconds: Int64 = Box.noon) throws {
    let passage = Passage(
      .annulled, area: verdict.passage.area, entriesOfDay: verdict.passage.entriesOfDay - 1,
      at: seconds)
    try rig.used.recordUse(verdict.identity!, ordinal: verdict.use, last: passage)
    rig.used.count(passage)
  }

  func inside(_ area: UInt8) -> UInt32 { rig.used.count(in: area).inside }
}
