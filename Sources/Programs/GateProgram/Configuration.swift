// The agent's configuration file (TOML; see README.md for the keys).
// Invariants: an unknown key, a key twice, a value out of range are errors that name their line;
// paths are relative to the file's folder.

import Agent
import Limits
import Platform
import Sync
import Wire

enum InputSource: Equatable {
  case standardInput
  case serial(Path)
}

struct Configuration {
  var node: UInt64 = 0
  var event: UInt32 = 0
  var zone: UInt32 = 0
  var state: Path?
  var key: Path?
  var authority: Path?
  var trust: Path?
  var contacts: Path?
  var input = InputSource.standardInput
  var baud: Int32 = 9600
  var debounceMilliseconds: Int64 = 0
  var ringMebibytes = (Limits.segmentsDefault * Limits.segmentBytes) >> 20
  var usedTickets = Limits.usedTicketsDefault
  var onStorageError = StoragePolicy.closed
  var upstream: UInt64 = 0
  var brokerHost = BoundedBytes<128>()
  var brokerPort: UInt16 = 1883
  var passwordFile: Path?
  var tlsCA: Path?
  var logLevel = NoticeLevel.info

  var segments: Int { (ringMebibytes << 20) / Limits.segmentBytes }

  private enum Table {
    case top, upstream, broker, log
  }

  init(parsing text: Span<UInt8>, in folder: Path) throws(TOMLError) {
    var reader = TOMLReader(text)
    var table = Table.top
    while let event = try reader.next() {
      switch event {
      case .table(let name):
        table = try Self.table(name, reader)
      case .arrayTable:
        throw TOMLError(line: reader.line, "there is no array of tables in this file")
      case .pair(let pair):
        let isKnown =
          switch table {
          case .top: try top(pair, reader, folder)
          case .upstream: try upstream(pair, reader)
          case .broker: try broker(pair, reader, folder)
          case .log: try log(pair, reader)
          }
        guard isKnown else { throw TOMLError(line: pair.line, "this key is not known here") }
      }
    }
    try checkComplete(line: reader.line)
  }

