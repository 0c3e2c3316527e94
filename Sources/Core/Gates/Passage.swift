// The last time that somebody went through with a ticket, in the 32 bits that a slot of the used-set
// keeps for it (FORMAT.md).
// Invariants: of two passages the later one counts; times are compared round the clock of 22 bits,
// so two of them must not be more than four years apart.

public import Records

public struct Passage: Sendable, Equatable {
  public enum Kind: UInt32, Sendable {
    case none = 0
    case entry = 1
    case exit = 2
    /// Nobody went through: the entry before does not count.
    case annulled = 3
  }

  /// Bits 31 and 30 kind, 29 to 26 area, 25 to 22 entries of the day, 21 to 0 minute.
  public let rawValue: UInt32

  public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

  /// - Parameters:
  ///   - area: 0 to 15; 0 is no particular one.
  ///   - entriesOfDay: entries on the day of the passage, this one included; 15 stands for more.
  ///   - seconds: Unix time.
  public init(_ kind: Kind, area: UInt8, entriesOfDay: Int, at seconds: Int64) {
    let count = UInt32(min(max(entriesOfDay, 0), 15))
    rawValue =
      kind.rawValue << 30 | UInt32(area & 15) << 26 | count << 22 | Self.minute(seconds)
  }

  /// The passage that follows from a record's operation and time alone: through no particular area,
  /// at a gate without rules. Nil for what is no passage.
  public static func plain(_ operation: Operation, at seconds: Int64) -> Passage? {
    switch operation {
    case .consume, .enter: Passage(.entry, area: 0, entriesOfDay: 1, at: seconds)
    case .exit: Passage(.exit, area: 0, entriesOfDay: 0, at: seconds)
    case .annul: Passage(.annulled, area: 0, entriesOfDay: 0, at: seconds)
    case .validate, .depart, .arrive: nil
    }
  }

  public var kind: Kind { Kind(rawValue: rawValue >> 30) ?? .none }
  public var area: UInt8 { UInt8(rawValue >> 26 & 15) }
  public var entriesOfDay: Int { Int(rawValue >> 22 & 15) }

  private static var minuteMask: UInt32 { 0x3f_ffff }

  private static func minute(_ seconds: Int64) -> UInt32 {
    UInt32(truncatingIfNeeded: max(seconds, 0) / 60) & minuteMask
  }

  /// Minutes from the passage to `seconds` (Unix time), below 0 if the passage is later.
  public func minutes(until seconds: Int64) -> Int {
    Self.difference(Self.minute(seconds), rawValue & Self.minuteMask)
  }

  private static func difference(_ a: UInt32, _ b: UInt32) -> Int {
    let difference = Int((a &- b) & minuteMask)
    return difference > Int(minuteMask / 2) ? difference - Int(minuteMask) - 1 : difference
  }

  /// When the passage began its minute, Unix seconds, the one nearest to `seconds`.
  public func time(near seconds: Int64) -> Int64 {
    let minutes = max(seconds, 0) / 60
    return (minutes - Int64(self.minutes(until: seconds))) * 60
  }

  /// The later of the two; `other`, which was heard of later, if they are of the same minute.
  func followed(by other: Passage) -> Passage {
    if other.kind == .none { return self }
    if kind == .none { return other }
    let later = Self.difference(other.rawValue & Self.minuteMask, rawValue & Self.minuteMask)
    return later >= 0 ? other : self
  }
}

/// How many went into an area and out of it, as this device has counted.
public struct AreaCount: Sendable, Equatable {
  public var entered: UInt32 = 0
  public var left: UInt32 = 0

  public init() {}

  /// How many are inside, as far as this device knows.
  public var inside: UInt32 { entered > left ? entered - left : 0 }
}
