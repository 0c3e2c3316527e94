// What a quorum of validators says to a device, checked with no network: blocks' headers,
// certificates, Merkle proofs, and the leaves that carry receipts and settlements
// (Records/FORMAT.md, "Blocks and proofs").

/// Why a proof is not believed.
public enum ProofError: Error, Equatable, Sendable {
  /// The bytes are not in their one encoding.
  case malformed
  /// The leaf is not at its index under the header's root of results.
  case wrongPath
  /// The header names another set of validators, or there is none.
  case wrongValidators
  /// A signature is by a node outside the set.
  case unknownSigner
  case badSignature
  /// Fewer signatures than a quorum.
  case noQuorum
}
