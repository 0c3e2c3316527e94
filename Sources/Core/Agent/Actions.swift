// What a step of the agent asks of the rim, beside the verdicts and publications that the rim takes
// from the agent one by one.

public import Sync
public import Wire

public struct Actions: ~Copyable {
  public var disk = DiskActions()
  public var notices = Notices()
  /// What to do with the link; at most one thing a step.
  public var link = Link.Action.none

  public init() {}

  public mutating func removeAll() {
    disk.removeAll()
    notices.removeAll()
    link = .none
  }
}

/// A message for the broker. Its bytes stand until the next step.
public struct Publication: Sendable {
  public enum Topic: Sendable, Equatable {
    /// `bundle/NEXT/SELF`
    case bundle(next: UInt64)
    /// `health/SELF`, retained
    case health
  }

  public var topic: Topic
  public var payload: Extent
  /// MQTT's message expiry interval, seconds; 0 for none.
  public var expirySeconds: UInt32
}
