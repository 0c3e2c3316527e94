// How a gate is to be opened.

public struct TurnstileSettings: Sendable, Equatable {
  public enum Mode: Sendable, Equatable {
    /// The open line is active for `pulseMilliseconds`, whatever the PASS input says: for gates with
    /// a controller of their own.
    case pulse
    /// The open line is active until the PASS input says that somebody went through, or the time is
    /// over: for what opens only as long as it is told to.
    case level
  }

  public static let pulseRange: ClosedRange<Int64> = 100...60_000
  public static let passTimeoutRange: ClosedRange<Int64> = 100...600_000

  public var mode: Mode
  /// Milliseconds, in `pulseRange`.
  public var pulseMilliseconds: Int64
  /// How long somebody may take to go through, milliseconds, in `passTimeoutRange`. With
  /// `Mode.level` that is how long the gate is open without a PASS.
  public var passTimeoutMilliseconds: Int64
  /// Whether there is a PASS input. Without one nobody knows who went through: an admission ends with
  /// its opening, and is neither passed nor annulled.
  public var hasPass: Bool

  public init(
    mode: Mode = .pulse, pulseMilliseconds: Int64 = 500, passTimeoutMilliseconds: Int64 = 5000,
    hasPass: Bool = false
  ) {
    self.mode = mode
    self.pulseMilliseconds = pulseMilliseconds
    self.passTimeoutMilliseconds = passTimeoutMilliseconds
    self.hasPass = hasPass
  }

  /// How long the open line is active at most, milliseconds.
  public var openMilliseconds: Int64 {
    mode == .pulse ? pulseMilliseconds : passTimeoutMilliseconds
  }

  /// How long an opening lasts without a PASS, milliseconds: a pulse is never cut short.
  var openingMilliseconds: Int64 {
    hasPass || mode == .level
      ? max(openMilliseconds, passTimeoutMilliseconds) : pulseMilliseconds
  }
}
