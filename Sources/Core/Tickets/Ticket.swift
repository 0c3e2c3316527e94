// A ticket, whatever its format, and what makes two spellings of a code the same ticket.
// Invariants: it is made of claims whose signature holds; its identity comes from signed bytes and
// the key that signed them, never from the scanned text.

import Limits
public import Wire

/// What a ticket grants, as both formats are judged.
public struct Ticket: Sendable, Equatable {
  public var identity: TicketIdentity
  /// What the issuer calls it: the `cti`, or pretix's seed.
  public var label: BoundedBytes<64>
  public var event: UInt32
  /// A zone admits if it shares a bit with this.
  public var zoneMask: UInt32
  public var ticketClass: UInt8
  /// How often the ticket admits.
  public var entries: UInt16
  /// Unix seconds: the first second at which it is valid; nil if it always was.
  public var notBefore: UInt64?
  /// Unix seconds: the first second at which it is expired; nil if it never is.
  public var expires: UInt64?

  /// A CWT ticket, signed with the issuer's key.
  public init<P: Primitives>(_ claims: Claims, issuerKey: PublicKey, with primitives: P.Type) {
    identity = Self.identity(issuerKey: issuerKey, ticketID: claims.ticketID, with: P.self)
    label = BoundedBytes(claims.ticketID.span) ?? BoundedBytes()
    event = claims.event
    zoneMask = claims.zoneMask
    ticketClass = claims.ticketClass
    entries = claims.entries
    notBefore = claims.notBefore
    expires = claims.expires
  }

  /// An override, as it is judged itself: `entries` is how many tickets it admits.
  public init<P: Primitives>(
    _ claims: OverrideClaims, supervisorKey: PublicKey, with primitives: P.Type
  ) {
    identity = Self.identity(supervisorKey: supervisorKey, nonce: claims.nonce, with: P.self)
    label = BoundedBytes(claims.nonce.span) ?? BoundedBytes()
    event = claims.event
    zoneMask = .max
    ticketClass = 0
    entries = claims.uses
    notBefore = claims.notBefore
    expires = claims.expires
  }

  /// A pretix ticket, signed with a key of `event`: sig1 says nothing of zones, class and entries.
  /// It admits once, in all zones, in class 0.
  public init<P: Primitives>(
    _ claims: PretixClaims, event: UInt32, eventKey: PublicKey, with primitives: P.Type
  ) {
    identity = Self.identity(eventKey: eventKey, seed: claims.seed, with: P.self)
    label = claims.seed
    self.event = event
    zoneMask = .max
    ticketClass = 0
    entries = 1
    notBefore = claims.validFrom
    // At most 2^63: an int64 was read.
    expires = claims.validUntil.map { $0 + 1 }
  }

  /// Whether an instant is within the ticket's time. Both ends failing is `expired`.
  /// - Parameter seconds: Unix time.
  public func validity(at seconds: Int64) -> Validity {
    let now = UInt64(max(seconds, 0))
    if let expires, now >= expires { return .expired }
    if let notBefore, now < notBefore { return .notYetValid }
    return .valid
  }

  /// The identity of a CWT ticket: the first 16 bytes of H(0x01 || issuer's public key || cti)
  /// (Records/FORMAT.md).
  public static func identity<P: Primitives>(
    issuerKey: PublicKey, ticketID: BoundedBytes<16>, with primitives: P.Type
  ) -> TicketIdentity {
    identity(0x01, issuerKey, ticketID.span, with: P.self)
  }

  /// The identity of a pretix ticket: the first 16 bytes of H(0x02 || event's public key || seed).
  public static func identity<P: Primitives>(
    eventKey: PublicKey, seed: BoundedBytes<64>, with primitives: P.Type
  ) -> TicketIdentity {
    identity(0x02, eventKey, seed.span, with: P.self)
  }

  /// The identity of an override: the first 16 bytes of H(0x03 || supervisor's public key || cti).
  public static func identity<P: Primitives>(
    supervisorKey: PublicKey, nonce: BoundedBytes<16>, with primitives: P.Type
  ) -> TicketIdentity {
    identity(0x03, supervisorKey, nonce.span, with: P.self)
  }

