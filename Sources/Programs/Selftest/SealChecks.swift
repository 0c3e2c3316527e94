// Signatures and hashes, as libsodium decides them here.

import Seal
import Wire

func checkSeal(_ check: inout Check, _ arena: inout Arena) {
  var message = arena.take(64)
  checkSignature(&check, &message)
  let range = message.put(text: "abc")
  let abc = message.span(range)
  check.that(
    "BLAKE2b-256 of abc",
    equalHex(
      Sodium.hash(abc).span, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"))
  check.that(
    "BLAKE2b-256 of a and bc",
    Sodium.hash(abc.extracting(0..<1), abc.extracting(1..<3)) == Sodium.hash(abc))
  check.that(
    "BLAKE2b-128 of abc with a key",
    equalHex(Sodium.keyedHash(abc, key: counting()).span, "1a64be47e4729d951c302ee543f97cf3"))
  check.that(
    "SHA-256 of abc (FIPS 180-4)",
    equalHex(
      Sodium.sha256(abc).span, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
}

/// RFC 8032 7.1, test 2.
private func checkSignature(_ check: inout Check, _ message: inout Memory) {
  let range = message.put(hex: "72")
  let key = Sodium.secretKey(
    seed: fixed("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
  let publicKey = Sodium.publicKey(of: key)
  check.that(
    "RFC 8032 public key",
    equalHex(publicKey.span, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"))
  var signature = Sodium.sign(message.span(range), with: key)
  check.that(
    "RFC 8032 signature",
    equalHex(
      signature.span,
      """
      92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f\
      3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
      """))
  check.that(
    "RFC 8032 verification", Sodium.verify(signature.span, over: message.span(range), by: publicKey)
  )
  signature.storage[0] ^= 1
  check.that(
    "a changed signature does not verify",
    !Sodium.verify(signature.span, over: message.span(range), by: publicKey))
}
