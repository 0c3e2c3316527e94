// A pretix ticket of signature scheme sig1: the text reversed, in Base64, is
// `01 | n (2 bytes) | 64 (2 bytes) | protobuf (n bytes) | signature (64 bytes)`, lengths big-endian.
// Invariants: one spelling for each ticket; nothing after the signature; no claim is read before
// the signature holds; a claim that cannot be what it says is `malformed`.

import Limits
public import Wire

public struct PretixEnvelope: ~Escapable {
  private static var version: UInt8 { 1 }
  private static var headBytes: Int { 5 }
  private static var signatureBytes: Int { 64 }

  private let payload: Span<UInt8>
  private let signature: Span<UInt8>

  /// Decodes a scanned text into the beginning of `output`; returns the number of bytes, for
  /// `init(parsing:)`. What may stand after the text is as for `TicketEnvelope.decode`.
  /// - Precondition: `output` has at least `Limits.ticketBytesMax` bytes.
  /// - Throws: `badEncoding`.
  @_lifetime(output: copy output)
  public static func decode(
    _ text: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(TicketError) -> Int {
    precondition(output.count >= Limits.ticketBytesMax, "no room for a ticket")
    let trimmed = try scannedText(text)
    do throws(WireError) {
      return try Base64.decodeReversed(trimmed, into: &output)
    } catch {
      throw .badEncoding
    }
  }

  /// Takes the envelope of `bytes` apart.
  /// - Throws: `malformed` if they are of version 1 or have this form but for the version, and are
  ///   not an envelope; `badEncoding` if they are something else altogether.
  @_lifetime(copy bytes)
  public init(parsing bytes: Span<UInt8>) throws(TicketError) {
    let isVersion1 = bytes.count > 0 && bytes[0] == Self.version
    guard bytes.count >= Self.headBytes else { throw isVersion1 ? .malformed : .badEncoding }
    let payloadCount = Int(bytes[1]) << 8 | Int(bytes[2])
    let signatureCount = Int(bytes[3]) << 8 | Int(bytes[4])
    let isWhole =
      signatureCount == Self.signatureBytes
      && bytes.count == Self.headBytes + payloadCount + signatureCount
    guard isVersion1, isWhole else { throw isVersion1 || isWhole ? .malformed : .badEncoding }
    payload = bytes.extracting(Self.headBytes..<Self.headBytes + payloadCount)
    signature = bytes.extracting(Self.headBytes + payloadCount..<bytes.count)
  }

  /// The ticket as the holder of `key` signed it. sig1 names no key: the event's are tried in turn.
  /// - Throws: `badSignature`.
  @_lifetime(copy self)
  public func verify<P: Primitives>(
    by key: PublicKey, with primitives: P.Type
  ) throws(TicketError) -> VerifiedPretixTicket {
    guard P.verify(signature, over: payload, by: key) else { throw .badSignature }
    return VerifiedPretixTicket(payload: payload, eventKey: key)
  }

  /// Signs `claims` and writes the ticket's text into the beginning of `output`; returns the number
  /// of characters.
  /// - Throws: `noSpace` if the ticket would be longer than `Limits.ticketBytesMax` or the output.
  @_lifetime(output: copy output)
  public static func mint<P: Primitives>(
    _ claims: PretixClaims, key: SecretKey, with primitives: P.Type,
    into output: inout MutableSpan<UInt8>
  ) throws(TicketError) -> Int {
    var bytes = InlineArray<1024, UInt8>(repeating: 0)
    var space = bytes.mutableSpan
    var claimSpace = space.part(headBytes..<1024 - signatureBytes)
    let payloadCount = claims.encode(into: &claimSpace)
    let end = headBytes + payloadCount
    let signature = P.sign(bytes.span.extracting(headBytes..<end), with: key)
    bytes[0] = version
    bytes[1] = UInt8(payloadCount >> 8)
    bytes[2] = UInt8(payloadCount & 0xff)
    bytes[4] = UInt8(signatureBytes)
    for i in 0..<signatureBytes { bytes[end + i] = signature.storage[i] }
    do throws(WireError) {
      return try Base64.encodeReversed(
        bytes.span.extracting(first: end + signatureBytes), into: &output)
    } catch {
      throw .noSpace
    }
  }
}

/// A pretix ticket whose signature holds. Only `PretixEnvelope.verify` makes one.
public struct VerifiedPretixTicket: ~Escapable {
  private let payload: Span<UInt8>
  public let eventKey: PublicKey

  @_lifetime(copy payload)
  fileprivate init(payload: Span<UInt8>, eventKey: PublicKey) {
    self.payload = payload
    self.eventKey = eventKey
  }

