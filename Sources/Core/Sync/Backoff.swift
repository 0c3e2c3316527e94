// How long to wait before the next attempt to connect: exponential and jittered.
// Invariants: the delay lies between half and the whole of the current step; the step doubles with
// every attempt up to `stepMillisecondsMax`; it falls back to the first one only after a connection
// has stood for `stableMilliseconds` (a link that flaps is not a link that works).

/// A small generator for jitter (SplitMix64, Steele et al. 2014). Not for secrets.
public struct Jitter: Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

public struct Backoff: Sendable {
  public static let stepMillisecondsMin: Int64 = 500
  public static let stepMillisecondsMax: Int64 = 30_000
  public static let stableMilliseconds: Int64 = 10_000

  /// The step that the next delay is drawn from, milliseconds.
  public private(set) var step = stepMillisecondsMin
  private var jitter: Jitter

  public init(seed: UInt64) { jitter = Jitter(seed: seed) }

  /// Draws the next delay, milliseconds, and doubles the step.
  public mutating func delay() -> Int64 {
    let half = step / 2
    let drawn = half + Int64(jitter.next() % UInt64(step - half + 1))
    step = min(step * 2, Self.stepMillisecondsMax)
    return drawn
  }

  /// A connection has ended that stood for `milliseconds`.
  public mutating func ended(after milliseconds: Int64) {
    if milliseconds >= Self.stableMilliseconds { step = Self.stepMillisecondsMin }
  }
}
