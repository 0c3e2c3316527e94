// A trust document that another program made of FORMAT.md, and what a gate that goes by it decides
// about the golden ticket.

import Gates
import Limits
import Records
import Seal
import Trust
import Wire

/// Version 7 of network "demo": authority, issuer, device 1001 and validator 1 have the key of the
/// seed 00 01 ... 1f; one ticket is revoked.
private let goldenDocument: StaticString = """
  d2845826a2013204582003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8a0\
  58cba90107026464656d6f0881582003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664\
  125531b80981864456475aa7582003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc866412\
  5531b80080f6f60a800b50000102030405060708090a0b0c0d0e0f0c400e81861903e900582003a107bff3\
  ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8011b0123456789abcdef000f81820158\
  2003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b858400b6aa2c0b675d311\
  82f06948fb194abb5feaea1bee569866cc4f8bf3b0bc2781065fd7694ffbb4de694e982cbd69359be08647\
  0e35efec32d3afa3429d8b3c03
  """

func checkTrust(_ check: inout Check, _ arena: inout Arena) {
  var text = arena.take(Limits.codeTextBytesMax)
  var scratch = arena.take(TrustDocument<Sodium>.scratchBytes)
  var trust = TrustDocument<Sodium>(memory: arena.take(TrustDocument<Sodium>.memoryBytes))
  let authority = Sodium.publicKey(of: Sodium.secretKey(seed: counting()))
  let range = text.put(hex: goldenDocument)
  do throws(TrustError) {
    var space = scratch.mutableSpan
    let change = try trust.load(text.span(range), anchor: .pinned(authority), scratch: &space)
    check.that("the golden trust document is loaded", change == .loaded && trust.version == 7)
  } catch {
    check.that("the golden trust document is loaded", false)
    return
  }
  check.that(
    "the golden trust document's hash",
    equalHex(
      trust.hash.span, "331f9041342fd91155bd970759dbe15ec9a7325a7df046d42c42cc0f5ce1d555"))
  let device = trust.device(1001)
  check.that(
    "the trust document's device",
    device?.epoch == 0x0123_4567_89ab_cdef && device?.role == .gate && device?.zone == 1)
  check.that("the trust document's revocation", trust.isRevoked(counting()))
  check.that("nothing else is revoked", !trust.isRevoked(TicketIdentity()))
  checkVerdicts(&check, trust, &text)
}

private func checkVerdicts(
  _ check: inout Check, _ trust: borrowing TrustDocument<Sodium>, _ text: inout Memory
) {
  let place = Place(event: 2026, zone: 1)
  let range = text.put(text: goldenTicket)
  let code = text.span(range)
  check.that("valid", verdict(code, trust, place, 1_750_000_000) == .valid)
  check.that("not_yet_valid", verdict(code, trust, place, 1_699_999_999) == .notYetValid)
  check.that("expired", verdict(code, trust, place, 1_800_000_000) == .expired)
  check.that(
    "wrong_event",
    verdict(code, trust, Place(event: 2027, zone: 1), 1_750_000_000) == .wrongEvent)
  check.that(
    "wrong_zone", verdict(code, trust, Place(event: 2026, zone: 2), 1_750_000_000) == .wrongZone)
  check.that(
    "bad_encoding",
    verdict(code.extracting(first: 100), trust, place, 1_750_000_000) == .badEncoding)
}

private func verdict(
  _ code: Span<UInt8>, _ trust: borrowing TrustDocument<Sodium>, _ place: Place, _ seconds: Int64
) -> Reason {
  Gate.examine(
    code, trust: trust, place: place, now: Instant(milliseconds: seconds * 1000)
  ).reason
}
