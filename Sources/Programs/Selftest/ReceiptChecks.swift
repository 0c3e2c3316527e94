// A receipt's proof that another program made of FORMAT.md.

import Limits
import Receipts
import Seal
import Wire

func checkReceipts(_ check: inout Check, _ arena: inout Arena) {
  var bytes = arena.take(1024)
  var set = ValidatorSet()
  do throws(WireError) {
    try set.append(
      Validator(node: 1, key: Sodium.publicKey(of: Sodium.secretKey(seed: counting()))))
  } catch {
    check.that("a validator set is made", false)
  }
  check.that(
    "the hash of a validator set",
    equalHex(
      set.hash(with: Sodium.self).span,
      "600cdfa090ce244f0ff21dfefed3faf49319afe74b0b41bfdb227f589f9b487d"))
  let range = bytes.put(
    hex: """
      86585984011903e91b0123456789abcdef8283020158206dc2af6a1a8733fd4820a97d4b3a747b9be4\
      6d47d6653ee27ccb08c99e676a5683010958202c0e62a891c69ce61eda66035fa525f6448fad424f37\
      2f99b17c1cf3e03f96a800028158207825ffa021bf861a91000a8442c2be1c6ff13c62902c248dbcd5\
      16af0701545058b7890105005820444444444444444444444444444444444444444444444444444444\
      444444444458200e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a85820\
      f09fb7d3f97b9f003d21f4125e68cfe987fb75ed166d78c913ba26ec91dfb66f582055555555555555\
      555555555555555555555555555555555555555555555555551b000001977420dfe85820600cdfa090\
      ce244f0ff21dfefed3faf49319afe74b0b41bfdb227f589f9b487d818201584047bc277c159aec4020\
      f3e628a1a2dba1312de80136b8ba08ce7a86acd1f397546ee80f9e8b3321aff12a5104334456ff7a20\
      f154c197cdc00cab9ec0e4bd010c
      """)
  do throws(ProofError) {
    let proof = try Proof(parsing: bytes.span(range))
    let leaf = try proof.verify(by: set, with: Sodium.self)
    check.that("the golden proof's height", proof.header.height == 5)
    checkLeaf(&check, leaf)
  } catch {
    check.that("the golden proof is believed", false)
  }
  check.that(
    "a proof by nobody is refused", problem(bytes.span(range), ValidatorSet()) == .wrongValidators)
  // The last byte is of the signature.
  var space = bytes.mutableSpan
  space[range.upperBound - 1] ^= 1
  check.that("a forged proof is refused", problem(bytes.span(range), set) == .badSignature)
}

private func checkLeaf(_ check: inout Check, _ bytes: Span<UInt8>) {
  do throws(WireError) {
    let leaf = try ReceiptLeaf(parsing: bytes)
    check.that(
      "the golden receipt",
      leaf.node == 1001 && leaf.epoch == 0x0123_4567_89ab_cdef && leaf.count == 2
        && leaf[0].recordClass == .admissions && leaf[0].through == 1 && leaf[1].through == 9
        && equalHex(
          leaf[0].hash.span, "6dc2af6a1a8733fd4820a97d4b3a747b9be46d47d6653ee27ccb08c99e676a56")
    )
  } catch {
    check.that("the golden receipt is read", false)
  }
}

private func problem(_ bytes: Span<UInt8>, _ set: ValidatorSet) -> ProofError? {
  do throws(ProofError) {
    _ = try Proof(parsing: bytes).verify(by: set, with: Sodium.self)
    return nil
  } catch {
    return error
  }
}