  private static func table(
    _ name: Range<Int>, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Table {
    if reader.matches(name, "upstream") { return .upstream }
    if reader.matches(name, "broker") { return .broker }
    if reader.matches(name, "log") { return .log }
    throw TOMLError(line: reader.line, "this table is not known")
  }

  private mutating func top(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ folder: Path
  ) throws(TOMLError) -> Bool {
    let key = pair.key
    if reader.matches(key, "node") {
      node = UInt64(try reader.integer(pair, in: 1...(1 << 53 - 1)))
    } else if reader.matches(key, "role") {
      let role: BoundedBytes<8> = try reader.string(pair)
      guard role == BoundedBytes("gate") else {
        throw TOMLError(line: pair.line, "the role must be \"gate\"")
      }
    } else if reader.matches(key, "event") {
      event = UInt32(try reader.integer(pair, in: 0...Int64(UInt32.max)))
    } else if reader.matches(key, "zone") {
      zone = UInt32(try reader.integer(pair, in: 0...Int64(UInt32.max)))
    } else if reader.matches(key, "state") {
      state = try Self.path(pair, reader, folder)
    } else if reader.matches(key, "key") {
      self.key = try Self.path(pair, reader, folder)
    } else if reader.matches(key, "authority") {
      authority = try Self.path(pair, reader, folder)
    } else if reader.matches(key, "trust") {
      trust = try Self.path(pair, reader, folder)
    } else if reader.matches(key, "contacts") {
      contacts = try Self.path(pair, reader, folder)
    } else {
      return try device(pair, reader)
    }
    return true
  }

  /// The rest of the top level: hardware, sizes, policy.
  private mutating func device(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Bool {
    let key = pair.key
    if reader.matches(key, "input") {
      input = try Self.input(pair, reader)
    } else if reader.matches(key, "baud") {
      baud = Int32(try reader.integer(pair, in: 1200...230_400))
    } else if reader.matches(key, "debounce_ms") {
      debounceMilliseconds = try reader.integer(pair, in: 0...60_000)
    } else if reader.matches(key, "ring_mib") {
      let largest = Int64((Limits.segmentsMax * Limits.segmentBytes) >> 20)
      ringMebibytes = Int(try reader.integer(pair, in: 4...largest))
    } else if reader.matches(key, "used_tickets") {
      usedTickets = Int(try reader.integer(pair, in: 1...Int64(Limits.usedTicketsMax)))
    } else if reader.matches(key, "on_storage_error") {
      let policy: BoundedBytes<8> = try reader.string(pair)
      if policy == BoundedBytes("closed") {
        onStorageError = .closed
      } else if policy == BoundedBytes("open") {
        onStorageError = .open
      } else {
        throw TOMLError(line: pair.line, "this must be \"closed\" or \"open\"")
      }
    } else {
      return false
    }
    return true
  }

  private mutating func upstream(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Bool {
    guard reader.matches(pair.key, "node") else { return false }
    upstream = UInt64(try reader.integer(pair, in: 1...(1 << 53 - 1)))
    return true
  }

  private mutating func broker(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ folder: Path
  ) throws(TOMLError) -> Bool {
    let key = pair.key
    if reader.matches(key, "host") {
      brokerHost = try reader.string(pair)
    } else if reader.matches(key, "port") {
      brokerPort = UInt16(try reader.integer(pair, in: 1...65535))
    } else if reader.matches(key, "password_file") {
      passwordFile = try Self.path(pair, reader, folder)
    } else if reader.matches(key, "tls_ca") {
      tlsCA = try Self.path(pair, reader, folder)
    } else {
      return false
    }
    return true
  }

  private mutating func log(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Bool {
    guard reader.matches(pair.key, "level") else { return false }
    let name: BoundedBytes<8> = try reader.string(pair)
    for level in 0...NoticeLevel.alarm.rawValue {
      guard let level = NoticeLevel(rawValue: level) else { continue }
      if equal(name.span, level.name) {
        logLevel = level
        return true
      }
    }
    throw TOMLError(line: pair.line, "the level must be debug, info, warning, error or alarm")
  }

  private static func path(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ folder: Path
  ) throws(TOMLError) -> Path {
    let text: BoundedBytes<256> = try reader.string(pair)
    guard let path = Path(text.span, in: folder) else {
      throw TOMLError(line: pair.line, "this path is empty or too long")
    }
    return path
  }

  private static func input(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> InputSource {
    let text: BoundedBytes<256> = try reader.string(pair)
    if equal(text.span, "stdin") { return .standardInput }
    let prefix: StaticString = "serial:"
    if text.count > 7 && equal(text.span.extracting(first: 7), prefix),
      let path = Path(text.span.extracting(7..<text.count))
    {
      return .serial(path)
    }
    throw TOMLError(line: pair.line, "the input must be \"stdin\" or \"serial:/dev/...\"")
  }

  /// What is missing is reported at the end of the file.
  private func checkComplete(line: Int) throws(TOMLError) {
    if node == 0 { throw TOMLError(line: line, "`node` is missing") }
    if state == nil { throw TOMLError(line: line, "`state` is missing: the folder for the ring") }
    if key == nil { throw TOMLError(line: line, "`key` is missing: this device's private key") }
    if authority == nil {
      throw TOMLError(
        line: line, "`authority` is missing: the public key that signs trust documents")
    }
    if trust == nil { throw TOMLError(line: line, "`trust` is missing: the signed trust document") }
    if zone == 0 { throw TOMLError(line: line, "`zone` is missing or 0: it would admit nobody") }
    if contacts != nil && (upstream == 0 || brokerHost.isEmpty) {
      throw TOMLError(line: line, "`contacts` needs [upstream] node and [broker] host")
    }
  }
}
