// What time it is at a gate that may have no clock chip, no network, and a wall clock that somebody
// sets.
// Invariants: time runs on CLOCK_BOOTTIME between corrections and never stands still; it never goes
// below what is known to be past; what is known to be past only rises, and runs on as well; a wall
// clock that jumps is noticed, and believed only as far as the past allows, with the jump as
// uncertainty; a signed time from upstream that was bracketed by our own question counts for more
// than any wall clock.
//
//   unknown --(a wall clock above the past)--> wall --(upstream)--> upstream
//   wall --(jump below the past)--> wall, running on, more uncertain

public import Wire

public struct Clock: Sendable {
  /// Where the time comes from.
  public enum Source: UInt8, Sendable {
    /// From what is known to be past: the truth may be anywhere above.
    case past = 0
    /// From the system's clock.
    case wall = 1
    /// From a block that a quorum signed.
    case upstream = 2
  }

  /// What was noticed.
  public enum Event: Sendable, Equatable {
    /// The system's clock stands below what is known to be past, by so many milliseconds.
    case behind(Int64)
    /// It went on or back by so many milliseconds more than time has passed.
    case jumped(Int64)
    /// It was set, after it had been behind.
    case set
  }

  /// What a quartz may drift, parts per million.
  public static var driftPPM: Int64 { 100 }
  /// How far the system's clock may differ from itself between two looks without having jumped,
  /// milliseconds.
  public static var stepMilliseconds: Int64 { 1000 }

  public private(set) var source = Source.past
  /// Times that the system's clock jumped or was found behind.
  public private(set) var jumps: UInt64 = 0
  /// How far the system's clock is believed to be off at best, milliseconds.
  private let wallUncertainty: Int64
  /// An instant (Unix milliseconds) at a moment of CLOCK_BOOTTIME, and how sure it is.
  private var base: Int64 = 0
  private var baseElapsed: Int64 = 0
  private var baseUncertainty = Int64(UInt32.max)
  private var pastFloor: Int64 = .min
  private var pastElapsed: Int64 = 0
  private var lastWall: Int64 = 0
  private var lastElapsed: Int64 = 0
  /// Whether there was a look at the system's clock.
  public private(set) var hasLooked = false

  /// - Parameter wallUncertainty: how far a system's clock that was never caught jumping may be off,
  ///   milliseconds.
  public init(wallUncertainty: UInt32 = 1000) { self.wallUncertainty = Int64(wallUncertainty) }

  /// The latest instant that is known to be past at `elapsed`, Unix milliseconds.
  public func past(_ elapsed: Int64) -> Int64 {
    guard pastFloor > .min else { return .min }
    let since = max(0, elapsed.subtractingClamped(pastElapsed))
    return pastFloor.addingClamped(since - Self.drift(since))
  }

  /// Something happened at `time` (Unix milliseconds), which is past now.
  public mutating func know(past time: Int64, elapsed: Int64) {
    guard time > past(elapsed) else { return }
    pastFloor = time
    pastElapsed = elapsed
  }

  /// Looks at the system's clock. Every step of the agent does.
  /// - Returns: what is to be reported, at most one thing.
  public mutating func look(_ now: Now) -> Event? {
    let wall = now.instant.milliseconds
    let past = past(now.elapsed)
    defer {
      lastWall = wall
      lastElapsed = now.elapsed
      hasLooked = true
    }
    guard hasLooked else {
      guard wall >= past else {
        jumps += 1
        return .behind(past.subtractingClamped(wall))
      }
      believe(wall, now.elapsed, uncertainty: wallUncertainty)
      return nil
    }
    let passed = now.elapsed.subtractingClamped(lastElapsed)
    let step = wall.subtractingClamped(lastWall).subtractingClamped(passed)
    let hasJumped = step > Self.stepMilliseconds || step < -Self.stepMilliseconds
    if source == .past && wall >= past {
      believe(wall, now.elapsed, uncertainty: wallUncertainty)
      return .set
    }
    guard hasJumped else {
      // Small corrections are the system's business.
      if source == .wall && wall >= past {
        base = wall
        baseUncertainty = uncertainty(now.elapsed)
        baseElapsed = now.elapsed
      }
      return nil
    }
    jumps += 1
    if source == .wall {
      let size = step < 0 ? (0 as Int64).subtractingClamped(step) : step
      let doubt = uncertainty(now.elapsed).addingClamped(size)
      if wall >= past {
        believe(wall, now.elapsed, uncertainty: doubt)
      } else {
        believe(time(now.elapsed), now.elapsed, uncertainty: doubt)
      }
    }
    return .jumped(step)
  }

  /// A block with what we asked to be recorded was made at `time` (Unix milliseconds, the proposer's
  /// clock), after we had sent it and before we heard of it.
  /// - Parameters:
  ///   - sent: CLOCK_BOOTTIME when it was sent for the first time, milliseconds.
  ///   - received: CLOCK_BOOTTIME when its receipt came.
  public mutating func upstream(time: Int64, sent: Int64, received: Int64) {
    know(past: time, elapsed: received)
    let window = max(0, received.subtractingClamped(sent))
    // The truth at `received` is between `time` and that much more.
    let half = window / 2
    guard source != .upstream || half <= uncertainty(received) else { return }
    base = time.addingClamped(half)
    baseElapsed = received
    baseUncertainty = half.addingClamped(wallUncertainty)
    source = .upstream
  }

  /// The time at `elapsed`, with its uncertainty.
  public func instant(_ elapsed: Int64) -> Instant {
    Instant(
      milliseconds: time(elapsed), uncertainty: UInt32(clamping: uncertainty(elapsed)))
  }

  private func time(_ elapsed: Int64) -> Int64 {
    let past = past(elapsed)
    guard source != .past else { return max(past, 0) }
    return max(base.addingClamped(elapsed.subtractingClamped(baseElapsed)), past)
  }

  private func uncertainty(_ elapsed: Int64) -> Int64 {
    guard source != .past else { return Int64(UInt32.max) }
    return baseUncertainty.addingClamped(
      Self.drift(max(0, elapsed.subtractingClamped(baseElapsed))))
  }

  private mutating func believe(_ wall: Int64, _ elapsed: Int64, uncertainty: Int64) {
    base = wall
    baseElapsed = elapsed
    baseUncertainty = uncertainty
    source = .wall
  }

  private static func drift(_ milliseconds: Int64) -> Int64 {
    milliseconds / (1_000_000 / driftPPM)
  }
}

extension Int64 {
  /// The sum, or the end of the range.
  public func addingClamped(_ other: Int64) -> Int64 {
    let (sum, isOver) = addingReportingOverflow(other)
    return isOver ? (other > 0 ? .max : .min) : sum
  }

  /// The difference, or the end of the range.
  public func subtractingClamped(_ other: Int64) -> Int64 {
    let (difference, isOver) = subtractingReportingOverflow(other)
    return isOver ? (other > 0 ? .min : .max) : difference
  }
}
