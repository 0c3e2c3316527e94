// The pure functions that the core needs from C, as static generic parameters: signatures, hashes,
// checksums. The rim's Seal supplies them from libsodium and from CRC instructions.

/// Ed25519 (RFC 8032, as libsodium decides it), BLAKE2b (RFC 7693), SHA-256 (FIPS 180-4) and CRC-32C
/// (RFC 3720, appendix B.4).
public protocol Primitives {
  /// Whether `signature` (64 bytes) of `message` holds for `key` (32 bytes).
  static func verify(
    _ signature: Span<UInt8>, over message: Span<UInt8>, by key: PublicKey
  ) -> Bool
  static func sign(_ message: Span<UInt8>, with key: SecretKey) -> Signature
  /// BLAKE2b-256 of `first` and then `second`.
  static func hash(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Hash
  /// BLAKE2b-128 of `message`, keyed with 32 bytes.
  static func keyedHash(_ message: Span<UInt8>, key: Bytes<32>) -> Bytes<16>
  static func sha256(_ message: Span<UInt8>) -> Bytes<32>
  /// CRC-32C of `bytes` continued from `start` (0 at first; the value of the bytes before else).
  static func crc32c(_ bytes: Span<UInt8>, from start: UInt32) -> UInt32
}

extension Primitives {
  /// BLAKE2b-256.
  public static func hash(_ message: Span<UInt8>) -> Hash {
    hash(message, message.extracting(first: 0))
  }

  public static func crc32c(_ bytes: Span<UInt8>) -> UInt32 { crc32c(bytes, from: 0) }
}
