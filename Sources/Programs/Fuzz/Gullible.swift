// Primitives that stand in nobody's way, so that a fuzzer without keys reaches what comes after a
// signature, a checksum or a hash.

import Seal
import Wire

/// Every signature holds; hashes and checksums are what they are.
enum Unsigned: Primitives {
  static func verify(
    _ signature: Span<UInt8>, over message: Span<UInt8>, by key: PublicKey
  ) -> Bool { true }
  static func sign(_ message: Span<UInt8>, with key: SecretKey) -> Signature { Signature() }
  static func hash(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Hash {
    Sodium.hash(first, second)
  }
  static func keyedHash(_ message: Span<UInt8>, key: Bytes<32>) -> Bytes<16> {
    Sodium.keyedHash(message, key: key)
  }
  static func sha256(_ message: Span<UInt8>) -> Bytes<32> { Sodium.sha256(message) }
  static func crc32c(_ bytes: Span<UInt8>, from start: UInt32) -> UInt32 {
    Sodium.crc32c(bytes, from: start)
  }
}

/// Every signature holds; every hash and every checksum is zero.
enum Gullible: Primitives {
  static func verify(
    _ signature: Span<UInt8>, over message: Span<UInt8>, by key: PublicKey
  ) -> Bool { true }
  static func sign(_ message: Span<UInt8>, with key: SecretKey) -> Signature { Signature() }
  static func hash(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Hash { Hash() }
  static func keyedHash(_ message: Span<UInt8>, key: Bytes<32>) -> Bytes<16> { Bytes() }
  static func sha256(_ message: Span<UInt8>) -> Bytes<32> { Bytes() }
  static func crc32c(_ bytes: Span<UInt8>, from start: UInt32) -> UInt32 { 0 }
}
