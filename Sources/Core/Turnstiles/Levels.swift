// What the lines of a gate say.

/// Levels of the four outputs; true is active, whatever that is on the wire.
public struct Levels: Sendable, Equatable {
  /// The gate's release: solenoid, relay, or the input of its own controller.
  public var open = false
  public var green = false
  public var red = false
  public var buzzer = false

  public init() {}
}
