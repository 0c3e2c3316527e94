// The decoders, each as what a fuzzer feeds: bytes in, and a property that holds whatever they are.
// Invariants: `check` may be called any number of times, and what it says follows from the bytes
// alone; it throws nothing but a property that does not hold; a trap is a finding as well.

/// A parser, and how bytes reach it.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// A scanned text, decided about with real signatures and with none.
  case code
  /// A CWT ticket without its Base45: envelope and claims.
  case cwt
  /// A pretix ticket without its Base64: envelope and claims.
  case sig1
  case cbor
  case toml
  case trust
  case record
  case batch
  case message
  case bundle
  /// A proof, and the leaves, headers and certificates that stand in one.
  case proof
  case contacts
  /// Pages of a ring's file; see `PagedDisk`.
  case ring
  /// Pages of a used-set's file; see `PagedDisk`.
  case used
  /// A validator's block log.
  case ledger
}

/// A property that does not hold for some bytes.
public struct Broken: Error {
  public let property: StaticString
}

func require(_ holds: Bool, _ property: StaticString) throws(Broken) {
  if !holds { throw Broken(property: property) }
}

/// One target, ready to be fed.
public struct Fuzzer: ~Copyable {
  public let target: FuzzTarget
  private let bench = Workbench()
  private let scene: Scene?
  private var disk = PagedDisk()

  public init(_ target: FuzzTarget) {
    self.target = target
    scene = target == .code || target == .cwt || target == .sig1 ? Scene() : nil
  }

  /// Feeds `input` to the target.
  /// - Throws: the property that does not hold for it.
  public mutating func check(_ input: Span<UInt8>) throws(Broken) {
    switch target {
    case .code: if let scene { try checkCode(input, scene, bench) }
    case .cwt: if let scene { try checkCWT(input, scene, bench) }
    case .sig1: if let scene { try checkSig1(input, scene, bench) }
    case .cbor: try checkCBOR(input, bench)
    case .toml: try checkTOML(input, bench)
    case .trust: try checkTrust(input, bench)
    case .record: try checkRecord(input, bench)
    case .batch: try checkBatch(input, bench)
    case .message: try checkMessage(input, bench)
    case .bundle: try checkBundle(input, bench)
    case .proof: try checkProof(input, bench)
    case .contacts: try checkContacts(input, bench)
    case .ring: try checkRing(input, bench, &disk)
    case .used: try checkUsed(input, bench, &disk)
    case .ledger: try checkLedger(input, bench)
    }
  }
}
