// bench durable: from a code to a verdict whose record is durable, by the agent as it ships (its own
// flush thread included), beside the least that any gate could do: one libsodium verify, one page
// written, one fdatasync, in line. In turn, one of each, on the same disk.

import Agent
import CPlatform
import Gates
import Limits
import Platform
import Rings
import Seal
import Tickets
import Trust
import Wire

enum DurableBench {
  static let scans = 2000
  static let warmUp = 100

  static func run(folder: Path) {
    let fixture = Fixture(tickets: scans + warmUp)
    var bench = AgentBench(fixture, folder)
    guard let arena = Optional(System.arena(bytes: 64 * 1024)), var arena else {
      fatalError("there is not enough memory")
    }
    let raw = RawDurable(fixture, folder, arena.take(Limits.pageBytes * 2))
    var ours: [Double] = []
    var least: [Double] = []
    for i in 0..<scans + warmUp {
      let start = System.monotonicNanoseconds
      bench.scan(fixture.text(i))
      let middle = System.monotonicNanoseconds
      raw.once(i)
      let end = System.monotonicNanoseconds
      guard i >= warmUp else { continue }
      ours.append(Double(middle - start) / 1000)
      least.append(Double(end - middle) / 1000)
    }
    figure("durable.agent_p50", median(ours), "us")
    figure("durable.raw_p50", median(least), "us")
    figure("durable.agent_p99", quantile(ours, 0.99), "us")
    figure("durable.raw_p99", quantile(least, 0.99), "us")
    figure(
      "durable.p50", median(ours) / median(least), "times verify + page + fdatasync",
      goal: "<= 1.15")
    figure(
      "durable.p99", quantile(ours, 0.99) / quantile(least, 0.99),
      "times verify + page + fdatasync", goal: "<= 1.3")
  }
}

/// The agent on real files, with its flush thread.
struct AgentBench: ~Copyable {
  private var agent: Agent<Sodium>
  private var files: DiskFiles
  private let worker: Worker
  private var actions = Actions()
  private var poller = Poller()

  init(_ fixture: borrowing Fixture, _ folder: Path) {
    guard let ring = Path("ring", in: folder), let used = Path("used-agent", in: folder),
      let trust = Path("trust", in: folder)
    else { fatalError("the path is too long") }
    let segments = Limits.segmentsDefault
    try! File.create(ring, bytes: Ring<Sodium>.fileBytes(segments: segments))
    try! File.create(used, bytes: UsedSet<Sodium>.fileBytes(tickets: Limits.usedTicketsDefault))
    try! File.create(trust, bytes: Int64(TrustSlots<Sodium>.fileBytes))
    files = DiskFiles(
      ring: try! File(ring, for: .write), used: try! File(used, for: .write),
      trust: try! File(trust, for: .write))
    worker = try! Worker()
    guard var arena = System.arena(bytes: Agent<Sodium>.memoryBytes(segments: segments)) else {
      fatalError("there is not enough memory")
    }
    agent = Agent(
      settings: Settings(
        node: Fixture.node, event: Fixture.event, zone: Fixture.zone, upstream: 1,
        onStorageError: .closed, usedTickets: Limits.usedTicketsDefault, key: fixture.device,
        authority: Sodium.publicKey(of: fixture.authority)), segments: segments, seed: 1,
      arena: &arena)
    _ = try! agent.loadTrust(
      fixture.document.span(0..<fixture.documentBytes), disk: &files)
    var random = Bytes<64>()
    var bytes = random.mutableSpan
    Sodium.random(into: &bytes)
    _ = try! agent.open(&files, random: random, into: &actions.disk)
    do {
      repeat {
        perform()
        while try !agent.isOpen() { takeJobs() }
      } while try !agent.replay(&files, into: &actions)
    } catch {
      fatalError("the agent cannot start")
    }
  }

  /// One code, until its verdict is out.
  mutating func scan(_ text: Span<UInt8>) {
    agent.scan(text, now: System.now(), disk: &files, into: &actions)
    perform()
    while true {
      if let verdict = agent.takeVerdict() {
        guard verdict.isAdmitted else { fatalError("a good ticket is refused") }
        return
      }
      takeJobs()
    }
  }

  private mutating func perform() {
    files.perform(actions.disk)
    actions.removeAll()
  }

  /// As the agent's loop waits.
  private mutating func takeJobs() {
    poller.removeAll()
    _ = poller.add(worker.descriptor)
    try! poller.wait(timeout: nil)
    while let result = worker.next() {
      guard case .flushed(let file, let error) = result, error == nil else {
        fatalError("a flush fails")
      }
      agent.flushed(file, error, now: System.now(), disk: &files, into: &actions)
      perform()
    }
  }
}

/// One verify, one page, one fdatasync.
struct RawDurable: ~Copyable {
  private let verify: RawVerify
  private let page: Memory
  private let descriptor: Int32

  init(_ fixture: borrowing Fixture, _ folder: Path, _ page: consuming Memory) {
    guard var arena = System.arena(bytes: ScanBench.tickets * Limits.ticketBytesMax) else {
      fatalError("there is not enough memory")
    }
    verify = RawVerify(fixture, arena.take(ScanBench.tickets * Limits.ticketBytesMax))
    self.page = page
    do {
      guard let path = Path("raw", in: folder) else { fatalError("the path is too long") }
      try File.create(path, bytes: 64 << 20)
      descriptor = unsafe path.withCString { unsafe tk_open($0, Int32(TK_WRITE)) }
    } catch {
      fatalError("a file cannot be made: is there space in the temporary folder?")
    }
  }

  func once(_ number: Int) {
    verify.check(number % ScanBench.tickets)
    let extent = page.extent(0..<Limits.pageBytes)
    let offset = Int64(number) * Int64(Limits.pageBytes)
    guard
      unsafe tk_write_at(descriptor, extent.base, Limits.pageBytes, offset) == 0,
      tk_sync(descriptor) == 0
    else { fatalError("the raw file cannot be written") }
  }
}