  /// - Throws: `malformed`.
  public func claims() throws(TicketError) -> PretixClaims { try PretixClaims(parsing: payload) }
}

/// What a pretix ticket says: `pretix_sig1.Ticket`.
public struct PretixClaims: Equatable, Sendable {
  /// Unique for the event: 1 to 64 bytes of UTF-8.
  public var seed: BoundedBytes<64>
  /// The product that was sold; 0 if the ticket does not say. Likewise `variation` and `subevent`.
  public var item: UInt64
  public var variation: UInt64
  public var subevent: UInt64
  /// Unix seconds, both inclusive; nil (0 in the message) for no limit.
  public var validFrom: UInt64?
  public var validUntil: UInt64?

  public init(
    seed: BoundedBytes<64>, item: UInt64 = 0, variation: UInt64 = 0, subevent: UInt64 = 0,
    validFrom: UInt64? = nil, validUntil: UInt64? = nil
  ) {
    self.seed = seed
    self.item = item
    self.variation = variation
    self.subevent = subevent
    self.validFrom = validFrom
    self.validUntil = validUntil
  }

  private static var fields: UInt64 { 6 }

  /// Parses a message. Fields that are not known are skipped; a known one must not stand twice, nor
  /// have another wire type than its own, nor be negative.
  /// - Throws: `malformed`.
  public init(parsing payload: Span<UInt8>) throws(TicketError) {
    do throws(WireError) {
      self = try Self.read(payload)
    } catch {
      throw .malformed
    }
  }

  private static func read(_ payload: Span<UInt8>) throws(WireError) -> PretixClaims {
    var claims = PretixClaims(seed: BoundedBytes())
    var reader = ProtobufReader(payload)
    var seen: UInt32 = 0
    while !reader.isAtEnd {
      let tag = try reader.tag()
      guard tag.field <= fields else {
        try reader.skip(tag)
        continue
      }
      let bit: UInt32 = 1 << UInt32(tag.field)
      guard seen & bit == 0 else { throw .duplicateKey }
      seen |= bit
      if tag.field == 1 {
        claims.seed = try seed(tag, &reader)
      } else {
        try claims.set(tag.field, to: number(tag, &reader))
      }
    }
    guard !claims.seed.isEmpty else { throw .truncated }
    return claims
  }

  private static func seed(
    _ tag: ProtobufTag, _ reader: inout ProtobufReader
  ) throws(WireError) -> BoundedBytes<64> {
    guard tag.wireType == 2 else { throw .unexpectedType }
    let text = try reader.lengthDelimited()
    guard isUTF8(text) else { throw .badText }
    guard let seed = BoundedBytes<64>(text) else { throw .outOfRange }
    return seed
  }

  /// An int64, whose negative numbers have the highest bit.
  private static func number(
    _ tag: ProtobufTag, _ reader: inout ProtobufReader
  ) throws(WireError) -> UInt64 {
    guard tag.wireType == 0 else { throw .unexpectedType }
    let value = try reader.varint()
    guard value <= UInt64(Int64.max) else { throw .outOfRange }
    return value
  }

  private mutating func set(_ field: UInt64, to value: UInt64) {
    switch field {
    case 2: item = value
    case 3: variation = value
    case 4: subevent = value
    case 5: validFrom = value == 0 ? nil : value
    default: validUntil = value == 0 ? nil : value
    }
  }

  /// Writes the message as protobuf encoders do (ascending fields, no zeros) into the beginning of
  /// `output`, which has at least 128 bytes; returns its length, at most 121.
  /// - Precondition: the seed is not empty; no number is above 2^63 - 1.
  @_lifetime(output: copy output)
  func encode(into output: inout MutableSpan<UInt8>) -> Int {
    precondition(!seed.isEmpty && output.count >= 128, "no such ticket")
    output[0] = 0x0a
    output[1] = UInt8(seed.count)
    copy(seed.span, to: &output, at: 2)
    var count = 2 + seed.count
    Self.put(2, item, into: &output, at: &count)
    Self.put(3, variation, into: &output, at: &count)
    Self.put(4, subevent, into: &output, at: &count)
    Self.put(5, validFrom ?? 0, into: &output, at: &count)
    Self.put(6, validUntil ?? 0, into: &output, at: &count)
    return count
  }

  @_lifetime(output: copy output)
  private static func put(
    _ field: UInt8, _ value: UInt64, into output: inout MutableSpan<UInt8>, at count: inout Int
  ) {
    precondition(value <= UInt64(Int64.max), "no such number in a ticket")
    if value == 0 { return }
    output[count] = field << 3
    count += 1
    var rest = value
    while rest >= 0x80 {
      output[count] = UInt8(rest & 0x7f) | 0x80
      rest >>= 7
      count += 1
    }
    output[count] = UInt8(rest)
    count += 1
  }
}
