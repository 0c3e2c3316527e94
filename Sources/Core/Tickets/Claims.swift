// The claims of a ticket (RFC 8392 3.1 and claim -65537, which is ours), read and written.
// Invariants: no key stands twice; `cti` and claim -65537 are there; times are unsigned integers.
// Keys may come in any order: the CBOR libraries of other issuers keep the order of insertion.

import Limits
public import Wire

public struct Claims: Equatable, Sendable {
  /// `cti`: 8 to 16 bytes, unique for the issuer.
  public var ticketID: BoundedBytes<16>
  /// `exp`, Unix seconds: the first second at which the ticket is expired.
  public var expires: UInt64?
  /// `nbf`, Unix seconds: the first second at which the ticket is valid.
  public var notBefore: UInt64?
  /// `iat`, Unix seconds.
  public var issuedAt: UInt64?
  public var event: UInt32
  /// A zone admits if it shares a bit with this.
  public var zoneMask: UInt32
  public var ticketClass: UInt8
  /// How often the ticket admits.
  public var entries: UInt16
  /// `iss`, `sub`, `aud`: where their UTF-8 stands in the payload that was parsed.
  public var issuer: Range<Int>?
  public var subject: Range<Int>?
  public var audience: Range<Int>?

  public init(
    ticketID: BoundedBytes<16>, event: UInt32, zoneMask: UInt32, ticketClass: UInt8 = 0,
    entries: UInt16 = 1, notBefore: UInt64? = nil, expires: UInt64? = nil, issuedAt: UInt64? = nil
  ) {
    self.ticketID = ticketID
    self.event = event
    self.zoneMask = zoneMask
    self.ticketClass = ticketClass
    self.entries = entries
    self.notBefore = notBefore
    self.expires = expires
    self.issuedAt = issuedAt
  }

  private static let keyIssuer: Int64 = 1
  private static let keySubject: Int64 = 2
  private static let keyAudience: Int64 = 3
  private static let keyExpires: Int64 = 4
  private static let keyNotBefore: Int64 = 5
  private static let keyIssuedAt: Int64 = 6
  private static let keyTicketID: Int64 = 7
  private static let keyAdmission: Int64 = -65537

  /// Parses a payload. Claims that are not in FORMAT.md are skipped.
  /// - Throws: `malformed`.
  public init(parsing payload: Span<UInt8>) throws(TicketError) {
    do throws(WireError) {
      self = try Self.read(payload)
    } catch {
      throw .malformed
    }
  }

  private static func read(_ payload: Span<UInt8>) throws(WireError) -> Claims {
    var claims = Claims(ticketID: BoundedBytes(), event: 0, zoneMask: 0)
    var hasAdmission = false
    var keys = MapKeys()
    var reader = CBORReader(payload)
    for _ in 0..<(try reader.map(max: MapKeys.capacity)) {
      switch try keys.take(&reader) {
      case keyIssuer: claims.issuer = try textRange(&reader)
      case keySubject: claims.subject = try textRange(&reader)
      case keyAudience: claims.audience = try textRange(&reader)
      case keyExpires: claims.expires = try reader.unsigned()
      case keyNotBefore: claims.notBefore = try reader.unsigned()
      case keyIssuedAt: claims.issuedAt = try reader.unsigned()
      case keyTicketID:
        let id = try BoundedBytes<16>(reader.byteString())
        guard let id, id.count >= Limits.ticketIDBytesMin else { throw .outOfRange }
        claims.ticketID = id
      case keyAdmission:
        try claims.readAdmission(&reader)
        hasAdmission = true
      default: try reader.skip()
      }
    }
    try reader.finish()
    guard hasAdmission, !claims.ticketID.isEmpty else { throw .truncated }
    return claims
  }

  private mutating func readAdmission(_ reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 4)
    event = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    zoneMask = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    ticketClass = try UInt8(reader.unsigned(max: UInt64(UInt8.max)))
    entries = try UInt16(reader.unsigned(max: UInt64(UInt16.max)))
  }

  private static func textRange(_ reader: inout CBORReader) throws(WireError) -> Range<Int> {
    let count = try reader.text().count
    return reader.position - count..<reader.position
  }

  /// Writes the claims in deterministic order (RFC 8949 4.2.1); returns their length.
  /// - Parameters:
  ///   - issuer: `iss` in UTF-8; likewise `subject` and `audience`. The ranges of a parsed
  ///     payload are not followed.
  /// - Precondition: `ticketID` has 8 to 16 bytes.
  /// - Throws: `noSpace`.
  @_lifetime(output: copy output)
  public func encode(
    issuer: Span<UInt8>? = nil, subject: Span<UInt8>? = nil, audience: Span<UInt8>? = nil,
    into output: inout MutableSpan<UInt8>
  ) throws(TicketError) -> Int {
    precondition(ticketID.count >= Limits.ticketIDBytesMin, "a cti is too short to be unique")
    var writer = CBORWriter(output.whole())
    do throws(WireError) {
      var pairs = 2
      if issuer != nil { pairs += 1 }
      if subject != nil { pairs += 1 }
      if audience != nil { pairs += 1 }
      if expires != nil { pairs += 1 }
      if notBefore != nil { pairs += 1 }
      if issuedAt != nil { pairs += 1 }
      try writer.map(pairs)
      try Self.write(Self.keyIssuer, issuer, to: &writer)
      try Self.write(Self.keySubject, subject, to: &writer)
      try Self.write(Self.keyAudience, audience, to: &writer)
      try Self.write(Self.keyExpires, expires, to: &writer)
      try Self.write(Self.keyNotBefore, notBefore, to: &writer)
      try Self.write(Self.keyIssuedAt, issuedAt, to: &writer)
      try writer.integer(Self.keyTicketID)
      try writer.byteString(ticketID.span)
      try writer.integer(Self.keyAdmission)
      try writer.array(4)
      try writer.unsigned(UInt64(event))
      try writer.unsigned(UInt64(zoneMask))
      try writer.unsigned(UInt64(ticketClass))
      try writer.unsigned(UInt64(entries))
    } catch {
      throw .noSpace
    }
    return writer.count
  }

  @_lifetime(writer: copy writer)
  private static func write(
    _ key: Int64, _ text: Span<UInt8>?, to writer: inout CBORWriter
  ) throws(WireError) {
    guard let text else { return }
    try writer.integer(key)
    try writer.text(text)
  }

  @_lifetime(writer: copy writer)
  private static func write(
    _ key: Int64, _ time: UInt64?, to writer: inout CBORWriter
  ) throws(WireError) {
    guard let time else { return }
    try writer.integer(key)
    try writer.unsigned(time)
  }
}
