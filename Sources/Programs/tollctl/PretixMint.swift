// Tickets as pretix sells them (sig1), for `ticket mint`: to try a gate out, or to sell without the
// shop.

import Foundation
import Limits
import Seal
import Tickets
import Wire

/// Tickets that differ in their seeds only.
struct PretixBatch: MintedBatch {
  static let seedCharacters = 32

  let count: Int
  private let key: SecretKey
  private let claims: PretixClaims

  init(_ arguments: Arguments) throws(Failure) {
    key = try Keys.secret(arguments.required("key"))
    count = try arguments.number("count", in: 1...10_000_000) ?? 1
    let seed = Array((arguments.text("seed") ?? "").utf8)
    if arguments.has("seed") {
      if count > 1 { throw arguments.usage("--seed names one ticket: use --count 1, or leave it") }
      guard 1...Limits.ticketLabelBytesMax ~= seed.count else {
        throw arguments.usage("--seed has 1 to \(Limits.ticketLabelBytesMax) bytes")
      }
    } else if !arguments.has("count") {
      throw arguments.usage("--count is missing, or --seed")
    }
    let now = currentTime()
    let numbers: ClosedRange<UInt64> = 0...UInt64(Int64.max)
    claims = PretixClaims(
      seed: BoundedBytes(seed.span) ?? BoundedBytes(),
      item: try arguments.number("item", in: numbers) ?? 0,
      variation: try arguments.number("variation", in: numbers) ?? 0,
      subevent: try arguments.number("subevent", in: numbers) ?? 0,
      validFrom: try arguments.seconds("from", now: now),
      validUntil: try arguments.seconds("until", now: now))
    if claims.validUntil == 0 {
      throw arguments.usage("--until 0 is no limit in sig1: leave it, or give a later second")
    }
    if let from = claims.validFrom, let until = claims.validUntil, from > until {
      throw arguments.usage("--until is before --from: nothing would ever admit these tickets")
    }
  }

  func ticket(_ number: Int) throws(Failure) -> MintedTicket {
    var claims = claims
    if claims.seed.isEmpty { claims.seed = BoundedBytes(Self.randomSeed().span) ?? BoundedBytes() }
    var output = [UInt8](repeating: 0, count: Limits.codeTextBytesMax)
    do throws(TicketError) {
      var target = output.mutableSpan
      let count = try PretixEnvelope.mint(claims, key: key, with: Sodium.self, into: &target)
      return MintedTicket(
        kind: "seed", name: utf8Text(claims.seed.span),
        identity: Ticket.identity(
          eventKey: Sodium.publicKey(of: key), seed: claims.seed, with: Sodium.self),
        text: String(decoding: output[..<count], as: UTF8.self))
    } catch {
      throw .failed("the ticket does not fit a code: please report this")
    }
  }

  /// Small letters, and the digits that look like none of them.
  private static func randomSeed() -> [UInt8] {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz23456789".utf8)
    // What is above would make some characters more likely than others.
    let fair = 256 / alphabet.count * alphabet.count
    var seed: [UInt8] = []
    while seed.count < seedCharacters {
      var bytes = Bytes<64>()
      var target = bytes.mutableSpan
      Sodium.random(into: &target)
      seed += (0..<64).map { Int(bytes.storage[$0]) }.filter { $0 < fair }
        .map { alphabet[$0 % alphabet.count] }
    }
    return Array(seed.prefix(seedCharacters))
  }
}

/// UTF-8 as text.
func utf8Text(_ bytes: Span<UInt8>) -> String {
  String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
}
