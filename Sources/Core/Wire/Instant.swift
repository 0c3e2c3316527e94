// Time as the core sees it: it never asks for it, it is told.

/// A point in wall-clock time as a device knows it.
public struct Instant: Sendable, Equatable {
  /// Unix time, milliseconds.
  public var milliseconds: Int64
  /// How far the truth may be off, either way, milliseconds.
  public var uncertainty: UInt32
  /// Which boot of the device said so; rises with every start of the agent.
  public var boot: UInt32

  public init(milliseconds: Int64, uncertainty: UInt32 = 0, boot: UInt32 = 0) {
    self.milliseconds = milliseconds
    self.uncertainty = uncertainty
    self.boot = boot
  }

  /// Unix time, whole seconds, rounded down.
  public var seconds: Int64 {
    milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
  }
}

/// What a step is told about the time.
public struct Now: Sendable, Equatable {
  public var instant: Instant
  /// CLOCK_BOOTTIME, milliseconds: never goes back, counts sleep. All timers use it.
  public var elapsed: Int64

  public init(instant: Instant, elapsed: Int64) {
    self.instant = instant
    self.elapsed = elapsed
  }
}
