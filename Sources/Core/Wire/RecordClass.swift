// The four priority classes of the ring (storage.md's order: a higher class is sent first and
// evicted last).

public enum RecordClass: UInt8, Sendable {
  case telemetry = 0
  case refusals = 1
  case admissions = 2
  /// Control, evidence, revocations, gap records.
  case control = 3

  public var index: Int { Int(rawValue) }
  /// Classes 3 and 2 are never evicted.
  public var isKept: Bool { rawValue >= 2 }

  /// - Precondition: `index` is 0 to 3.
  public init(index: Int) {
    switch index {
    case 0: self = .telemetry
    case 1: self = .refusals
    case 2: self = .admissions
    case 3: self = .control
    default: preconditionFailure("no such class")
    }
  }
}
