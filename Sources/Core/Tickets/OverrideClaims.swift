// The claims of a supervisor's override (Records/FORMAT.md, "Override"): a credential of its own
// that lets a gate admit one ticket that its rules refuse.
// Invariants: as for a ticket's claims: no key twice, nothing that is missing, nothing negative.

import Limits
public import Wire

public struct OverrideClaims: Equatable, Sendable {
  /// `cti`: 8 to 16 bytes, the nonce.
  public var nonce: BoundedBytes<16>
  public var event: UInt32
  /// The node number of the gate that it is for; 0 for any gate of the event.
  public var gate: UInt64
  /// How many tickets it admits.
  public var uses: UInt16
  /// Unix seconds, as a ticket's.
  public var notBefore: UInt64?
  public var expires: UInt64?

  public init(
    nonce: BoundedBytes<16>, event: UInt32, gate: UInt64 = 0, uses: UInt16 = 1,
    notBefore: UInt64? = nil, expires: UInt64? = nil
  ) {
    self.nonce = nonce
    self.event = event
    self.gate = gate
    self.uses = uses
    self.notBefore = notBefore
    self.expires = expires
  }

  private static var keyExpires: Int64 { 4 }
  private static var keyNotBefore: Int64 { 5 }
  private static var keyIssuedAt: Int64 { 6 }
  private static var keyNonce: Int64 { 7 }
  private static var keyOverride: Int64 { -65538 }

  /// - Throws: `malformed`.
  public init(parsing payload: Span<UInt8>) throws(TicketError) {
    do throws(WireError) {
      self = try Self.read(payload)
    } catch {
      throw .malformed
    }
  }

  private static func read(_ payload: Span<UInt8>) throws(WireError) -> OverrideClaims {
    var claims = OverrideClaims(nonce: BoundedBytes(), event: 0)
    var isOverride = false
    var keys = MapKeys()
    var reader = CBORReader(payload)
    for _ in 0..<(try reader.map(max: MapKeys.capacity)) {
      switch try keys.take(&reader) {
      case keyExpires: claims.expires = try reader.unsigned()
      case keyNotBefore: claims.notBefore = try reader.unsigned()
      case keyIssuedAt: _ = try reader.unsigned()
      case keyNonce:
        let nonce = try BoundedBytes<16>(reader.byteString())
        guard let nonce, nonce.count >= Limits.ticketIDBytesMin else { throw .outOfRange }
        claims.nonce = nonce
      case keyOverride:
        try reader.array(exactly: 3)
        claims.event = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
        claims.gate = try reader.unsigned(max: Limits.nodeMax)
        claims.uses = try UInt16(reader.unsigned(max: UInt64(UInt16.max)))
        isOverride = true
      default: try reader.skip()
      }
    }
    try reader.finish()
    guard isOverride, !claims.nonce.isEmpty else { throw .truncated }
    return claims
  }

  /// Writes the claims in deterministic order (RFC 8949 4.2.1); returns their length, at most 80.
  /// - Precondition: the nonce has 8 to 16 bytes; `output` at least 80.
  /// - Throws: `noSpace`.
  @_lifetime(output: copy output)
  func encode(into output: inout MutableSpan<UInt8>) throws(WireError) -> Int {
    precondition(nonce.count >= Limits.ticketIDBytesMin, "a nonce is too short to be unique")
    var writer = CBORWriter(output.whole())
    try writer.map(2 + (expires == nil ? 0 : 1) + (notBefore == nil ? 0 : 1))
    if let expires {
      try writer.integer(Self.keyExpires)
      try writer.unsigned(expires)
    }
    if let notBefore {
      try writer.integer(Self.keyNotBefore)
      try writer.unsigned(notBefore)
    }
    try writer.integer(Self.keyNonce)
    try writer.byteString(nonce.span)
    try writer.integer(Self.keyOverride)
    try writer.array(3)
    try writer.unsigned(UInt64(event))
    try writer.unsigned(gate)
    try writer.unsigned(UInt64(uses))
    return writer.count
  }
}
