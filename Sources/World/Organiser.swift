// Who holds the keys of a simulated network: the authority, the issuer of its tickets, its validator.
// Invariants: the same seed gives the same keys; documents and tickets are made by the core's own
// writers.

public import Agent
import Limits
public import Tickets
public import Trust
public import Wire

/// A device as the trust document names it.
public struct Enrolment: Sendable {
  public var node: UInt64
  public var epoch: UInt64
  public var key: SecretKey
  public var status: KeyStatus

  public init(node: UInt64, epoch: UInt64, key: SecretKey, status: KeyStatus = .active) {
    self.node = node
    self.epoch = epoch
    self.key = key
    self.status = status
  }
}

public struct Organiser<P: Primitives>: Sendable {
  public static var event: UInt32 { 2026 }
  public static var validatorNode: UInt64 { 1 }

  public let authority: SecretKey
  /// Who signs after the authority's key was rotated.
  public let nextAuthority: SecretKey
  public let issuer: SecretKey
  public let validator: SecretKey
  private let secretKey: @Sendable (Bytes<32>) -> SecretKey

  /// - Parameter secretKey: the secret key of an RFC 8032 seed.
  public init(secretKey: @escaping @Sendable (Bytes<32>) -> SecretKey) {
    self.secretKey = secretKey
    authority = secretKey(Self.seed(1))
    nextAuthority = secretKey(Self.seed(2))
    issuer = secretKey(Self.seed(3))
    validator = secretKey(Self.seed(4))
  }

  public static func publicKey(of key: SecretKey) -> PublicKey {
    PublicKey(key.span.extracting(32..<64))
  }

  private static func seed(_ number: UInt64) -> Bytes<32> {
    var seed = Bytes<32>()
    var bytes = seed.mutableSpan
    bytes.put(number, at: 0)
    return seed
  }

  // MARK: Devices

  public func enrolment(_ node: UInt64, epoch: UInt64 = 9) -> Enrolment {
    Enrolment(node: node, epoch: epoch, key: secretKey(Self.seed(node)))
  }

  public func settings(
    _ node: UInt64, onStorageError: StoragePolicy = .closed, usedTickets: Int = 1000
  ) -> Settings {
    Settings(
      node: node, event: Self.event, zone: 1, upstream: Self.validatorNode,
      onStorageError: onStorageError, usedTickets: usedTickets, key: secretKey(Self.seed(node)),
      authority: Self.publicKey(of: authority))
  }

  // MARK: Trust

  /// A signed trust document.
  /// - Parameters:
  ///   - issued: Unix seconds.
  ///   - signer: the authority's key by default.
  ///   - successors: who may sign the next one; the signer alone by default.
  public func trust(
    version: UInt64, devices: [Enrolment], revoked: [TicketIdentity] = [], issued: UInt64? = nil,
    signedBy signer: SecretKey? = nil, successors: [SecretKey]? = nil, rules: [Rule] = [],
    areas: [Area] = [], supervisors: [Issuer] = [], shards: [[UInt8]] = []
  ) throws(TrustError) -> [UInt8] {
    let signer = signer ?? authority
    let successors = successors ?? [signer]
    var payload = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    var scratch = [UInt8](repeating: 0, count: Limits.trustBytesMax + 128)
    var document = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    var payloadSpace = payload.mutableSpan
    var scratchSpace = scratch.mutableSpan
    var documentSpace = document.mutableSpan
    let count: Int
    do throws(WireError) {
      var writer = try TrustWriter(
        payloadSpace.whole(),
        head: TrustHead(version: version, network: BoundedBytes("world"), issued: issued),
        hasRules: !(rules.isEmpty && areas.isEmpty && supervisors.isEmpty),
        hasManifest: !shards.isEmpty)
      try writer.authorities(successors.count)
      for key in successors { try writer.authority(Self.publicKey(of: key)) }
      try writer.issuers(1)
      try writer.issuer(
        Issuer(
          keyID: BoundedBytes("main"), key: Self.publicKey(of: issuer), status: .active,
          notBefore: nil, notAfter: nil))
      try writer.pretixKeys(0)
      try writer.revoked(revoked.count)
      for identity in revoked.sorted(by: <) { try writer.identity(identity) }
      try writer.blocked(0)
      if !(rules.isEmpty && areas.isEmpty && supervisors.isEmpty) {
        try writer.products(0)
        try writer.rules(rules.count)
        for rule in rules { try writer.rule(rule) }
        try writer.areas(areas.count)
        for area in areas { try writer.area(area) }
        try writer.supervisors(supervisors.count)
        for supervisor in supervisors { try writer.supervisor(supervisor) }
      }
      try writer.devices(devices.count)
      for device in devices {
        try writer.device(
          Device(
            node: device.node, role: .gate, key: Self.publicKey(of: device.key), zone: 1,
            epoch: device.epoch, status: device.status))
      }
      try writer.validators(1)
      try writer.validator(
        Validator(node: Self.validatorNode, key: Self.publicKey(of: validator)))
      if !shards.isEmpty {
        try writer.manifest(RevocationManifest(bits: shards.count.trailingZeroBitCount))
        for shard in shards { try writer.shard(RevocationShard.hash(shard.span, with: P.self)) }
      }
      do throws(TrustError) {
        count = try writer.finish(
          key: signer, with: P.self, scratch: &scratchSpace, into: &documentSpace)
      } catch {
        throw WireError.noSpace
      }
    } catch {
      throw .noSpace
    }
    return Array(document[..<count])
  }

  // MARK: Tickets

  private func claims(_ number: Int, entries: UInt16, until expires: UInt64?) -> Claims {
    var id = Bytes<8>()
    var bytes = id.mutableSpan
    bytes.put(UInt64(number), at: 0)
    return Claims(
      ticketID: BoundedBytes(id.span) ?? BoundedBytes(), event: Self.event, zoneMask: 1,
      ticketClass: 0, entries: entries, notBefore: nil, expires: expires)
  }

  /// The text of ticket `number`.
  /// - Parameter signer: the issuer's key by default; another one forges.
  public func ticket(
    _ number: Int, entries: UInt16 = 1, until expires: UInt64? = nil,
    signedBy signer: SecretKey? = nil
  ) throws(TicketError) -> [UInt8] {
    let keyID = BoundedBytes<4>("main")
    var text = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
    var space = text.mutableSpan
    let count = try Ticket.mint(
      claims(number, entries: entries, until: expires), keyID: keyID.span, key: signer ?? issuer,
      with: P.self, into: &space)
    return Array(text[..<count])
  }

  /// What makes ticket `number` the same ticket.
  public func identity(_ number: Int) -> TicketIdentity {
    Ticket.identity(
      issuerKey: Self.publicKey(of: issuer),
      ticketID: claims(number, entries: 1, until: nil).ticketID, with: P.self)
  }
}
