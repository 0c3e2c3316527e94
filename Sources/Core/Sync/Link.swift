// The link to the broker: when to connect, to subscribe and to let go (MAPPING.md, "Reconnecting").
// Invariants: connected only while a window is open; nothing is sent before this connection's
// CONNACK and SUBACK; at most one attempt is on the way.

public struct Link: Sendable {
  public enum State: Sendable, Equatable {
    /// No window is open.
    case closed
    /// Next attempt at this instant of CLOCK_BOOTTIME, milliseconds.
    case waiting(until: Int64)
    case connecting(since: Int64)
    case subscribing(since: Int64)
    case up(since: Int64)
  }

  public enum Event: Sendable, Equatable {
    /// Time has passed, or the plan has changed.
    case time
    /// CONNACK, accepted.
    case connected
    /// SUBACK, granted.
    case subscribed
    /// CONNACK or SUBACK refused, or the connection is gone, or could not be made.
    case lost
  }

  public enum Action: Sendable, Equatable {
    case none
    case connect
    case subscribe
    /// The link is up: publish the birth and the first batch.
    case greet
    /// Drop the connection without a farewell: the will speaks.
    case drop
    /// The window closes: say goodbye.
    case leave
  }

  /// How long a CONNACK or SUBACK may take, milliseconds.
  public static let answerMillisecondsMax: Int64 = 15_000

  public private(set) var state = State.closed
  public private(set) var connects: UInt64 = 0
  public private(set) var losses: UInt64 = 0
  private var backoff: Backoff

  public init(seed: UInt64) { backoff = Backoff(seed: seed) }

  public var isUp: Bool {
    if case .up = state { true } else { false }
  }

  /// When `time` is due next, CLOCK_BOOTTIME milliseconds; nil while only events can change anything.
  public var deadline: Int64? {
    switch state {
    case .closed, .up: nil
    case .waiting(let until): until
    case .connecting(let since), .subscribing(let since): since + Self.answerMillisecondsMax
    }
  }

  public mutating func step(_ event: Event, windowIsOpen: Bool, now: Int64) -> Action {
    guard windowIsOpen else { return close(after: event, now: now) }
    switch (state, event) {
    case (.closed, .time):
      return connect(now)
    case (.waiting(let until), .time):
      return now >= until ? connect(now) : .none
    case (.connecting, .connected):
      // Whether the broker has a session says nothing of the subscription: a connection may have
      // ended between the two.
      state = .subscribing(since: now)
      return .subscribe
    case (.subscribing, .subscribed):
      state = .up(since: now)
      return .greet
    case (.connecting(let since), .time), (.subscribing(let since), .time):
      guard now - since >= Self.answerMillisecondsMax else { return .none }
      lose(now, stoodSince: nil)
      return .drop
    case (.connecting, .lost), (.subscribing, .lost):
      lose(now, stoodSince: nil)
      return .drop
    case (.up(let since), .lost):
      lose(now, stoodSince: since)
      return .drop
    default:
      return .none
    }
  }

  private mutating func connect(_ now: Int64) -> Action {
    state = .connecting(since: now)
    connects += 1
    return .connect
  }

  private mutating func lose(_ now: Int64, stoodSince since: Int64?) {
    losses += 1
    if let since { backoff.ended(after: now - since) }
    state = .waiting(until: now + backoff.delay())
  }

  private mutating func close(after event: Event, now: Int64) -> Action {
    defer { state = .closed }
    switch state {
    case .closed, .waiting: return .none
    case .connecting, .subscribing: return .drop
    case .up(let since):
      backoff.ended(after: now - since)
      return event == .lost ? .drop : .leave
    }
  }
}
