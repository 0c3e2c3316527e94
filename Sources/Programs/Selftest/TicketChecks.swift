// A ticket that independent implementations of Ed25519, COSE and Base45 minted: the seed
// 00 01 ... 1f, event 2026, zones 5, class 1, three entries, from 1,700,000,000 until 1,800,000,000.

import Limits
import Seal
import Tickets
import Wire

/// Ed25519 (-19), key id protected, claims in deterministic order.
let goldenTicket: StaticString = """
  RRQ+D9 60CO0$+AWKB8CKYM4FN0FPDUOQ1T0J C1LUJ-0100KB0*M0DY0/E7V50.20H73EQTY5027BA30 II8YR0M1WG\
  AGVOV5IPSR6ZF5BGWOKASB7E5 YP7KVW9Q66N%592303FIR0B%BM.%NKLRKBCIV87CA/MA18E.FE6AJO2G
  """
/// pycose: EdDSA (-8), claims in the order of insertion.
private let foreignTicket: StaticString = """
  RRQ+D9P60CO0$+AWKB8CK-B51T0J C1LUFN0FPDUOQJ-0100KB0*M0DY0/E7V50.20H73EQTY50WY0WND3RN27B*LUG/\
  6S35EPQ7M479FH1M%BEXF7MI73.KFTVR1ITLJWTCKUALAO%/UTUD+ORJ NBKAS/OCB407NHHB:2T1RGRC4P*8QM17CC
  """

func checkTickets(_ check: inout Check, _ arena: inout Arena) {
  var text = arena.take(Limits.codeTextBytesMax)
  var bytes = arena.take(Limits.ticketBytesMax)
  let key = Sodium.publicKey(of: Sodium.secretKey(seed: counting()))
  do throws(TicketError) {
    let claims = try claims(goldenTicket, by: key, &text, &bytes)
    check.that(
      "the golden ticket's claims",
      claims.event == 2026 && claims.zoneMask == 5 && claims.ticketClass == 1
        && claims.entries == 3 && claims.notBefore == 1_700_000_000
        && claims.expires == 1_800_000_000 && equalHex(claims.ticketID.span, "0001020304050607"))
    let identity = Ticket.identity(issuerKey: key, ticketID: claims.ticketID, with: Sodium.self)
    check.that(
      "the golden ticket's identity", equalHex(identity.span, "3b0b4f50eedd4a622f239d80782bdeba"))
    var space = text.mutableSpan
    let keyID: Bytes<4> = fixed("56475aa7")
    let count = try Ticket.mint(
      claims, keyID: keyID.span, key: Sodium.secretKey(seed: counting()), with: Sodium.self,
      into: &space)
    check.that("a ticket is minted as the golden one", equal(text.span(0..<count), goldenTicket))
  } catch {
    check.that("the golden ticket is read", false)
  }
  do throws(TicketError) {
    let claims = try claims(foreignTicket, by: key, &text, &bytes)
    check.that("a ticket of pycose is read", claims.event == 2026 && claims.entries == 3)
  } catch {
    check.that("a ticket of pycose is read", false)
  }
  check.that(
    "a ticket by another key is refused",
    refusal(goldenTicket, by: PublicKey(), &text, &bytes) == .badSignature)
  check.that(
    "a text that is none is refused", refusal("rrq", by: key, &text, &bytes) == .badEncoding)
  check.that(
    "bytes that are none are refused", refusal("RRQ", by: key, &text, &bytes) == .malformed)
}

private func claims(
  _ code: StaticString, by key: PublicKey, _ text: inout Memory, _ bytes: inout Memory
) throws(TicketError) -> Claims {
  let range = text.put(text: code)
  var space = bytes.mutableSpan
  let count = try TicketEnvelope.decode(text.span(range), into: &space)
  let envelope = try TicketEnvelope(parsing: bytes.span(0..<count))
  return try envelope.verify(by: key, with: Sodium.self).claims()
}

private func refusal(
  _ code: StaticString, by key: PublicKey, _ text: inout Memory, _ bytes: inout Memory
) -> TicketError? {
  do throws(TicketError) {
    _ = try claims(code, by: key, &text, &bytes)
    return nil
  } catch {
    return error
  }
}