  private static func identity<P: Primitives>(
    _ format: UInt8, _ key: PublicKey, _ name: Span<UInt8>, with primitives: P.Type
  ) -> TicketIdentity {
    var prefix = InlineArray<33, UInt8>(repeating: format)
    for i in 0..<32 { prefix[i + 1] = key.storage[i] }
    let hash = P.hash(prefix.span, name)
    return TicketIdentity(hash.span.extracting(first: 16))
  }
}

/// Whether an instant is within a ticket's time.
public enum Validity: Equatable, Sendable {
  case valid
  case notYetValid
  case expired
}

extension Ticket {

  /// Signs `claims` and writes the ticket's text (Base45) into the beginning of `output`; returns
  /// the number of characters, at most `Limits.codeTextBytesMax`.
  /// - Parameters:
  ///   - issuer: `iss` in UTF-8; likewise `subject` and `audience`.
  ///   - algorithm: `Sign1.ed25519`, or `Sign1.edDSA` for readers that do not know the former.
  ///   - keyID: 1 to 32 bytes.
  /// - Precondition: the ticket's id has 8 to 16 bytes, the key id 1 to 32.
  /// - Throws: `noSpace` if the ticket would be longer than `Limits.ticketBytesMax` or the output.
  @_lifetime(output: copy output)
  public static func mint<P: Primitives>(
    _ claims: Claims, issuer: Span<UInt8>? = nil, subject: Span<UInt8>? = nil,
    audience: Span<UInt8>? = nil, algorithm: Int64 = Sign1.ed25519, keyID: Span<UInt8>,
    key: SecretKey, with primitives: P.Type, into output: inout MutableSpan<UInt8>
  ) throws(TicketError) -> Int {
    var payload = InlineArray<1024, UInt8>(repeating: 0)
    var payloadSpace = payload.mutableSpan
    let payloadCount = try claims.encode(
      issuer: issuer, subject: subject, audience: audience, into: &payloadSpace)
    return try mint(
      payload.span.extracting(first: payloadCount), algorithm: algorithm, keyID: keyID, key: key,
      with: P.self, into: &output)
  }

  @_lifetime(output: copy output)
  private static func mint<P: Primitives>(
    _ payload: Span<UInt8>, algorithm: Int64, keyID: Span<UInt8>, key: SecretKey,
    with primitives: P.Type, into output: inout MutableSpan<UInt8>
  ) throws(TicketError) -> Int {
    precondition(keyID.count > 0 && keyID.count <= Limits.keyIDBytesMax, "no such key id")
    var scratch = InlineArray<1152, UInt8>(repeating: 0)
    var scratchSpace = scratch.mutableSpan
    var ticket = InlineArray<1024, UInt8>(repeating: 0)
    var ticketSpace = ticket.mutableSpan
    let count: Int
    do throws(COSEError) {
      count = try Sign1.sign(
        payload, algorithm: algorithm, keyID: keyID, key: key, with: P.self,
        scratch: &scratchSpace, into: &ticketSpace)
    } catch {
      throw .noSpace
    }
    do throws(WireError) {
      return try Base45.encode(ticket.span.extracting(first: count), into: &output)
    } catch {
      throw .noSpace
    }
  }

  /// Signs an override and writes its text, as `mint` does a ticket's.
  /// - Precondition: the nonce has 8 to 16 bytes, the key id 1 to 32.
  /// - Throws: `noSpace` if the output is too small.
  @_lifetime(output: copy output)
  public static func mint<P: Primitives>(
    _ claims: OverrideClaims, keyID: Span<UInt8>, key: SecretKey, with primitives: P.Type,
    into output: inout MutableSpan<UInt8>
  ) throws(TicketError) -> Int {
    var payload = InlineArray<128, UInt8>(repeating: 0)
    var payloadSpace = payload.mutableSpan
    let payloadCount: Int
    do throws(WireError) {
      payloadCount = try claims.encode(into: &payloadSpace)
    } catch {
      throw .noSpace
    }
    return try mint(
      payload.span.extracting(first: payloadCount), algorithm: Sign1.ed25519, keyID: keyID,
      key: key, with: P.self, into: &output)
  }
}
