// One line of a contact plan.

/// When `from` can send to `to`, as planned (ION's `a contact`).
public struct Contact: Sendable, Equatable {
  /// Unix milliseconds, inclusive.
  public var start: Int64
  /// Unix milliseconds, exclusive.
  public var stop: Int64
  public var from: UInt64
  public var to: UInt64
  public var bytesPerSecond: UInt64
  /// How likely it is to come about, in thousandths.
  public var confidencePermille: UInt16
}

/// How far apart two nodes are for a time (ION's `a range`).
public struct ContactRange: Sendable, Equatable {
  /// Unix milliseconds, inclusive.
  public var start: Int64
  /// Unix milliseconds, exclusive.
  public var stop: Int64
  public var from: UInt64
  public var to: UInt64
  public var lightSeconds: UInt64
}

/// What is wrong with a plan, and where.
public struct ContactError: Error {
  /// From 1.
  public var line: Int
  public var reason: StaticString
}
