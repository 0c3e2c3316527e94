// A gate to ask: a trust document, a place and a time. Without a document it has no opinion.
// Invariants: what it says is what `Gate.examine` decides; how often a ticket was used it cannot know.

import Gates
import Limits
import Records
import Seal
import Tickets
import Trust
import Wire

final class Judge {
  static let options = [
    Option(name: "trust", value: "FILE", help: "signed trust document: ask what a gate would say"),
    Option(name: "authority", value: "FILE.pub", help: "who must have signed it"),
    Option(name: "event", value: "N", help: "the gate's event (default: the ticket's)"),
    Option(
      name: "zone", value: "MASK",
      help: "the gate's zones (default: those of --gate, or the ticket's)"),
    Option(name: "gate", value: "NODE", help: "the gate's number (default: the override's)"),
    Option(name: "area", value: "N", help: "the area that it leads into, 1 to 15"),
    Option(name: "exit", value: nil, help: "people leave there"),
    Option(name: "now", value: "T", help: "when (default: now)"),
    Option(
      name: "uncertainty", value: "S", help: "how wrong its clock may be, seconds (default 0)"),
  ]

  var trust = emptyTrust()
  let now: Instant
  private let event: UInt32?
  private var zone: UInt32?
  private let node: UInt64?
  private let area: UInt8
  private let isExit: Bool
  /// Of the document's shards.
  private var folder = ""

  init(_ arguments: Arguments) throws(Failure) {
    event = try arguments.number("event", in: 0...UInt32.max)
    zone = try arguments.number("zone", in: 0...UInt32.max)
    node = try arguments.number("gate", in: TrustSource.nodeRange)
    area = try arguments.number("area", in: 1...UInt8(Limits.areasMax)) ?? 0
    isExit = arguments.has("exit")
    let current = currentTime()
    let uncertainty = try arguments.number("uncertainty", in: 0...UInt32.max / 1000) ?? 0
    now = Instant(
      milliseconds: try arguments.time("now", now: current) ?? current,
      uncertainty: uncertainty * 1000)
    guard let path = arguments.text("trust") else {
      for option in Self.options where option.name != "trust" && arguments.has(option.name) {
        throw arguments.usage("--\(option.name) goes with --trust FILE")
      }
      return
    }
    let authority = try arguments.text("authority").map { path throws(Failure) in
      try Keys.publicKey(path)
    }
    if authority == nil {
      Output.error("tollctl: warning: nobody vouches for \(path): give --authority FILE.pub")
    }
    try load(path, authority: authority)
    folder = "\(path).shards"
    guard let node else { return }
    if let device = trust.device(node) {
      if zone == nil && device.zone != 0 { zone = device.zone }
    } else {
      Output.error("tollctl: warning: \(path) has no [[device]] \(node)")
    }
  }

  private func load(_ path: String, authority: PublicKey?) throws(Failure) {
    let bytes = try Files.read(path)
    var scratch = [UInt8](repeating: 0, count: TrustDocument<Sodium>.scratchBytes)
    do throws(TrustError) {
      var target = scratch.mutableSpan
      _ = try trust.load(
        bytes.span, anchor: authority.map(TrustAnchor.pinned) ?? .named, scratch: &target)
    } catch {
      throw .failed("\(path) is refused: \(explanation(error))")
    }
  }

  /// Where the ticket is shown; nil for what names no event, unless one was given.
  func place(of ticket: ScannedTicket) -> Place? {
    var place = Place(
      event: event ?? 0, zone: zone ?? .max, area: area, isExit: isExit, node: node ?? 0)
    switch ticket.content {
    case .cwt(let claims):
      place.event = event ?? claims.event
      place.zone = zone ?? claims.zoneMask
    case .override(let claims):
      place.event = event ?? claims.event
      place.node = node ?? claims.gate
    case .pretix: if event == nil { return nil }
    case nil: break
    }
    return place
  }

  /// - Parameter now: at another time than its own.
  func verdict(_ ticket: ScannedTicket, at place: Place, now: Instant? = nil) -> Verdict {
    var verdict = Gate.examine(
      ticket.text.span, trust: trust, place: place, now: now ?? self.now)
    if let identity = verdict.identity, let manifest = trust.manifest {
      verdict.list(answer(identity, manifest), onIncomplete: .open)
    }
    return verdict
  }

