// The agent's configuration file (TOML; see README.md for the keys).
// Invariants: an unknown key, a key twice, a value out of range are errors that name their line;
// paths are relative to the file's folder; what turns out to be wrong later with what a key says is
// told with the file and the key's line too.

import Agent
import Gates
import Limits
import Platform
import Scanners
import Sync
import Wire

enum InputSource: Equatable {
  case standardInput
  case serial(Path)
  /// An input device: a scanner that plays a keyboard.
  case events(Path)
}

/// Where keys stand whose values are found wrong only when they are used.
struct ConfigurationLines {
  var key = 0
  var authority = 0
  var trust = 0
  var contacts = 0
  var input = 0
  var ringMebibytes = 0
  var usedTickets = 0
  var revokedTickets = 0
  var passwordFile = 0
  var tlsCA = 0
}

struct Configuration {
  /// What was read.
  let file: Path
  private(set) var lines = ConfigurationLines()
  var node: UInt64 = 0
  private var hasRole = false
  var event: UInt32 = 0
  var zone: UInt32 = 0
  /// That the gate leads into or out of; 0 for none in particular.
  var area: UInt8 = 0
  var isExit = false
  var state: Path?
  var key: Path?
  var authority: Path?
  var trust: Path?
  var contacts: Path?
  var input = InputSource.standardInput
  var baud: Int32 = 9600
  var silenceMilliseconds = KeyReader.silenceDefault
  var debounceMilliseconds: Int64 = 0
  var ringMebibytes = (Limits.segmentsDefault * Limits.segmentBytes) >> 20
  var usedTickets = Limits.usedTicketsDefault
  var revokedTickets = 0
  var onStorageError = StoragePolicy.closed
  var onIncompleteList = ListPolicy.open
  var upstream: UInt64 = 0
  var brokerHost = BoundedBytes<128>()
  var brokerPort: UInt16 = 1883
  var passwordFile: Path?
  var tlsCA: Path?
  var logLevel = NoticeLevel.info
  var gate = GateConfiguration()

  var segments: Int { (ringMebibytes << 20) / Limits.segmentBytes }

  private enum Table {
    case top, upstream, broker, gate, log
  }

