// A CWT ticket (RFC 8392) in its COSE_Sign1 envelope, between the scanner and the claims.
// Invariants: one pass, no heap, at most `Limits.ticketBytesMax` bytes; the way to the claims of a
// scanned ticket leads through `verify`, so that no claim is read before the signature holds.

import Limits
public import Wire

/// What is wrong with a ticket; each case but the last two is the reason code of the same name.
public enum TicketError: Error, Equatable {
  /// The text is empty, longer than `Limits.codeTextBytesMax`, or not Base45.
  case badEncoding
  /// The bytes are no COSE_Sign1, or the claims are not those of a ticket.
  case malformed
  /// The protected header names no algorithm that we check.
  case badAlgorithm
  /// The signature does not hold for this key.
  case badSignature
  /// There is no `kid`: the ticket names no key, which is the reason code `unknown_key`.
  case noKeyID
  /// Only when minting: the ticket would be longer than the limits or the output.
  case noSpace
}

public struct TicketEnvelope: ~Escapable {
  private let bytes: Span<UInt8>
  private let sign1: Sign1
  private let keyIDRange: Range<Int>

  /// Decodes a scanned text into the beginning of `output`; returns the number of bytes, for
  /// `init(parsing:)`. Carriage returns, line feeds and tabs at the end are dropped; spaces never
  /// are, SPACE is a digit of Base45.
  /// - Precondition: `output` has at least `Limits.ticketBytesMax` bytes.
  /// - Throws: `badEncoding`.
  @_lifetime(output: copy output)
  public static func decode(
    _ text: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(TicketError) -> Int {
    precondition(output.count >= Limits.ticketBytesMax, "no room for a ticket")
    let trimmed = try scannedText(text)
    do throws(WireError) {
      return try Base45.decode(trimmed, into: &output)
    } catch {
      throw .badEncoding
    }
  }

  /// Takes the envelope of `bytes` apart: untagged, tagged 18, or 61(18(...)).
  /// - Throws: `malformed`, `badAlgorithm`, `noKeyID`, in this order.
  @_lifetime(copy bytes)
  public init(parsing bytes: Span<UInt8>) throws(TicketError) {
    guard bytes.count <= Limits.ticketBytesMax else { throw .malformed }
    do throws(COSEError) {
      sign1 = try Sign1(parsing: bytes)
    } catch {
      throw error == .badAlgorithm ? .badAlgorithm : .malformed
    }
    guard let keyID = sign1.keyID else { throw .noKeyID }
    keyIDRange = keyID
    self.bytes = bytes
  }

  /// The issuer's key id: a hint where to look for the key, nothing more. Any length.
  public var keyID: Span<UInt8> {
    @_lifetime(copy self)
    get { bytes.extracting(keyIDRange) }
  }

  /// The ticket as this issuer signed it.
  /// - Throws: `badSignature`.
  @_lifetime(copy self)
  public func verify<P: Primitives>(
    by key: PublicKey, with primitives: P.Type
  ) throws(TicketError) -> VerifiedTicket {
    var scratch = InlineArray<1152, UInt8>(repeating: 0)
    var space = scratch.mutableSpan
    guard sign1.verify(bytes, by: key, with: P.self, scratch: &space) else { throw .badSignature }
    return VerifiedTicket(payload: bytes.extracting(sign1.payload), issuerKey: key)
  }
}

/// `text` without the carriage returns, line feeds and tabs at its end.
/// - Throws: `badEncoding` if nothing is left, or more than `Limits.codeTextBytesMax`.
@_lifetime(copy text)
func scannedText(_ text: Span<UInt8>) throws(TicketError) -> Span<UInt8> {
  var count = text.count
  while count > 0, text[count - 1] == 0x0d || text[count - 1] == 0x0a || text[count - 1] == 0x09 {
    count -= 1
  }
  guard count > 0, count <= Limits.codeTextBytesMax else { throw .badEncoding }
  return text.extracting(first: count)
}

/// A ticket whose signature holds. Only `TicketEnvelope.verify` makes one.
public struct VerifiedTicket: ~Escapable {
  private let payload: Span<UInt8>
  public let issuerKey: PublicKey

  @_lifetime(copy payload)
  fileprivate init(payload: Span<UInt8>, issuerKey: PublicKey) {
    self.payload = payload
    self.issuerKey = issuerKey
  }

  /// - Throws: `malformed`.
  public func claims() throws(TicketError) -> Claims { try Claims(parsing: payload) }

  /// The claims of an override, where a supervisor has signed.
  /// - Throws: `malformed`.
  public func override() throws(TicketError) -> OverrideClaims {
    try OverrideClaims(parsing: payload)
  }
}
