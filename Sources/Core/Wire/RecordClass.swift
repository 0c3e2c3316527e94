// The four priority classes of the ring (storage.md's order: a higher class is sent first and
// evicted last).

public enum RecordClass: UInt8, CaseIterable, Sendable {
  case telemetry = 0
  case refusals = 1
  case admissions = 2
  /// Control, evidence, revocations, gap records.
  case control = 3

  public var index: Int { Int(rawValue) }
  /// Classes 3 and 2 are never evicted.
  public var isKept: Bool { rawValue >= 2 }
}