  init(parsing text: Span<UInt8>, of file: Path) throws(TOMLError) {
    self.file = file
    let folder = file.folder
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
          case .gate: try gate.take(pair, reader, folder)
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
    if reader.matches(name, "gate") { return .gate }
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
      hasRole = true
    } else if reader.matches(key, "event") {
      event = UInt32(try reader.integer(pair, in: 0...Int64(UInt32.max)))
    } else if reader.matches(key, "zone") {
      zone = UInt32(try reader.integer(pair, in: 0...Int64(UInt32.max)))
    } else if reader.matches(key, "area") {
      area = UInt8(try reader.integer(pair, in: 0...Int64(Limits.areasMax)))
    } else if reader.matches(key, "direction") {
      isExit = try Self.isExit(pair, reader)
    } else if reader.matches(key, "state") {
      state = try Self.statePath(pair, reader, folder)
    } else if reader.matches(key, "key") {
      self.key = try Self.path(pair, reader, folder)
      lines.key = pair.line
    } else if reader.matches(key, "authority") {
      authority = try Self.path(pair, reader, folder)
      lines.authority = pair.line
    } else if reader.matches(key, "trust") {
      trust = try Self.path(pair, reader, folder)
      lines.trust = pair.line
    } else if reader.matches(key, "contacts") {
      contacts = try Self.path(pair, reader, folder)
      lines.contacts = pair.line
    } else {
      return try device(pair, reader)
    }
    return true
  }

  private static func isExit(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Bool {
    let text: BoundedBytes<8> = try reader.string(pair)
    if text == BoundedBytes("exit") { return true }
    guard text == BoundedBytes("entry") else {
      throw TOMLError(line: pair.line, "the direction is \"entry\" or \"exit\"")
    }
    return false
  }

  /// The rest of the top level: hardware, sizes, policy.
  private mutating func device(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Bool {
    let key = pair.key
    if reader.matches(key, "input") {
      input = try Self.input(pair, reader)
      lines.input = pair.line
    } else if reader.matches(key, "baud") {
      baud = try Self.baud(pair, reader)
    } else if reader.matches(key, "silence_ms") {
      silenceMilliseconds = try reader.integer(pair, in: 10...10_000)
    } else if reader.matches(key, "debounce_ms") {
      debounceMilliseconds = try reader.integer(pair, in: 0...60_000)
    } else if reader.matches(key, "ring_mib") {
      let largest = Int64((Limits.segmentsMax * Limits.segmentBytes) >> 20)
      ringMebibytes = Int(try reader.integer(pair, in: 4...largest))
      lines.ringMebibytes = pair.line
    } else if reader.matches(key, "used_tickets") {
      usedTickets = Int(try reader.integer(pair, in: 1...Int64(Limits.usedTicketsMax)))
      lines.usedTickets = pair.line
    } else if reader.matches(key, "revoked_tickets") {
      revokedTickets = Int(try reader.integer(pair, in: 0...Int64(Limits.revokedTicketsMax)))
      lines.revokedTickets = pair.line
    } else if reader.matches(key, "on_storage_error") {
      onStorageError = try Self.isOpen(pair, reader) ? .open : .closed
    } else if reader.matches(key, "on_incomplete_list") {
      onIncompleteList = try Self.isOpen(pair, reader) ? .open : .closed
    } else {
      return false
    }
    return true
  }

  private static func isOpen(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Bool {
    let policy: BoundedBytes<8> = try reader.string(pair)
    if policy == BoundedBytes("open") { return true }
    if policy == BoundedBytes("closed") { return false }
    throw TOMLError(line: pair.line, "this must be \"closed\" or \"open\"")
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
      lines.passwordFile = pair.line
    } else if reader.matches(key, "tls_ca") {
      tlsCA = try Self.path(pair, reader, folder)
      lines.tlsCA = pair.line
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

  static func path(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ folder: Path
  ) throws(TOMLError) -> Path {
    let text: BoundedBytes<256> = try reader.string(pair)
    guard let path = Path(text.span, in: folder) else {
      throw TOMLError(line: pair.line, "this path is empty or too long")
    }
    return path
  }

  /// The status socket is in that folder, and the kernel wants its whole path in 107 bytes.
  private static func statePath(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader, _ folder: Path
  ) throws(TOMLError) -> Path {
    let path = try path(pair, reader, folder)
    guard path.text.count <= 100 else {
      throw TOMLError(
        line: pair.line, "the path of this folder, with that of this file, has at most 100 bytes")
    }
    return path
  }

  private static func baud(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> Int32 {
    switch try reader.integer(pair, in: 1200...230_400) {
    case 1200: return 1200
    case 2400: return 2400
    case 4800: return 4800
    case 9600: return 9600
    case 19200: return 19200
    case 38400: return 38400
    case 57600: return 57600
    case 115_200: return 115_200
    case 230_400: return 230_400
    default:
      throw TOMLError(
        line: pair.line,
        "the rate must be 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 or 230400")
    }
  }

  private static func input(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> InputSource {
    let text: BoundedBytes<256> = try reader.string(pair)
    if equal(text.span, "stdin") { return .standardInput }
    if let path = Self.path(behind: "serial:", text.span) { return .serial(path) }
    if let path = Self.path(behind: "evdev:", text.span) { return .events(path) }
    throw TOMLError(
      line: pair.line,
      "the input must be \"stdin\", \"serial:/dev/...\" or \"evdev:/dev/input/...\"")
  }

  private static func path(behind prefix: StaticString, _ text: Span<UInt8>) -> Path? {
    let count = prefix.utf8CodeUnitCount
    guard text.count > count, equal(text.extracting(first: count), prefix) else { return nil }
    return Path(text.extracting(count..<text.count))
  }

  /// What is missing is reported at the end of the file.
  private func checkComplete(line: Int) throws(TOMLError) {
    if node == 0 { throw TOMLError(line: line, "`node` is missing") }
    if !hasRole { throw TOMLError(line: line, "`role` is missing: it must be \"gate\"") }
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
    try gate.checkComplete(line: line)
  }
}
