// The core's primitives, from libsodium and from the processor's CRC instruction.
// Invariants: `start` has returned before anything else here is used; nothing here keeps state, so
// any thread may call it.

import CSeal
import CSodium
public import Wire

public enum SealError: Error {
  /// libsodium found no source of randomness, or its own tests failed.
  case cannotStart
}

/// Ed25519, BLAKE2b and SHA-256 as libsodium does them, CRC-32C as CSeal does.
public enum Sodium: Primitives {
  /// Prepares libsodium. Once, at start, before any other thread; again does nothing.
  public static func start() throws(SealError) {
    guard sodium_init() >= 0 else { throw .cannotStart }
  }

  public static func verify(
    _ signature: Span<UInt8>, over message: Span<UInt8>, by key: PublicKey
  ) -> Bool {
    guard signature.count == 64 else { return false }
    return unsafe signature.withUnsafeBufferPointer { s in
      unsafe message.withUnsafeBufferPointer { m in
        unsafe key.span.withUnsafeBufferPointer { k in
          unsafe crypto_sign_verify_detached(
            s.baseAddress!, m.baseAddress, UInt64(m.count), k.baseAddress!) == 0
        }
      }
    }
  }

  public static func sign(_ message: Span<UInt8>, with key: SecretKey) -> Signature {
    var signature = Signature()
    var target = signature.mutableSpan
    unsafe target.withUnsafeMutableBufferPointer { s in
      unsafe message.withUnsafeBufferPointer { m in
        unsafe key.span.withUnsafeBufferPointer { k in
          _ = unsafe crypto_sign_detached(
            s.baseAddress!, nil, m.baseAddress, UInt64(m.count), k.baseAddress!)
        }
      }
    }
    return signature
  }

  public static func hash(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Hash {
    var hash = Hash()
    var target = hash.mutableSpan
    unsafe target.withUnsafeMutableBufferPointer { h in
      unsafe first.withUnsafeBufferPointer { a in
        unsafe second.withUnsafeBufferPointer { b in
          unsafe tk_hash2(h.baseAddress!, a.baseAddress, a.count, b.baseAddress, b.count)
        }
      }
    }
    return hash
  }

  public static func keyedHash(_ message: Span<UInt8>, key: Bytes<32>) -> Bytes<16> {
    var hash = Bytes<16>()
    var target = hash.mutableSpan
    unsafe target.withUnsafeMutableBufferPointer { h in
      unsafe message.withUnsafeBufferPointer { m in
        unsafe key.span.withUnsafeBufferPointer { k in
          _ = unsafe crypto_generichash(
            h.baseAddress!, 16, m.baseAddress, UInt64(m.count), k.baseAddress!, 32)
        }
      }
    }
    return hash
  }

  public static func sha256(_ message: Span<UInt8>) -> Bytes<32> {
    var hash = Bytes<32>()
    var target = hash.mutableSpan
    unsafe target.withUnsafeMutableBufferPointer { h in
      unsafe message.withUnsafeBufferPointer { m in
        _ = unsafe crypto_hash_sha256(h.baseAddress!, m.baseAddress, UInt64(m.count))
      }
    }
    return hash
  }

  public static func crc32c(_ bytes: Span<UInt8>, from start: UInt32) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { b in
      unsafe tk_crc32c(start, b.baseAddress, b.count)
    }
  }
}

// What the core does not need, and programs do.
extension Sodium {
  /// The secret key of an RFC 8032 seed.
  public static func secretKey(seed: Bytes<32>) -> SecretKey {
    var key = SecretKey()
    var open = PublicKey()
    var keyTarget = key.mutableSpan
    unsafe keyTarget.withUnsafeMutableBufferPointer { k in
      var openTarget = open.mutableSpan
      unsafe openTarget.withUnsafeMutableBufferPointer { o in
        unsafe seed.span.withUnsafeBufferPointer { s in
          _ = unsafe crypto_sign_seed_keypair(o.baseAddress!, k.baseAddress!, s.baseAddress!)
        }
      }
    }
    return key
  }

  /// The public key that a secret key carries as its second half.
  public static func publicKey(of key: SecretKey) -> PublicKey {
    PublicKey(key.span.extracting(32..<64))
  }

  /// Fills `target` with what nobody can guess.
  @_lifetime(target: copy target)
  public static func random(into target: inout MutableSpan<UInt8>) {
    unsafe target.withUnsafeMutableBufferPointer { t in
      guard let base = t.baseAddress else { return }
      unsafe randombytes_buf(base, t.count)
    }
  }
}
