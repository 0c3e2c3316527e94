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
    var status = Status.failed
    guard let files = openFiles(configuration, status: &status) else { return status }
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
    guard let input = Loop.openInput(configuration), let lines = GateLines(configuration) else {
      return Status.failed
    }
    guard let state = configuration.state, let socket = Path("status", in: state) else {
      preconditionFailure("a state folder whose path was not checked")
    }
    let listener = try Channel.statusListener(socket)
    var loop = Loop(
      configuration, agent: agent, files: files, worker: worker, signals: signals, input: input,
      barrier: Barrier(lines, configuration.gate.turnstile), listener: listener, arena: &arena,
      isJSON: arguments.has("--json"),
      untilEnd: arguments.has("--until-end"))
    if let status = loop.start() { return status }
    return try loop.run()
  } catch {
    complain { $0.put(error) }
    return Status.failed
  }
}

/// What the C libraries may take: TLS, and 32 packets of the send window.
private let libraryBytesMax = 32 << 20

private func readSettings(_ configuration: Configuration) -> Settings? {
  guard let key = configuration.key, let authority = configuration.authority else { return nil }
  let lines = configuration.lines
  guard let seed = readKey(key, configuration, lines.key),
    let pinned = readKey(authority, configuration, lines.authority)
  else { return nil }
  var settings = Settings(
    node: configuration.node, event: configuration.event, zone: configuration.zone,
    upstream: configuration.upstream, onStorageError: configuration.onStorageError,
    usedTickets: configuration.usedTickets, key: Sodium.secretKey(seed: seed), authority: pinned)
  settings.area = configuration.area
  settings.isExit = configuration.isExit
  settings.revokedTickets = configuration.revokedTickets
  settings.onIncompleteList = configuration.onIncompleteList
  return settings
}

private func readKey(_ path: Path, _ configuration: Configuration, _ line: Int) -> Bytes<32>? {
  do throws(KeyFileError) {
    return try KeyFile.read(path)
  } catch {
    configuration.complain(line: line, path) { $0.put(error) }
    return nil
  }
}

/// Locks the state folder and opens its files; makes the ones that are missing, full of zeros.
/// - Parameter status: changed to what a wrong configuration is.
private func openFiles(_ configuration: Configuration, status: inout Int32) -> DiskFiles? {
  guard let state = configuration.state, let trust = Path("trust", in: state),
    let used = Path("used", in: state), let ring = Path("ring", in: state)
  else { preconditionFailure("a state folder whose path was not checked") }
  guard let folder = openFolder(state) else { return nil }
  let segments = configuration.segments
  guard
    let trustFile = openOrCreate(trust, bytes: Int64(TrustSlots<Sodium>.fileBytes)),
    let usedFile = openOrCreate(
      used, bytes: UsedSet<Sodium>.fileBytes(tickets: configuration.usedTickets)),
    let ringFile = openOrCreate(ring, bytes: Ring<Sodium>.fileBytes(segments: segments))
  else { return nil }
  do throws(KernelError) {
    // Recovery looks at the first page of every segment.
    let segmentBytes = Int64(Limits.segmentBytes)
    ringFile.expect(
      offset: segmentBytes, stride: segmentBytes, count: Int64(Limits.pageBytes))
    guard try ringFile.size() == Ring<Sodium>.fileBytes(segments: segments) else {
      configuration.complain(line: configuration.lines.ringMebibytes, ring) {
        $0.put("the ring has another size than `ring_mib` says; it cannot be changed")
      }
      status = Status.usage
      return nil
    }
    guard try usedFile.size() == UsedSet<Sodium>.fileBytes(tickets: configuration.usedTickets)
    else {
      configuration.complain(line: configuration.lines.usedTickets, used) {
        $0.put("the used-set was made for another `used_tickets`; it cannot be changed")
      }
      status = Status.usage
      return nil
    }
  } catch {
    complain(about: ring, error)
    return nil
  }
  guard configuration.revokedTickets > 0 else {
    return DiskFiles(ring: ringFile, used: usedFile, trust: trustFile, in: folder)
  }
  guard let revokedFile = openRevoked(configuration, in: state, status: &status) else { return nil }
  return DiskFiles(
    ring: ringFile, used: usedFile, trust: trustFile, revoked: revokedFile, in: folder)
}

private func openRevoked(
  _ configuration: Configuration, in state: Path, status: inout Int32
) -> File? {
  guard let path = Path("revoked", in: state) else {
    preconditionFailure("a state folder whose path was not checked")
  }
  let bytes = RevokedStore<Sodium>.fileBytes(tickets: configuration.revokedTickets)
  guard let file = openOrCreate(path, bytes: bytes) else { return nil }
  do throws(KernelError) {
    guard try file.size() == bytes else {
      configuration.complain(line: configuration.lines.revokedTickets, path) {
        $0.put("this was made for another `revoked_tickets`; remove it, and it is fetched anew")
      }
      status = Status.usage
      return nil
    }
    return file
  } catch {
    complain(about: path, error)
    return nil
  }
}

/// Makes the state folder, or finds it, and locks it: before a file in it is made, as two first starts
/// would each make their own.
private func openFolder(_ path: Path) -> File? {
  do throws(KernelError) {
    try File.makeFolder(path)
    let folder = try File(path, for: .read)
    try folder.lock()
    return folder
  } catch {
    complain(about: path, error)
    return nil
  }
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
