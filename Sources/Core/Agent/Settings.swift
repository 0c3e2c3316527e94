// What a gate is told about itself.

public import Gates
public import Wire

/// What happens when an admission cannot be recorded.
public enum StoragePolicy: UInt8, Sendable {
  /// Refused, with `storage_error`.
  case closed
  /// Admitted, counted as unrecorded, with an alarm.
  case open
}

public struct Settings: Sendable {
  /// The device's node number, 1 to 2^53 - 1.
  public var node: UInt64
  public var event: UInt32
  public var zone: UInt32
  /// The area that the gate leads into, or out of, 1 to 15; 0 for none in particular.
  public var area: UInt8 = 0
  /// People leave here.
  public var isExit = false
  /// The validator that bundles go to.
  public var upstream: UInt64
  public var onStorageError: StoragePolicy
  /// Tickets that a new used-set has room for.
  public var usedTickets: Int
  /// Revoked and blocked tickets that the revoked store has room for, at most
  /// `Limits.revokedTicketsMax`; 0 for no store.
  public var revokedTickets = 0
  public var onIncompleteList = ListPolicy.open
  public var key: SecretKey
  /// The authority that vouches for the first trust document.
  public var authority: PublicKey

  public init(
    node: UInt64, event: UInt32, zone: UInt32, upstream: UInt64, onStorageError: StoragePolicy,
    usedTickets: Int, key: SecretKey, authority: PublicKey
  ) {
    self.node = node
    self.event = event
    self.zone = zone
    self.upstream = upstream
    self.onStorageError = onStorageError
    self.usedTickets = usedTickets
    self.key = key
    self.authority = authority
  }
}

/// Why an agent cannot start. Each names what has to be done.
public enum StartError: Error, Equatable, Sendable {
  /// The trust document does not name this node, or with another key, or as revoked.
  case notEnrolled
  /// The ring belongs to another node.
  case foreignRing
  /// The ring belongs to an earlier enrolment.
  case enrolledAnew
  /// The used-set says that there was a ring, and there is none, or one that ends earlier.
  case ringLost
  /// The ring says that tickets were admitted, and there is no used-set.
  case usedSetLost
  /// The ring or the used-set cannot be read.
  case ringDamaged
  case usedSetDamaged
  /// The ring has no free segment for a start, or two flushes failed.
  case ringReadOnly
  /// The table has no room for the uses that the ring's replay brings.
  case usedSetFull
  case disk(DiskError)
}
