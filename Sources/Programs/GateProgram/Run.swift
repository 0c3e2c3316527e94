// `tollkeeper run`: from the configuration to a loop that runs.

import Agent
import Broker
import Contacts
import Gates
import Limits
import Platform
import Rings
import Seal
import Sync
import Trust
import Wire

func run(_ arguments: Arguments) -> Int32 {
  let configuration: Configuration
  switch readConfiguration(arguments) {
  case .success(let read): configuration = read
  case .failure(let problem): return problem.status
  }
  guard let settings = readSettings(configuration) else { return Status.usage }
  do throws(KernelError) {
    let signals = try Signals()
    guard let files = openFiles(configuration) else { return Status.failed }
    let worker = try Worker()
    guard var arena = System.arena(bytes: Loop.memoryBytes(configuration)) else {
      complain { $0.put("there is not enough memory") }
      return Status.failed
    }
    System.limitMemory(bytes: Loop.memoryBytes(configuration) + libraryBytesMax)
    var seed = Bytes<64>()
    var bytes = seed.mutableSpan
    Sodium.random(into: &bytes)
    let agent = Agent<Sodium>(
      settings: settings, segments: configuration.segments, seed: seed.span.uint64(at: 0),
      arena: &arena)
    let input = try Loop.openInput(configuration)
    guard let state = configuration.state, let socket = Path("status", in: state) else {
      return wrongUsage("the path of the state folder is too long")
    }
    let listener = try Channel.statusListener(socket)
    var loop = Loop(
      configuration, agent: agent, files: files, worker: worker, signals: signals, input: input,
      listener: listener, arena: &arena, isJSON: arguments.has("--json"),
      untilEnd: arguments.has("--until-end"))
    guard loop.start() else { return Status.failed }
    return try loop.run()
  } catch {
    complain { $0.put(error.name) }
    return Status.failed
  }
}

/// What the C libraries may take: TLS, and 32 packets of the send window.
private let libraryBytesMax = 32 << 20

private func readSettings(_ configuration: Configuration) -> Settings? {
  guard let key = configuration.key, let authority = configuration.authority else { return nil }
  guard let seed = readKey(key), let pinned = readKey(authority) else { return nil }
  return Settings(
    node: configuration.node, event: configuration.event, zone: configuration.zone,
    upstream: configuration.upstream, onStorageError: configuration.onStorageError,
    usedTickets: configuration.usedTickets, key: Sodium.secretKey(seed: seed), authority: pinned)
}

private func readKey(_ path: Path) -> Bytes<32>? {
  do throws(KeyFileError) {
    return try KeyFile.read(path)
  } catch {
    complain(about: path, error)
    return nil
  }
}

/// Opens the state folder's files; makes the ones that are missing, full of zeros. The ring is made
/// last: while it is missing, an interrupted first start is told from a lost ring by the used-set.
private func openFiles(_ configuration: Configuration) -> DiskFiles? {
  guard let state = configuration.state, let trust = Path("trust", in: state),
    let used = Path("used", in: state), let ring = Path("ring", in: state)
  else {
    complain { $0.put("the path of the state folder is too long") }
    return nil
  }
  do throws(KernelError) {
    try File.makeFolder(state)
  } catch {
    complain(about: state, error)
    return nil
  }
  let segments = configuration.segments
  guard
    let trustFile = openOrCreate(trust, bytes: Int64(TrustSlots<Sodium>.fileBytes)),
    let usedFile = openOrCreate(
      used, bytes: UsedSet<Sodium>.fileBytes(tickets: configuration.usedTickets)),
    let ringFile = openOrCreate(ring, bytes: Ring<Sodium>.fileBytes(segments: segments))
  else { return nil }
  do throws(KernelError) {
    try ringFile.lock()
    // Recovery looks at the first page of every segment.
    let segmentBytes = Int64(Limits.segmentBytes)
    ringFile.expect(
      offset: segmentBytes, stride: segmentBytes, count: Int64(Limits.pageBytes))
    guard try ringFile.size() == Ring<Sodium>.fileBytes(segments: segments) else {
      complain {
        $0.put(ring.text.span)
        $0.put(": the ring has another size than ring_mib says; it cannot be changed yet")
      }
      return nil
    }
  } catch {
    complain(about: ring, error)
    return nil
  }
  return DiskFiles(ring: ringFile, used: usedFile, trust: trustFile)
}

private func openOrCreate(_ path: Path, bytes: Int64) -> File? {
  do throws(KernelError) {
    return try File(path, for: .write)
  } catch {
    guard error.isMissing else {
      complain(about: path, error)
      return nil
    }
  }
  do throws(KernelError) {
    try File.create(path, bytes: bytes)
    return try File(path, for: .write)
  } catch {
    complain(about: path, error)
    return nil
  }
}
