// Minting a ticket, and what makes two spellings of a code the same ticket.

import Limits
public import Wire

public enum Ticket {
  /// The identity of a ticket: the first 16 bytes of H(0x01 || issuer's public key || cti), from
  /// signed bytes only (Records/FORMAT.md).
  public static func identity<P: Primitives>(
    issuerKey: PublicKey, ticketID: BoundedBytes<16>, with primitives: P.Type
  ) -> TicketIdentity {
    var prefix = InlineArray<33, UInt8>(repeating: 0x01)
    for i in 0..<32 { prefix[i + 1] = issuerKey.storage[i] }
    let hash = P.hash(prefix.span, ticketID.span)
    return TicketIdentity(hash.span.extracting(first: 16))
  }

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
    precondition(keyID.count > 0 && keyID.count <= Limits.keyIDBytesMax, "no such key id")
    var payload = InlineArray<1024, UInt8>(repeating: 0)
    var payloadSpace = payload.mutableSpan
    let payloadCount = try claims.encode(
      issuer: issuer, subject: subject, audience: audience, into: &payloadSpace)
    var scratch = InlineArray<1152, UInt8>(repeating: 0)
    var scratchSpace = scratch.mutableSpan
    var ticket = InlineArray<1024, UInt8>(repeating: 0)
    var ticketSpace = ticket.mutableSpan
    let count: Int
    do throws(COSEError) {
      count = try Sign1.sign(
        payload.span.extracting(first: payloadCount), algorithm: algorithm, keyID: keyID, key: key,
        with: P.self, scratch: &scratchSpace, into: &ticketSpace)
    } catch {
      throw .noSpace
    }
    do throws(WireError) {
      return try Base45.encode(ticket.span.extracting(first: count), into: &output)
    } catch {
      throw .noSpace
    }
  }
}
