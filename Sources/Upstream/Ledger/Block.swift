// A block as it is read from the log (FORMAT.md, "Block").
// Invariants: parsing is total; the ranges are of the bytes that were parsed; nothing of a block is
// believed for being well-formed.

import Limits
import Receipts
import Wire

struct Block {
  var header: BlockHeader
  var certificate: Certificate
  var transactions: [Range<Int>] = []
  var results: [Range<Int>] = []

  static let transactionsMax = 65_535

  init(parsing bytes: Span<UInt8>) throws(WireError) {
    var reader = CBORReader(bytes)
    try reader.array(exactly: 4)
    header = try BlockHeader(parsing: reader.byteString())
    let start = reader.position
    try reader.skip()
    certificate = try Certificate(parsing: bytes.extracting(start..<reader.position))
    for _ in 0..<(try reader.array(max: Self.transactionsMax)) {
      transactions.append(try Self.place(&reader))
    }
    for _ in 0..<(try reader.array(max: Merkle.leavesMax)) {
      results.append(try Self.place(&reader))
    }
    try reader.finish()
  }

  private static func place(_ reader: inout CBORReader) throws(WireError) -> Range<Int> {
    let count = try reader.byteString().count
    return reader.position - count..<reader.position
  }
}

/// One transaction, read.
enum Transaction {
  case trust(document: Range<Int>)
  case batch(Range<Int>)
  case evidence(RecordClass, sequence: UInt64, known: TransactionPlace, batch: Range<Int>)

  static let trustKind: UInt64 = 0
  static let batchKind: UInt64 = 1
  static let evidenceKind: UInt64 = 2

  /// - Parameter place: where the transaction stands in `bytes`; the ranges are of `bytes`.
  init(parsing bytes: Span<UInt8>, at place: Range<Int>) throws(WireError) {
    var reader = CBORReader(bytes.extracting(place))
    let fields = try reader.array(max: 6)
    switch (try reader.unsigned(), fields) {
    case (Self.trustKind, 2): self = .trust(document: try Self.body(&reader, place))
    case (Self.batchKind, 2): self = .batch(try Self.body(&reader, place))
    case (Self.evidenceKind, 6):
      guard let recordClass = RecordClass(rawValue: UInt8(try reader.unsigned(max: 3))) else {
        throw .outOfRange
      }
      let sequence = try reader.unsigned()
      let height = try reader.unsigned(max: 1 << 48 - 1)
      let index = Int(try reader.unsigned(max: UInt64(Block.transactionsMax)))
      self = .evidence(
        recordClass, sequence: sequence, known: TransactionPlace(height: height, index: index),
        batch: try Self.body(&reader, place))
    default: throw .outOfRange
    }
    try reader.finish()
  }

  private static func body(
    _ reader: inout CBORReader, _ place: Range<Int>
  ) throws(WireError) -> Range<Int> {
    let count = try reader.byteString().count
    let end = place.lowerBound + reader.position
    return end - count..<end
  }
}

/// The primitives, with every signature taken for good: for bytes that a certified block vouches for.
enum Believing<P: Primitives>: Primitives {
  static func verify(
    _ signature: Span<UInt8>, over message: Span<UInt8>, by key: PublicKey
  ) -> Bool { true }
  static func sign(_ message: Span<UInt8>, with key: SecretKey) -> Signature {
    P.sign(message, with: key)
  }
  static func hash(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Hash { P.hash(first, second) }
  static func keyedHash(_ message: Span<UInt8>, key: Bytes<32>) -> Bytes<16> {
    P.keyedHash(message, key: key)
  }
  static func sha256(_ message: Span<UInt8>) -> Bytes<32> { P.sha256(message) }
  static func crc32c(_ bytes: Span<UInt8>, from start: UInt32) -> UInt32 {
    P.crc32c(bytes, from: start)
  }
}
