// One issuer, one device, a trust document that names them, and tickets: what the benches decide
// about. Everything is made anew for each run.

import Limits
import Platform
import Seal
import Tickets
import Trust
import Wire

struct Fixture: ~Copyable {
  static let event: UInt32 = 2026
  static let zone: UInt32 = 1
  static let node: UInt64 = 1001
  static let bytesPerTicket = 256

  let authority: SecretKey
  let issuer: SecretKey
  let device: SecretKey
  private(set) var document: Memory
  private(set) var documentBytes = 0
  private var texts: Memory
  private var lengths: [Int] = []

  init(tickets: Int) {
    var seeds: [SecretKey] = []
    for _ in 0..<3 {
      var seed = Bytes<32>()
      var target = seed.mutableSpan
      Sodium.random(into: &target)
      seeds.append(Sodium.secretKey(seed: seed))
    }
    authority = seeds[0]
    issuer = seeds[1]
    device = seeds[2]
    guard
      var arena = System.arena(
        bytes: tickets * Self.bytesPerTicket + 4 * Limits.trustBytesMax + 8 * Limits.pageBytes)
    else { fatalError("there is not enough memory for the tickets") }
    texts = arena.take(tickets * Self.bytesPerTicket)
    document = arena.take(Limits.trustBytesMax)
    var payload = arena.take(Limits.trustBytesMax)
    var scratch = arena.take(Limits.trustBytesMax + 128)
    documentBytes = Self.sign(
      authority: authority, issuer: issuer, device: device, payload: &payload, scratch: &scratch,
      into: &document)
    for number in 0..<tickets { lengths.append(mint(number)) }
  }

  var keyID: BoundedBytes<32> { Self.keyID(issuer) }

  private static func keyID(_ issuer: SecretKey) -> BoundedBytes<32> {
    let digest = Sodium.sha256(Sodium.publicKey(of: issuer).span)
    return BoundedBytes(digest.span.extracting(first: 4)) ?? BoundedBytes()
  }

  /// The text of ticket `number`.
  @_lifetime(borrow self)
  func text(_ number: Int) -> Span<UInt8> {
    let start = number * Self.bytesPerTicket
    return texts.span(start..<start + lengths[number])
  }

  private mutating func mint(_ number: Int) -> Int {
    var id = Bytes<8>()
    var target = id.mutableSpan
    target.put(UInt64(number), at: 0)
    let claims = Claims(
      ticketID: BoundedBytes(id.span) ?? BoundedBytes(), event: Self.event, zoneMask: 3,
      notBefore: 1_600_000_000, expires: 4_000_000_000)
    let start = number * Self.bytesPerTicket
    let keyID = self.keyID
    let key = issuer
    var output = texts.mutableSpan(start..<start + Self.bytesPerTicket)
    do throws(TicketError) {
      return try Ticket.mint(
        claims, keyID: keyID.span, key: key, with: Sodium.self, into: &output)
    } catch {
      fatalError("a ticket cannot be minted")
    }
  }

  private static func sign(
    authority: SecretKey, issuer: SecretKey, device: SecretKey, payload: inout Memory,
    scratch: inout Memory, into document: inout Memory
  ) -> Int {
    var writer = try! TrustWriter(
      payload.mutableSpan, head: TrustHead(version: 1, network: BoundedBytes("bench")))
    try! writer.authorities(1)
    try! writer.authority(Sodium.publicKey(of: authority))
    try! writer.issuers(1)
    try! writer.issuer(Issuer(keyID: keyID(issuer), key: Sodium.publicKey(of: issuer)))
    try! writer.pretixKeys(0)
    try! writer.revoked(0)
    try! writer.blocked(0)
    try! writer.devices(1)
    try! writer.device(
      Device(
        node: node, role: .gate, key: Sodium.publicKey(of: device), zone: zone, epoch: 1))
    try! writer.validators(0)
    var room = scratch.mutableSpan
    var target = document.mutableSpan
    return try! writer.finish(key: authority, with: Sodium.self, scratch: &room, into: &target)
  }
}
