// COSE_Sign1 (RFC 9052 4.2, 9053 2.2, 9864) with Ed25519, strictly and in one pass.
// Invariants: `alg` only in the protected bucket, `kid` in exactly one, `crit` refused if it names
// what we do not know, no duplicate labels, a 64-byte signature, nothing after it. Structure and
// signature are two steps: nothing of the payload is believed before `verify`.

/// What is wrong with a COSE_Sign1.
public enum COSEError: Error, Equatable {
  case malformed
  /// `alg` is absent or neither EdDSA (-8) nor Ed25519 (-19), or the signature is not 64 bytes.
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

  /// Parses `bytes`, which may be untagged, tagged 18, or 61(18(...)) (RFC 8392 6).
  public init(parsing bytes: Span<UInt8>) throws(COSEError) {
    do throws(WireError) {
      self = try Self.parts(bytes)
    } catch {
      throw .malformed
    }
    // Algorithms after structure: bytes that are no COSE_Sign1 at all are malformed first.
    guard algorithm == Self.ed25519 || algorithm == Self.edDSA, signature.count == 64 else {
      throw .badAlgorithm
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
    let header = try reader.byteString()
    parts.protectedHeader = reader.position - header.count..<reader.position
    if header.count > 0 {
      try parts.readHeader(header, isProtected: true, offset: parts.protectedHeader.lowerBound)
    }
    let start = reader.position
    try reader.skip()
    let open = bytes.extracting(start..<reader.position)
    try parts.readHeader(open, isProtected: false, offset: start)
    let payload = try reader.byteString()
    parts.payload = reader.position - payload.count..<reader.position
    let signature = try reader.byteString()
    parts.signature = reader.position - signature.count..<reader.position
    try reader.finish()
    return parts
  }

  private mutating func readHeader(
    _ header: Span<UInt8>, isProtected: Bool, offset: Int
  ) throws(WireError) {
    var reader = CBORReader(header)
    let pairs = try reader.map(max: 16)
    var seen = InlineArray<16, Int64>(repeating: 0)
    for i in 0..<pairs {
      // Labels may be text too: none that we know, so the whole pair is skipped, unless critical.
      guard try reader.peekMajor() <= 1 else {
        _ = try reader.text()
        try reader.skip()
        continue
      }
      let label = try reader.integer()
      for k in 0..<i where seen[k] == label && label != 0 { throw .duplicateKey }
      seen[i] = label
      switch label {
      case 1:
        guard isProtected else { throw .unexpectedType }
        algorithm = try reader.peekMajor() <= 1 ? reader.integer() : skipped(&reader)
      case 2:
        guard isProtected else { throw .unexpectedType }
        try critical(&reader)
      case 4:
        guard keyID == nil else { throw .duplicateKey }
        let value = try reader.byteString()
        let end = offset + reader.position
        keyID = end - value.count..<end
      default: try reader.skip()
      }
    }
    try reader.finish()
  }

  /// A text algorithm is none of ours.
  private func skipped(_ reader: inout CBORReader) throws(WireError) -> Int64 {
    try reader.skip()
    return 0
  }

  /// RFC 9052 3.1: a label in `crit` that is not understood is a fatal error. We understand alg and
  /// kid; the list must not be empty.
  private func critical(_ reader: inout CBORReader) throws(WireError) {
    let count = try reader.array(max: 8)
    guard count > 0 else { throw .outOfRange }
    for _ in 0..<count {
      let label = try reader.integer()
      guard label == 1 || label == 4 else { throw .outOfRange }
    }
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

  /// Writes `18([{1: -19, 4: keyID}, {}, payload, signature])` into `output`; returns its length.
  /// - Parameter scratch: room for the Sig_structure: the payload and 128 bytes more.
  @_lifetime(output: copy output)
  @_lifetime(scratch: copy scratch)
  public static func sign<P: Primitives>(
    _ payload: Span<UInt8>, external: StaticString = "", keyID: Span<UInt8>, key: SecretKey,
    with primitives: P.Type, scratch: inout MutableSpan<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(COSEError) -> Int {
    do throws(WireError) {
      var header = InlineArray<64, UInt8>(repeating: 0)
      var headerSpan = header.mutableSpan
      let headerCount = try protectedHeader(keyID: keyID, into: &headerSpan)
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

  /// Writes `{1: -19, 4: keyID}`, or `{1: -19}` for an empty `keyID`; returns its length.
  @_lifetime(output: copy output)
  public static func protectedHeader(
    keyID: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try writer.map(keyID.count > 0 ? 2 : 1)
    try writer.unsigned(1)
    try writer.integer(Self.ed25519)
    if keyID.count > 0 {
      try writer.unsigned(4)
      try writer.byteString(keyID)
    }
    return writer.count
  }
}
