// Scanned codes: one spelling for each ticket, and no claim of one that nobody signed.

import Gates
import Limits
import Records
import Seal
import Tickets
import Trust
import Wire

/// - With real signatures, claims are read of what was minted and of nothing else, and they are what
///   was minted.
/// - What is refused before the signature is refused for the same reason whether it holds or not.
/// - A text that decodes is the one text that its bytes encode to.
func checkCode(
  _ text: Span<UInt8>, _ scene: Scene, _ bench: Workbench
) throws(Broken) {
  let verdict = Gate.examine(text, trust: scene.trust, place: Scene.place, now: Scene.now)
  let unsigned = Gate.examine(text, trust: scene.unsigned, place: Scene.place, now: Scene.now)
  switch verdict.reason {
  case .badEncoding, .badAlgorithm, .unknownKey:
    try require(unsigned == verdict, "a signature matters before it is checked")
  case .malformed, .badSignature: break
  default:
    try require(scene.verdicts.contains(verdict), "claims were read that nobody signed")
  }
  if verdict.identity == nil {
    try require(!verdict.isAdmitted, "a ticket without an identity is admitted")
  }
  try checkSpelling(text, bench)
}

private func checkSpelling(_ text: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  var length = text.count
  while length > 0, [0x0d, 0x0a, 0x09].contains(text[length - 1]) { length -= 1 }
  let trimmed = text.extracting(first: length)
  var bytesRoom = bench.output.memory()
  var bytes = bytesRoom.mutableSpan
  var againRoom = bench.scratch.memory()
  var again = againRoom.mutableSpan
  if let count = try? TicketEnvelope.decode(text, into: &bytes) {
    let spelled = try? Base45.encode(bytes.span.extracting(first: count), into: &again)
    try require(
      spelled == length && equal(again.span.extracting(first: length), trimmed),
      "Base45 has two spellings")
  }
  if let count = try? PretixEnvelope.decode(text, into: &bytes) {
    let spelled = try? Base64.encodeReversed(bytes.span.extracting(first: count), into: &again)
    try require(
      spelled == length && equal(again.span.extracting(first: length), trimmed),
      "Base64 has two spellings")
  }
}

/// - Bytes survive Base45.
/// - The envelope's refusal is the gate's; what the gate reads is what the claims say, of the issuer
///   that the key id names.
/// - An envelope that says it is in our one form is the one that we would write.
/// - Claims that are read are written and read as the same.
func checkCWT(
  _ bytes: Span<UInt8>, _ scene: Scene, _ bench: Workbench
) throws(Broken) {
  try checkClaims(bytes, bench)
  guard bytes.count > 0, bytes.count <= Limits.ticketBytesMax else { return }
  var text = InlineArray<1536, UInt8>(repeating: 0)
  var textSpace = text.mutableSpan
  let textCount = (try? Base45.encode(bytes, into: &textSpace)) ?? 0
  var decodedRoom = bench.output.memory()
  var decoded = decodedRoom.mutableSpan
  let count =
    (try? TicketEnvelope.decode(textSpace.span.extracting(first: textCount), into: &decoded))
  try require(
    count == bytes.count && equal(decoded.span.extracting(first: bytes.count), bytes),
    "bytes do not survive Base45")
  let verdict = Gate.examine(
    textSpace.span.extracting(first: textCount), trust: scene.unsigned, place: Scene.place,
    now: Scene.now)
  let envelope: TicketEnvelope
  do throws(TicketError) {
    envelope = try TicketEnvelope(parsing: bytes)
  } catch {
    // What is no COSE_Sign1 may still be a pretix ticket, if the text is Base64 as well.
    if error == .malformed { return }
    try require(verdict == Verdict(error.reason), "the gate refuses for another reason")
    return
  }
  try checkOneForm(bytes, bench)
  guard let (_, issuer) = scene.unsigned.issuer(envelope.keyID) else {
    try require(verdict == Verdict(.unknownKey), "a key is known that the document does not name")
    return
  }
  try checkVerdict(verdict, envelope, issuer)
}

private func checkVerdict(
  _ verdict: Verdict, _ envelope: TicketEnvelope, _ issuer: Issuer
) throws(Broken) {
  if issuer.status == .revoked {
    try require(verdict == Verdict(.revokedKey), "a revoked key signs")
    return
  }
  let claims: Claims
  do throws(TicketError) {
    claims = try envelope.verify(by: issuer.key, with: Unsigned.self).claims()
  } catch {
    try require(verdict == Verdict(error.reason), "the gate reads other claims")
    return
  }
  try require(
    verdict.label.equals(claims.ticketID.span) && verdict.entries == claims.entries
      && verdict.ticketClass == claims.ticketClass && verdict.expires == claims.expires
      && verdict.identity
        == Ticket.identity(
          issuerKey: issuer.key, ticketID: claims.ticketID, with: Unsigned.self),
    "the gate reads other claims")
  guard verdict.isAdmitted else { return }
  try require(
    claims.event == Scene.place.event && claims.zoneMask & Scene.place.zone != 0
      && claims.entries > 0,
    "a ticket for another gate is admitted")
}

