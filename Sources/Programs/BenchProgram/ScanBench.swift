// bench scan: what a whole decision costs beside the signature check that it contains.
// Both are timed in turn, round by round, over the same tickets; the ratio of a round is one value.

import Gates
import Limits
import Platform
import Seal
import Tickets
import Trust
import Wire

enum ScanBench {
  static let tickets = 256
  static let rounds = 61

  static func run(folder: Path) {
    let fixture = Fixture(tickets: tickets)
    guard
      var arena = System.arena(
        bytes: UsedSet<Sodium>.pagesMemoryBytes + UsedSet<Sodium>.deltaMemoryBytes
          + TrustDocument<Sodium>.memoryBytes + TrustDocument<Sodium>.scratchBytes
          + tickets * Limits.ticketBytesMax + 16 * Limits.pageBytes)
    else { fatalError("there is not enough memory") }
    var trust = TrustDocument<Sodium>(memory: arena.take(TrustDocument<Sodium>.memoryBytes))
    var scratch = arena.take(TrustDocument<Sodium>.scratchBytes)
    load(fixture, into: &trust, scratch: &scratch)
    var used = UsedSet<Sodium>(
      pages: arena.take(UsedSet<Sodium>.pagesMemoryBytes),
      delta: arena.take(UsedSet<Sodium>.deltaMemoryBytes))
    var files = openUsed(&used, folder)
    let raw = RawVerify(fixture, arena.take(tickets * Limits.ticketBytesMax))

    var ratios: [Double] = []
    var whole: [Double] = []
    var verify: [Double] = []
    var each: [Double] = []
    for round in 0..<rounds {
      let start = System.cpuNanoseconds
      for i in 0..<tickets { raw.check(i) }
      let middle = System.cpuNanoseconds
      for i in 0..<tickets { decide(fixture.text(i), trust, &used, &files) }
      let end = System.cpuNanoseconds
      verify.append(Double(middle - start) / Double(tickets) / 1000)
      whole.append(Double(end - middle) / Double(tickets) / 1000)
      ratios.append(Double(end - middle) / Double(middle - start))
      // Each decision by itself, apart from what is compared.
      guard round % 6 == 0 else { continue }
      for i in 0..<tickets {
        let before = System.monotonicNanoseconds
        decide(fixture.text(i), trust, &used, &files)
        each.append(Double(System.monotonicNanoseconds - before) / 1000)
      }
    }
    figure("scan.verify", median(verify), "us")
    figure("scan.decision", median(whole), "us")
    figure("scan.decision_p99", quantile(each, 0.99), "us")
    figure("scan.ratio", median(ratios), "times one libsodium verify", goal: "<= 1.05")
  }

  private static func decide(
    _ text: Span<UInt8>, _ trust: borrowing TrustDocument<Sodium>, _ used: inout UsedSet<Sodium>,
    _ files: inout DiskFiles
  ) {
    let verdict = Gate.admit(
      text, trust: trust, place: Place(event: Fixture.event, zone: Fixture.zone),
      now: System.now().instant, used: &used, disk: &files)
    guard verdict.isAdmitted else { fatalError("a good ticket is refused") }
  }

  static func load(
    _ fixture: borrowing Fixture, into trust: inout TrustDocument<Sodium>, scratch: inout Memory
  ) {
    var room = scratch.mutableSpan
    do {
      _ = try trust.load(
        fixture.document.span(0..<fixture.documentBytes),
        anchor: .pinned(Sodium.publicKey(of: fixture.authority)), scratch: &room)
    } catch {
      fatalError("the trust document is refused")
    }
  }

  /// A used-set for a million tickets in a real file.
  private static func openUsed(_ used: inout UsedSet<Sodium>, _ folder: Path) -> DiskFiles {
    do {
      guard let path = Path("used", in: folder) else { fatalError("the path is too long") }
      try File.create(
        path, bytes: UsedSet<Sodium>.fileBytes(tickets: Limits.usedTicketsDefault))
      let files = DiskFiles(
        ring: try File(path, for: .read), used: try File(path, for: .write),
        trust: try File(path, for: .read))
      var actions = DiskActions()
      used.create(
        tickets: Limits.usedTicketsDefault, identity: Bytes<16>(), key: Bytes<32>(), epoch: 1,
        into: &actions)
      return files
    } catch {
      fatalError("the used-set cannot be made: is there space in the temporary folder?")
    }
  }
}

/// The signature checks of the tickets, and nothing else.
struct RawVerify: ~Copyable {
  private let memory: Memory
  private var messages: [Range<Int>] = []
  private var signatures: [Signature] = []
  private let key: PublicKey

  init(_ fixture: borrowing Fixture, _ memory: consuming Memory) {
    key = Sodium.publicKey(of: fixture.issuer)
    var memory = memory
    for i in 0..<ScanBench.tickets {
      var ticket = InlineArray<1024, UInt8>(repeating: 0)
      var space = ticket.mutableSpan
      let count = try! Base45.decode(fixture.text(i), into: &space)
      let bytes = ticket.span.extracting(first: count)
      let sign1 = try! Sign1(parsing: bytes)
      let start = i * Limits.ticketBytesMax
      var target = memory.mutableSpan(start..<start + Limits.ticketBytesMax)
      let length = try! Sign1.toBeSigned(
        protectedHeader: bytes.extracting(sign1.protectedHeader), external: "",
        payload: bytes.extracting(sign1.payload), into: &target)
      messages.append(start..<start + length)
      signatures.append(Signature(bytes.extracting(sign1.signature)))
    }
    self.memory = memory
  }

  func check(_ number: Int) {
    let signature = signatures[number]
    guard Sodium.verify(signature.span, over: memory.span(messages[number]), by: key) else {
      fatalError("a good signature is refused")
    }
  }
}
