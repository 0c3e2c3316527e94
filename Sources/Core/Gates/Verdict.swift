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

  public init(event: UInt32, zone: UInt32) {
    self.event = event
    self.zone = zone
  }
}

public struct Verdict: Sendable, Equatable {
  public var reason: Reason
  /// Nil until the claims were read.
  public var identity: TicketIdentity?
  /// What the issuer calls the ticket, its `cti`; empty until the claims were read.
  public var label = BoundedBytes<64>()
  public var ticketClass: UInt8 = 0
  /// How often the ticket admits; 0 until the claims were read.
  public var entries: UInt16 = 0
  /// `exp`, Unix seconds.
  public var expires: UInt64?
  /// Which use of the ticket this is, as this device counts: 1 for the first. 0 if it is refused or
  /// was only examined. After `storageError` it is what to record if the gate opens all the same.
  public var use: UInt16 = 0

  public init(_ reason: Reason) { self.reason = reason }

  public var isAdmitted: Bool { reason == .valid }
}
