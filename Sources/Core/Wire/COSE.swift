// COSE_Sign1 (RFC 9052 4.2, 9053 2.2, 9864) with Ed25519, strictly and in one pass.
// Invariants: `alg` only in the protected bucket, `kid` in exactly one, `crit` refused if it names
// what we do not know, no duplicate labels, a 64-byte signature, nothing after it. Structure and
// signature are two steps: nothing of the payload is believed before `verify`.

/// What is wrong with a COSE_Sign1.
public enum COSEError: Error, Equatable {
  case malformed
  /// The protected header has no `alg`, or one that is neither EdDSA (-8) nor Ed25519 (-19), or the
  /// signature has Ed448's length.
  case badAlgorithm
  /// The output is too small.
  case noSpace
}

/// The parts of a COSE_Sign1, as ranges of the bytes that were parsed.
public struct Sign1: Equatable {
  /// The protected header's bytes, without the byte string's head.
  public var protectedHeader: Range<Int>
  public var payload: Range<Int>
  public var signature: Range<Int>
  public var keyID: Range<Int>?
  /// -8 (EdDSA) or -19 (Ed25519).
  public var algorithm: Int64

  public static let ed25519: Int64 = -19
  public static let edDSA: Int64 = -8
  /// Labels in one header bucket.
  private static let labelsMax = MapKeys.capacity / 2

  /// Parses `bytes`, which may be untagged, tagged 18, or 61(18(...)) (RFC 8392 6).
  public init(parsing bytes: Span<UInt8>) throws(COSEError) {
    do throws(WireError) {
      self = try Self.parts(bytes)
    } catch {
      throw .malformed
    }
    // Algorithms after structure: bytes that are no COSE_Sign1 at all are malformed first.
    guard algorithm == Self.ed25519 || algorithm == Self.edDSA else { throw .badAlgorithm }
    guard signature.count == 64 else {
      // EdDSA (-8) stands for Ed448 too, whose signatures have 114 bytes (RFC 8032 5.2.6).
      if algorithm == Self.edDSA && signature.count == 114 { throw .badAlgorithm }
      throw .malformed
    }
  }

  private init() {
    protectedHeader = 0..<0
    payload = 0..<0
    signature = 0..<0
    keyID = nil
    algorithm = 0
  }

  private static func parts(_ bytes: Span<UInt8>) throws(WireError) -> Sign1 {
    var reader = CBORReader(bytes)
    var parts = Sign1()
    if try reader.peekMajor() == 6 {
      let first = try reader.tag()
      guard first == 18 || first == 61 else { throw .unexpectedType }
      if first == 61 {
        guard try reader.tag() == 18 else { throw .unexpectedType }
      }
    }
    try reader.array(exactly: 4)
    // One set of labels for both buckets: a label in both is a duplicate (RFC 9052 3).
    var labels = MapKeys()
    let header = try reader.byteString()
    parts.protectedHeader = reader.position - header.count..<reader.position
    if header.count > 0 {
      try parts.readProtected(bytes, &labels)
    }
    try parts.readUnprotected(&reader, &labels)
    let payload = try reader.byteString()
    parts.payload = reader.position - payload.count..<reader.position
    let signature = try reader.byteString()
    parts.signature = reader.position - signature.count..<reader.position
    try reader.finish()
    return parts
  }

  private mutating func readProtected(
    _ bytes: Span<UInt8>, _ labels: inout MapKeys
  ) throws(WireError) {
    var reader = CBORReader(
      bytes.extracting(first: protectedHeader.upperBound), at: protectedHeader.lowerBound)
    var critical: Int?
    var hasAlgorithm = false
    for _ in 0..<(try reader.map(max: Self.labelsMax)) {
      switch try labels.take(&reader) {
      case 1:
        algorithm = try Self.algorithm(&reader)
        hasAlgorithm = true
      case 2:
        critical = reader.position
        try reader.skip()
      case 4: keyID = try Self.keyID(&reader)
      default: try reader.skip()
      }
    }
    try reader.finish()
    // Last, because `crit` may stand before what it names.
    guard let critical else { return }
    var list = CBORReader(reader.bytes, at: critical)
    try Self.checkCritical(&list, hasAlgorithm: hasAlgorithm, hasKeyID: keyID != nil)
  }

  /// `alg` is skipped here: nobody signed it.
  private mutating func readUnprotected(
    _ reader: inout CBORReader, _ labels: inout MapKeys
  ) throws(WireError) {
    for _ in 0..<(try reader.map(max: Self.labelsMax)) {
      switch try labels.take(&reader) {
      case 2: throw .unexpectedType
      case 4: keyID = try Self.keyID(&reader)
      default: try reader.skip()
      }
    }
  }

  private static func keyID(_ reader: inout CBORReader) throws(WireError) -> Range<Int> {
    let value = try reader.byteString()
    return reader.position - value.count..<reader.position
  }

