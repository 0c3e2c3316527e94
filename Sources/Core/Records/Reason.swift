// The closed list of results of a scan, the same in the log, in the record and in the metrics.
// Invariants: the numbers are part of the record format (FORMAT.md) and never change.

/// Why a scan was admitted or refused.
public enum Reason: UInt8, Sendable {
  case valid = 0
  case badEncoding = 1
  case malformed = 2
  case badAlgorithm = 3
  case unknownKey = 4
  case revokedKey = 5
  case badSignature = 6
  case revoked = 7
  case blocked = 8
  case expired = 9
  case notYetValid = 10
  case wrongEvent = 11
  case wrongZone = 12
  case noEntries = 13
  case used = 14
  case usedElsewhere = 15
  case passback = 16
  case staleTrust = 17
  case storageError = 18
  case areaFull = 19

  public static let count = 20

  public var name: StaticString {
    switch self {
    case .valid: "valid"
    case .badEncoding: "bad_encoding"
    case .malformed: "malformed"
    case .badAlgorithm: "bad_algorithm"
    case .unknownKey: "unknown_key"
    case .revokedKey: "revoked_key"
    case .badSignature: "bad_signature"
    case .revoked: "revoked"
    case .blocked: "blocked"
    case .expired: "expired"
    case .notYetValid: "not_yet_valid"
    case .wrongEvent: "wrong_event"
    case .wrongZone: "wrong_zone"
    case .noEntries: "no_entries"
    case .used: "used"
    case .usedElsewhere: "used_elsewhere"
    case .passback: "passback"
    case .staleTrust: "stale_trust"
    case .storageError: "storage_error"
    case .areaFull: "area_full"
    }
  }

  /// What pretix's own scanners call it: a result of pretixSCAN's ticket check.
  public var pretixName: StaticString {
    switch self {
    case .valid: "VALID"
    case .badEncoding, .malformed, .badAlgorithm, .unknownKey, .revokedKey, .badSignature: "INVALID"
    case .revoked: "REVOKED"
    case .blocked: "BLOCKED"
    case .expired, .notYetValid: "INVALID_TIME"
    case .wrongEvent: "INVALID"
    case .wrongZone: "PRODUCT"
    case .used, .usedElsewhere: "USED"
    case .noEntries, .passback, .areaFull: "RULES"
    case .staleTrust, .storageError: "ERROR"
    }
  }
}

/// What was asked of the ticket.
public enum Operation: UInt8, Sendable {
  case validate = 0
  case consume = 1
  case enter = 2
  case exit = 3
  case annul = 4
  case depart = 5
  case arrive = 6

  public var name: StaticString {
    switch self {
    case .validate: "validate"
    case .consume: "consume"
    case .enter: "enter"
    case .exit: "exit"
    case .annul: "annul"
    case .depart: "depart"
    case .arrive: "arrive"
    }
  }
}
