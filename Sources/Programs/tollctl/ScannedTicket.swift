// A scanned text taken apart as far as it goes, whoever has signed it: for people to read, and to
// name a ticket by. Nothing is decided by it.

import Limits
import Seal
import Tickets
import Wire

struct ScannedTicket {
  enum Content {
    case cwt(Claims)
    case override(OverrideClaims)
    case pretix(PretixClaims)
  }

  let text: [UInt8]
  /// Of a COSE_Sign1.
  private(set) var keyID: [UInt8]?
  private(set) var algorithm: Int64?
  private(set) var content: Content?
  /// `iss`, `sub`, `aud`.
  private(set) var names: [(name: String, text: String)] = []
  /// What is wrong with it; nil if there is a content.
  private(set) var problem: TicketError?
  private var bytes: [UInt8] = []

  init(_ line: String) {
    text = Array(line.utf8)
    do throws(TicketError) {
      bytes = try Self.decoded(text, by: TicketEnvelope.decode)
      try readIssued()
      return
    } catch {
      problem = error
    }
    // Decoding decides which format it is, as at a gate.
    guard algorithm == nil, problem == .badEncoding || problem == .malformed else { return }
    do throws(TicketError) {
      bytes = try Self.decoded(text, by: PretixEnvelope.decode)
      try readSold()
      problem = nil
    } catch {
      if problem == .badEncoding { problem = error }
    }
  }

  private static func decoded(
    _ text: [UInt8], by decode: (Span<UInt8>, inout MutableSpan<UInt8>) throws(TicketError) -> Int
  ) throws(TicketError) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Limits.ticketBytesMax)
    var target = output.mutableSpan
    let count = try decode(text.span, &target)
    return Array(output[..<count])
  }

  private mutating func readIssued() throws(TicketError) {
    let sign1: Sign1
    do throws(COSEError) { sign1 = try Sign1(parsing: bytes.span) } catch {
      throw error == .badAlgorithm ? .badAlgorithm : .malformed
    }
    keyID = sign1.keyID.map { Array(bytes[$0]) }
    algorithm = sign1.algorithm
    let payload = Array(bytes[sign1.payload])
    do throws(TicketError) {
      let claims = try Claims(parsing: payload.span)
      content = .cwt(claims)
      for (name, range) in [
        ("iss", claims.issuer), ("sub", claims.subject), ("aud", claims.audience),
      ] {
        if let range { names.append((name, String(decoding: payload[range], as: UTF8.self))) }
      }
    } catch {
      content = .override(try OverrideClaims(parsing: payload.span))
    }
  }

  private mutating func readSold() throws(TicketError) {
    _ = try PretixEnvelope(parsing: bytes.span)
    // The form holds: the message stands between the lengths and the signature.
    content = .pretix(try PretixClaims(parsing: bytes[5..<bytes.count - 64].span))
  }

  var format: String? {
    switch content {
    case .cwt: "cwt"
    case .override: "override"
    case .pretix: "sig1"
    case nil: nil
    }
  }

  /// What its issuer calls it: cti or nonce in hex, or the seed.
  var name: String? {
    switch content {
    case .cwt(let claims): hex(claims.ticketID.span)
    case .override(let claims): hex(claims.nonce.span)
    case .pretix(let claims): utf8Text(claims.seed.span)
    case nil: nil
    }
  }

  /// Whether the holder of `key` has signed it.
  func isSigned(by key: PublicKey) -> Bool {
    do throws(TicketError) {
      if case .pretix = content {
        _ = try PretixEnvelope(parsing: bytes.span).verify(by: key, with: Sodium.self)
      } else {
        _ = try TicketEnvelope(parsing: bytes.span).verify(by: key, with: Sodium.self)
      }
      return true
    } catch {
      return false
    }
  }
}
