// Ignores what a scanner reads again while the same code is still in front of it.
// Invariants: only the very same text as the one before counts; a code that stays in view is one
// scan however long it stays; with a window of 0 everything is new.

import Limits
import Wire

public struct Debounce: Sendable {
  /// Milliseconds; 0 is off.
  public let window: Int64
  private var last = BoundedBytes<1536>()
  private var lastElapsed: Int64 = 0

  public init(window: Int64) { self.window = window }

  /// Whether `text` is to be ignored. Every call counts as a reading.
  /// - Parameters:
  ///   - text: as scanned; one that is too long to be a ticket is never a repetition.
  ///   - elapsed: `Now.elapsed`, milliseconds.
  public mutating func isRepetition(_ text: Span<UInt8>, elapsed: Int64) -> Bool {
    guard window > 0 else { return false }
    defer { lastElapsed = elapsed }
    if !last.isEmpty && last.equals(text) { return elapsed - lastElapsed < window }
    last = BoundedBytes(text) ?? BoundedBytes()
    return false
  }
}