private func checkOneForm(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  guard let parts = try? Sign1(parsing: bytes), parts.isDeterministic(bytes),
    let keyID = parts.keyID
  else { return }
  var headerRoom = bench.scratch.memory()
  var header = headerRoom.mutableSpan
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  var writer = CBORWriter(output.whole())
  do throws(WireError) {
    let count = try Sign1.protectedHeader(
      algorithm: parts.algorithm, keyID: bytes.extracting(keyID), into: &header)
    try writer.tag(18)
    try writer.array(4)
    try writer.byteString(header.span.extracting(first: count))
    try writer.map(0)
    try writer.byteString(bytes.extracting(parts.payload))
    try writer.byteString(bytes.extracting(parts.signature))
  } catch {
    throw Broken(property: "an envelope cannot be written again")
  }
  try require(equal(writer.written(), bytes), "an envelope has two forms that count as one")
}

@_lifetime(copy bytes)
private func part(_ range: Range<Int>?, of bytes: Span<UInt8>) -> Span<UInt8>? {
  guard let range else { return nil }
  return bytes.extracting(range)
}

private func checkClaims(_ payload: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  guard let claims = try? Claims(parsing: payload) else { return }
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  let issuer = part(claims.issuer, of: payload)
  let subject = part(claims.subject, of: payload)
  let audience = part(claims.audience, of: payload)
  let written = try? claims.encode(
    issuer: issuer, subject: subject, audience: audience, into: &output)
  guard let written, let again = try? Claims(parsing: output.span.extracting(first: written)) else {
    throw Broken(property: "claims cannot be written again")
  }
  var bare = again
  bare.issuer = claims.issuer
  bare.subject = claims.subject
  bare.audience = claims.audience
  try require(
    bare == claims && (again.issuer == nil) == (claims.issuer == nil)
      && (again.subject == nil) == (claims.subject == nil)
      && (again.audience == nil) == (claims.audience == nil),
    "claims change when they are written again")
}

/// - Bytes survive Base64.
/// - An envelope that is one is decided about, and what is decided is what its claims say.
/// - Claims that are read are minted and read as the same.
func checkSig1(
  _ bytes: Span<UInt8>, _ scene: Scene, _ bench: Workbench
) throws(Broken) {
  try checkPretixClaims(bytes, bench)
  guard bytes.count > 0, bytes.count <= Limits.ticketBytesMax else { return }
  var text = InlineArray<1536, UInt8>(repeating: 0)
  var textSpace = text.mutableSpan
  let textCount = (try? Base64.encodeReversed(bytes, into: &textSpace)) ?? 0
  var decodedRoom = bench.output.memory()
  var decoded = decodedRoom.mutableSpan
  let count = try? PretixEnvelope.decode(
    textSpace.span.extracting(first: textCount), into: &decoded)
  try require(
    count == bytes.count && equal(decoded.span.extracting(first: bytes.count), bytes),
    "bytes do not survive Base64")
  // What is Base45 as well may be a CWT ticket.
  if (try? TicketEnvelope.decode(textSpace.span.extracting(first: textCount), into: &decoded))
    != nil
  {
    return
  }
  let envelope: PretixEnvelope
  do throws(TicketError) { envelope = try PretixEnvelope(parsing: bytes) } catch { return }
  let verdict = Gate.examine(
    textSpace.span.extracting(first: textCount), trust: scene.unsigned, place: Scene.place,
    now: Scene.now)
  let key = Scene.open(Scene.pretix)
  let claims: PretixClaims
  do throws(TicketError) {
    claims = try envelope.verify(by: key, with: Unsigned.self).claims()
  } catch {
    try require(verdict == Verdict(error.reason), "the gate refuses for another reason")
    return
  }
  try require(
    verdict.label == claims.seed
      && verdict.identity
        == Ticket.identity(eventKey: key, seed: claims.seed, with: Unsigned.self),
    "the gate reads other claims")
}

private func checkPretixClaims(
  _ payload: Span<UInt8>, _ bench: Workbench
) throws(Broken) {
  guard let claims = try? PretixClaims(parsing: payload) else { return }
  var textRoom = bench.output.memory()
  var text = textRoom.mutableSpan
  var bytesRoom = bench.scratch.memory()
  var bytes = bytesRoom.mutableSpan
  do throws(TicketError) {
    let textCount = try PretixEnvelope.mint(
      claims, key: Scene.pretix, with: Unsigned.self, into: &text)
    let count = try PretixEnvelope.decode(text.span.extracting(first: textCount), into: &bytes)
    let envelope = try PretixEnvelope(parsing: bytes.span.extracting(first: count))
    let again = try envelope.verify(by: PublicKey(), with: Unsigned.self).claims()
    if again == claims { return }
  } catch {}
  throw Broken(property: "claims change when they are written again")
}