  /// An algorithm that is a text, or a number beyond Int64, is none of ours: 0, which is reserved.
  private static func algorithm(_ reader: inout CBORReader) throws(WireError) -> Int64 {
    guard try reader.peekMajor() <= 1 else {
      _ = try reader.text()
      return 0
    }
    let head = try reader.head()
    guard head.argument <= UInt64(Int64.max) else { return 0 }
    return head.major == 0 ? Int64(head.argument) : -1 - Int64(head.argument)
  }

  /// RFC 9052 3.1: the list must not be empty; a label in it that is not understood, or not in the
  /// protected bucket, is a fatal error. We understand alg and kid.
  private static func checkCritical(
    _ reader: inout CBORReader, hasAlgorithm: Bool, hasKeyID: Bool
  ) throws(WireError) {
    let count = try reader.array(max: labelsMax)
    guard count > 0 else { throw .outOfRange }
    for _ in 0..<count {
      let label = try reader.integer()
      guard label == 1 && hasAlgorithm || label == 4 && hasKeyID else { throw .outOfRange }
    }
  }

  /// Whether `bytes`, which were parsed, are in the one form that `sign` writes (with either
  /// algorithm): tag 18, `{alg, kid}` protected, nothing unprotected. Our own documents must be:
  /// the signature does not cover the tag nor the unprotected header, and a hash of the whole does.
  public func isDeterministic(_ bytes: Span<UInt8>) -> Bool {
    guard let keyID, keyID.upperBound == protectedHeader.upperBound else { return false }
    let start = protectedHeader.lowerBound
    return bytes[0] == 0xd2 && bytes[1] == 0x84 && bytes[start] == 0xa2 && bytes[start + 1] == 0x01
      && bytes[protectedHeader.upperBound] == 0xa0
  }

  /// Whether the signature over (protected header, `external`, payload) holds for `key`.
  /// - Parameter scratch: room for the Sig_structure: the payload and 128 bytes more.
  @_lifetime(scratch: copy scratch)
  public func verify<P: Primitives>(
    _ bytes: Span<UInt8>, external: StaticString = "", by key: PublicKey, with primitives: P.Type,
    scratch: inout MutableSpan<UInt8>
  ) -> Bool {
    do throws(WireError) {
      let count = try Self.toBeSigned(
        protectedHeader: bytes.extracting(protectedHeader), external: external,
        payload: bytes.extracting(payload), into: &scratch)
      return P.verify(
        bytes.extracting(signature), over: scratch.span.extracting(first: count), by: key)
    } catch {
      return false
    }
  }

  /// Writes the Sig_structure of RFC 9052 4.4; returns its length.
  @_lifetime(scratch: copy scratch)
  public static func toBeSigned(
    protectedHeader: Span<UInt8>, external: StaticString, payload: Span<UInt8>,
    into scratch: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    var writer = CBORWriter(scratch.whole())
    try writer.array(4)
    try writer.text("Signature1")
    try writer.byteString(protectedHeader)
    try writer.head(2, UInt64(external.utf8CodeUnitCount))
    for byte in TextBytes(external) { try writer.byte(byte) }
    try writer.byteString(payload)
    return writer.count
  }

  /// Writes `18([{1: algorithm, 4: keyID}, {}, payload, signature])` into `output`; returns its
  /// length.
  /// - Parameters:
  ///   - algorithm: `ed25519`, or `edDSA` for readers that do not know the former.
  ///   - scratch: room for the Sig_structure: the payload and 128 bytes more.
  @_lifetime(output: copy output)
  @_lifetime(scratch: copy scratch)
  public static func sign<P: Primitives>(
    _ payload: Span<UInt8>, external: StaticString = "", algorithm: Int64 = Self.ed25519,
    keyID: Span<UInt8>, key: SecretKey, with primitives: P.Type,
    scratch: inout MutableSpan<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(COSEError) -> Int {
    do throws(WireError) {
      var header = InlineArray<64, UInt8>(repeating: 0)
      var headerSpan = header.mutableSpan
      let headerCount = try protectedHeader(
        algorithm: algorithm, keyID: keyID, into: &headerSpan)
      let signed = try toBeSigned(
        protectedHeader: header.span.extracting(first: headerCount), external: external,
        payload: payload, into: &scratch)
      let signature = P.sign(scratch.span.extracting(first: signed), with: key)
      var writer = CBORWriter(output.whole())
      try writer.tag(18)
      try writer.array(4)
      try writer.byteString(header.span.extracting(first: headerCount))
      try writer.map(0)
      try writer.byteString(payload)
      try writer.byteString(signature.span)
      return writer.count
    } catch {
      throw .noSpace
    }
  }

  /// Writes `{1: algorithm, 4: keyID}`, without the second for an empty `keyID`; returns its length.
  @_lifetime(output: copy output)
  public static func protectedHeader(
    algorithm: Int64 = Self.ed25519, keyID: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try writer.map(keyID.count > 0 ? 2 : 1)
    try writer.unsigned(1)
    try writer.integer(algorithm)
    if keyID.count > 0 {
      try writer.unsigned(4)
      try writer.byteString(keyID)
    }
    return writer.count
  }
}
