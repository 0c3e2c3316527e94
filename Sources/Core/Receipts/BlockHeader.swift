// A block's header: what validators sign.
// Invariants: what parses is in its one encoding, so that a header's id and signatures can be
// computed from its fields.

import Records
public import Wire

public struct BlockHeader: Sendable, Equatable {
  /// From 1.
  public var height: UInt64
  public var view: UInt64
  /// Id of the block before; zero for the first.
  public var previous: Hash
  /// Merkle roots.
  public var transactions: Hash
  public var results: Hash
  /// See Upstream/Ledger/FORMAT.md.
  public var state: Hash
  /// The proposer's, Unix milliseconds; not before the previous block's.
  public var time: Int64
  /// `ValidatorSet.hash`.
  public var validators: Hash

  static let version: UInt64 = 1
  static let external: StaticString = "tollkeeper/block/1"
  /// Array, version, height, view, time, five hashes.
  public static let bytesMax = 1 + 1 + 9 + 9 + 9 + 5 * 34

  public init(
    height: UInt64, view: UInt64, previous: Hash, transactions: Hash, results: Hash, state: Hash,
    time: Int64, validators: Hash
  ) {
    self.height = height
    self.view = view
    self.previous = previous
    self.transactions = transactions
    self.results = results
    self.state = state
    self.time = time
    self.validators = validators
  }

  /// Encodes to the beginning of `output`; returns the number of bytes, at most `bytesMax`.
  @_lifetime(output: copy output)
  public func encode(into output: inout MutableSpan<UInt8>) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try writer.array(9)
    try writer.unsigned(Self.version)
    try writer.unsigned(height)
    try writer.unsigned(view)
    try writer.byteString(previous.span)
    try writer.byteString(transactions.span)
    try writer.byteString(results.span)
    try writer.byteString(state.span)
    try writer.integer(time)
    try writer.byteString(validators.span)
    return writer.count
  }

  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    var reader = CBORReader(bytes)
    try reader.array(exactly: 9)
    guard try reader.unsigned() == Self.version else { throw .outOfRange }
    height = try reader.ordinal()
    view = try reader.counter()
    previous = try reader.fixed()
    transactions = try reader.fixed()
    results = try reader.fixed()
    state = try reader.fixed()
    time = try reader.integer()
    validators = try reader.fixed()
    try reader.finish()
  }

  /// The block's id.
  public func id<P: Primitives>(with primitives: P.Type) -> Hash {
    let encoded = EncodedHeader(self)
    return P.hash(encoded.span)
  }

  /// A validator's signature, for a certificate.
  public func sign<P: Primitives>(key: SecretKey, with primitives: P.Type) -> Signature {
    let signed = EncodedHeader(toBeSigned: self)
    return P.sign(signed.span, with: key)
  }
}

/// A header's bytes, or those of the Sig_structure around it, by value.
struct EncodedHeader {
  private var storage = InlineArray<256, UInt8>(repeating: 0)
  private var count = 0

  init(_ header: BlockHeader) {
    var span = storage.mutableSpan
    do throws(WireError) {
      count = try header.encode(into: &span)
    } catch {
      preconditionFailure("a header takes BlockHeader.bytesMax bytes at most")
    }
  }

  init(toBeSigned header: BlockHeader) {
    let payload = EncodedHeader(header)
    var protected = InlineArray<8, UInt8>(repeating: 0)
    var protectedSpan = protected.mutableSpan
    var span = storage.mutableSpan
    do throws(WireError) {
      let empty = payload.span.extracting(first: 0)
      let size = try Sign1.protectedHeader(keyID: empty, into: &protectedSpan)
      count = try Sign1.toBeSigned(
        protectedHeader: protectedSpan.span.extracting(first: size),
        external: BlockHeader.external, payload: payload.span, into: &span)
    } catch {
      preconditionFailure("a Sig_structure takes 37 bytes more than its header at most")
    }
  }

  @_transparent
  var span: Span<UInt8> {
    @_lifetime(borrow self)
    get { storage.span.extracting(first: count) }
  }
}
