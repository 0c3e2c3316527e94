// What can be wrong with the ledger itself. What is wrong with something that arrives is a Refusal.

/// Why a block log cannot be used.
public enum LedgerError: Error, Equatable, Sendable {
  /// The file does not begin as a block log does (FORMAT.md, "File").
  case notALedger
  /// A frame that was receipted is damaged, or its block does not follow from what stands before.
  case corrupt(offset: Int64, Fault)
  /// The kernel could not read the log.
  case unreadable
}

/// In what way a frame is damaged.
public enum Fault: Error, Equatable, Sendable {
  /// Not a frame, and valid ones follow, or more follows than one torn frame can be.
  case frame
  /// The block is not in its one encoding.
  case malformed
  /// Height, previous block or time do not continue the chain.
  case chain
  /// The trust document is not signed by an authority, or not newer, or not where it may stand.
  case trust
  /// The signatures are not a quorum of the validators in force.
  case certificate
  /// A transaction does not apply to the state that it meets.
  case transaction
  /// The roots of transactions, results or state are not what the blocks compute to.
  case roots

  public var name: StaticString {
    switch self {
    case .frame: "frame"
    case .malformed: "malformed"
    case .chain: "chain"
    case .trust: "trust"
    case .certificate: "certificate"
    case .transaction: "transaction"
    case .roots: "roots"
    }
  }
}

/// Why a batch was not taken. None of these changes the ledger or is answered.
public enum Refusal: Error, Equatable, Sendable, CaseIterable {
  /// Not a batch, or a record in it is not one.
  case malformed
  case badAlgorithm
  /// The key id is not the node that the batch claims.
  case wrongKeyID
  /// The trust document in force does not name the device, or not as active.
  case notEnrolled
  /// The epoch is not the one that the device is enrolled with.
  case wrongEpoch
  case badSignature
  /// Records inside a run do not name their predecessors, or a run does not go on where a gap record
  /// of its own batch ends.
  case brokenChain
  /// The device's epoch is quarantined: evidence against it is in the ledger.
  case quarantined
  /// The block that is being made has no room: propose it first.
  case full
  /// The log could not be read to compare with what is known.
  case unreadable

  public var name: StaticString {
    switch self {
    case .malformed: "malformed"
    case .badAlgorithm: "bad_algorithm"
    case .wrongKeyID: "wrong_key_id"
    case .notEnrolled: "not_enrolled"
    case .wrongEpoch: "wrong_epoch"
    case .badSignature: "bad_signature"
    case .brokenChain: "broken_chain"
    case .quarantined: "quarantined"
    case .full: "full"
    case .unreadable: "unreadable"
    }
  }
}
