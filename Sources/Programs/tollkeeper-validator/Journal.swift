// The log on standard error: one logfmt line an event, with a level, limited in rate per event.
// Invariants: at most 10 lines of one event in 10 s; what is left out is counted, and the count
// stands in the next line of that event; a line that cannot be written is counted and stops nothing.

final class Journal {
  enum Level: Int, Comparable {
    case debug, info, warning, error

    init?(name: String) {
      switch name {
      case "debug": self = .debug
      case "info": self = .info
      case "warning": self = .warning
      case "error": self = .error
      default: return nil
      }
    }

    var name: String {
      switch self {
      case .debug: "debug"
      case .info: "info"
      case .warning: "warning"
      case .error: "error"
      }
    }

    static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  private struct Rate {
    var since: Int64
    var lines = 0
    var suppressed = 0
  }

  private static let linesMax = 10
  private static let interval: Int64 = 10_000

  private let level: Level
  /// By event: a closed set of literals in this program.
  private var rates: [String: Rate] = [:]
  /// Unix milliseconds.
  var now: Int64 = 0
  /// Lines that could not be written.
  private(set) var lost: UInt64 = 0

  init(level: Level) { self.level = level }

  /// - Parameter event: a literal; it is what the rate is counted by.
  func write(_ level: Level, _ event: String, _ fields: [(String, String)] = []) {
    guard level >= self.level else { return }
    var rate = rates[event] ?? Rate(since: now)
    if now - rate.since >= Self.interval || now < rate.since {
      rate.since = now
      rate.lines = 0
    }
    defer { rates[event] = rate }
    guard rate.lines < Self.linesMax else {
      rate.suppressed += 1
      return
    }
    rate.lines += 1
    var line = "time=\(now) level=\(level.name) event=\(event)"
    for (key, value) in fields { line += " \(key)=\(Self.quoted(value))" }
    if rate.suppressed > 0 {
      line += " suppressed=\(rate.suppressed)"
      rate.suppressed = 0
    }
    if !Output.error(line) { lost += 1 }
  }

  private static func quoted(_ value: String) -> String {
    let isPlain = value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x3d }
    if isPlain && !value.isEmpty { return value }
    return JSONObject.quoted(value)
  }
}