  /// What the shards beside the document say.
  private func answer(
    _ identity: TicketIdentity, _ manifest: RevocationManifest
  ) -> RevocationAnswer {
    let index = manifest.shard(of: identity)
    guard let bytes = try? Files.read("\(folder)/\(index)"),
      RevocationShard.hash(bytes.span, with: Sodium.self) == trust.shardHash(index),
      let shard = try? RevocationShard(parsing: bytes.span)
    else {
      Output.error(
        "tollctl: warning: \(folder)/\(index) is missing or of another document: "
          + "whether it revokes the ticket is not known")
      return .unknown
    }
    for place in 0..<shard.revokedCount + shard.blockedCount {
      let found = TicketIdentity(shard.identities.extracting(16 * place..<16 * place + 16))
      if found == identity { return place < shard.revokedCount ? .revoked : .blocked }
    }
    return .none
  }

  /// The first and the last instant that its clock may mean.
  var early: Instant {
    // A second short of the end, which cannot be rounded.
    let early = now.milliseconds.subtractingClamped(Int64(now.uncertainty))
    return Instant(milliseconds: max(early, .min + 1000))
  }
  var late: Instant {
    Instant(milliseconds: now.milliseconds.addingClamped(Int64(now.uncertainty)))
  }

  /// Whether another instant that its clock may mean would have been decided otherwise.
  func isNearBoundary(_ ticket: ScannedTicket, at place: Place) -> Bool {
    verdict(ticket, at: place, now: early).reason != verdict(ticket, at: place, now: late).reason
  }
}

// What its trust document knows of a ticket, to explain a verdict with.
extension Judge {
  /// Unix seconds, the first and the last that its clock may mean.
  var earliest: UInt64 { Self.seconds(early) }
  var latest: UInt64 { Self.seconds(late) }

  private static func seconds(_ instant: Instant) -> UInt64 {
    UInt64(max(instant.seconds, 0))
  }

  func signer(_ ticket: ScannedTicket) -> Issuer? {
    guard let keyID = ticket.keyID else { return nil }
    var last = -1
    while let (index, issuer) = trust.issuer(keyID.span, after: last) {
      if ticket.isSigned(by: issuer.key) { return issuer }
      last = index
    }
    last = -1
    while let (index, supervisor) = trust.supervisor(keyID.span, after: last) {
      if ticket.isSigned(by: supervisor.key) { return supervisor }
      last = index
    }
    return nil
  }

  func eventKey(_ ticket: ScannedTicket, of event: UInt32) -> PretixKey? {
    guard case .pretix = ticket.content else { return nil }
    var last = -1
    while let (index, key) = trust.pretixKey(of: event, after: last) {
      if ticket.isSigned(by: key.key) { return key }
      last = index
    }
    return nil
  }

  func keyCount(of event: UInt32) -> Int {
    var count = 0
    var last = -1
    while let (index, _) = trust.pretixKey(of: event, after: last) {
      count += 1
      last = index
    }
    return count
  }

  func product(_ claims: PretixClaims, _ event: UInt32) -> Product? {
    trust.product(event: event, item: claims.item, variation: claims.variation)
  }
}

/// A trust document that nothing is loaded into yet.
func emptyTrust() -> TrustDocument<Sodium> {
  let count = TrustDocument<Sodium>.memoryBytes
  // For the life of the process, as Memory wants it.
  let base = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
  unsafe base.initialize(repeating: 0, count: count)
  return unsafe TrustDocument(memory: Memory(unsafe: base, count: count))
}

private func explanation(_ error: TrustError) -> String {
  switch error {
  case .tooLarge: "it is longer than \(Limits.trustBytesMax) bytes"
  case .malformed: "it is no trust document; sign one with tollctl trust sign"
  case .badAlgorithm: "it is not signed with Ed25519"
  case .unknownAuthority: "another key than the one in --authority has signed it"
  case .badSignature: "its signature does not hold: it was changed"
  case .wrongNetwork, .older, .conflict, .noSpace: "it contradicts another one"
  }
}
