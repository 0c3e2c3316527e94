// What a gate decides about one scan.
// Invariants: everything but the reason comes from signed bytes; before the signature holds there
// is nothing else.

import Limits
public import Records
public import Wire

/// Where a ticket is shown.
public struct Place: Sendable, Equatable {
  public var event: UInt32
  /// A ticket admits if it shares a bit with this.
  public var zone: UInt32
  /// The area that the gate leads into, or out of, 1 to 15; 0 for none in particular.
  public var area: UInt8
  /// People leave here: time and rules are not asked.
  public var isExit: Bool
  /// The gate's node number, which an override may be bound to; 0 is no gate's.
  public var node: UInt64

  public init(
    event: UInt32, zone: UInt32, area: UInt8 = 0, isExit: Bool = false, node: UInt64 = 0
  ) {
    self.event = event
    self.zone = zone
    self.area = area
    self.isExit = isExit
    self.node = node
  }
}

public struct Verdict: Sendable, Equatable {
  public var reason: Reason
  /// `consume` or `exit` of a ticket; `validate` of a supervisor's override, which admits nobody by
  /// itself.
  public var operation = Operation.consume
  /// Nil until the claims were read.
  public var identity: TicketIdentity?
  /// What the issuer calls the ticket, its `cti` or seed; empty until the claims were read.
  public var label = BoundedBytes<64>()
  public var ticketClass: UInt8 = 0
  /// How often the ticket admits; 0 until the claims were read.
  public var entries: UInt16 = 0
  /// `exp`, Unix seconds.
  public var expires: UInt64?
  /// Which use of the ticket this is, as this device counts: 1 for the first. 0 if it is refused, or
  /// an exit, or was only examined. After `storageError` it is what to record if the gate opens all
  /// the same. Of an override, the use that admitting by it would be.
  public var use: UInt16 = 0
  /// What to remember of this passage.
  public var passage = Passage()
  /// The credential by which the ticket is admitted against the rules.
  public var override: Override?
  /// The clock may be wrong by so much that another instant within its uncertainty would have been
  /// decided otherwise.
  public var isNearBoundary = false

  public init(_ reason: Reason) { self.reason = reason }

  public var isAdmitted: Bool { reason == .valid }
  /// Somebody may go through now.
  public var opensGate: Bool { reason == .valid && operation != .validate }
}

/// What a ticket is that the list of revoked and blocked tickets does not name, while a part of the
/// list is missing that might.
public enum ListPolicy: UInt8, Sendable {
  /// Judged by what is there.
  case open
  /// Refused, with `stale_trust`; whoever leaves may.
  case closed
}

extension Verdict {
  /// Brings what the shards say of the ticket into its examination. That names a reason which comes
  /// before all that depends on the ticket's claims, so it may be asked afterwards.
  /// - Precondition: the verdict is one of `Gate.examine`, and has an identity.
  public mutating func list(_ answer: RevocationAnswer, onIncomplete policy: ListPolicy) {
    switch answer {
    case .none: return
    case .revoked: reason = .revoked
    case .blocked:
      if reason == .revoked { return }
      reason = .blocked
    case .unknown:
      guard policy == .closed, operation != .exit, reason != .revoked, reason != .blocked
      else { return }
      reason = .staleTrust
    }
    isNearBoundary = false
  }
}
