// What a state machine wants an operator to read: an event, its level, and a few numbers. The rim
// writes them as logfmt; the core never formats a log line.

public enum NoticeLevel: UInt8, Sendable {
  case debug = 0
  case info = 1
  case warning = 2
  case error = 3
  /// Somebody has to come: storage fails, evidence of a clone, a full ring.
  case alarm = 4

  public var name: StaticString {
    switch self {
    case .debug: "debug"
    case .info: "info"
    case .warning: "warning"
    case .error: "error"
    case .alarm: "alarm"
    }
  }
}

public struct Notice: Sendable {
  public var level: NoticeLevel
  public var event: StaticString
  public var keys: InlineArray<4, StaticString>
  public var values: InlineArray<4, Int64>
  public var count: Int

  public init(_ level: NoticeLevel, _ event: StaticString) {
    self.level = level
    self.event = event
    keys = .init(repeating: "")
    values = .init(repeating: 0)
    count = 0
  }

  /// The same notice with one more number; beyond four they are left out.
  public func with(_ key: StaticString, _ value: Int64) -> Notice {
    guard count < 4 else { return self }
    var notice = self
    notice.keys[count] = key
    notice.values[count] = value
    notice.count += 1
    return notice
  }

  public func with(_ key: StaticString, _ value: UInt64) -> Notice {
    with(key, Int64(clamping: value))
  }
}

/// Notices of one step, in order; what does not fit is counted.
public struct Notices: ~Copyable {
  private var notices: InlineArray<16, Notice>
  public private(set) var count = 0
  public private(set) var dropped: UInt64 = 0

  public init() { notices = .init(repeating: Notice(.debug, "")) }

  public subscript(_ index: Int) -> Notice { notices[index] }

  public mutating func append(_ notice: Notice) {
    guard count < 16 else {
      dropped += 1
      return
    }
    notices[count] = notice
    count += 1
  }

  public mutating func removeAll() { count = 0 }
}
