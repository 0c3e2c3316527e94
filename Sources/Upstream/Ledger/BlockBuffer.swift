// The bytes of one block while it is made and written, laid out as its frame:
//
//   | front ... [ frame head | array, header, certificate, array ] | transactions | results |
//               ^ start                                                                  end ^
//
// What stands before the transactions is known last and is short, so it is laid right before them:
// no byte of a transaction is copied twice.

import Receipts
import Wire

struct BlockBuffer: ~Copyable {
  private(set) var bytes = [UInt8](repeating: 0, count: 1 << 20)
  private(set) var start = front
  private(set) var end = front
  /// Transactions so far, and the root of their tree.
  private(set) var root = MerkleRoot()
  /// Where each transaction stands, without the byte string's head.
  private(set) var transactions: [Range<Int>] = []
  /// Where each result stands, and where their array begins.
  private(set) var results: [Range<Int>] = []

  /// Frame head, array, header, certificate, array of transactions.
  private static let front = 4096

  /// Transactions of a block that we make. 64 of 48 KiB are 3 MiB, and their 16,384 records settle at
  /// most as many tickets of 259 bytes, 4.1 MiB: a body stays below its 8 MiB.
  static let transactionsMax = 64

  /// Whether one more batch has its place.
  var hasRoom: Bool { transactions.count < Self.transactionsMax }

  mutating func removeAll() {
    start = Self.front
    end = Self.front
    root = MerkleRoot()
    transactions.removeAll(keepingCapacity: true)
    results.removeAll(keepingCapacity: true)
  }

  /// Appends the transaction that is `head` and then the byte string `body`.
  mutating func append<P: Primitives>(
    head: Span<UInt8>, body: Span<UInt8>, with primitives: P.Type
  ) {
    reserve(head.count + body.count + 20)
    var bodyHead = InlineArray<9, UInt8>(repeating: 0)
    var bodySpan = bodyHead.mutableSpan
    let place = written { writer throws(WireError) in
      var length = CBORWriter(bodySpan.whole())
      try length.head(2, UInt64(body.count))
      try writer.head(2, UInt64(head.count + length.count + body.count))
      let start = writer.count
      try writer.raw(head)
      try writer.raw(length.written())
      try writer.raw(body)
      return start
    }
    transactions.append(place)
    let leaf = Merkle.leafHash(bytes.span.extracting(place), with: primitives)
    root.append(hash: leaf, with: primitives)
  }

  /// Starts the array of `count` results.
  mutating func beginResults(_ count: Int) {
    reserve(9)
    _ = written { writer throws(WireError) in
      try writer.array(count)
      return 0
    }
  }

  /// Appends a result of at most `bytesMax` bytes, which `write` encodes; it returns their number.
  mutating func appendResult(
    bytesMax: Int, _ write: (inout MutableSpan<UInt8>) throws(WireError) -> Int
  ) throws(WireError) {
    // A byte string's head of 5 bytes is room enough; it is laid right before what was written.
    reserve(bytesMax + 5)
    let head = end
    let body = head + 5
    var all = bytes.mutableSpan
    var target = all.part(body..<body + bytesMax)
    let count = try write(&target)
    var length = InlineArray<5, UInt8>(repeating: 0)
    var lengthSpan = length.mutableSpan
    var writer = CBORWriter(lengthSpan.whole())
    try writer.head(2, UInt64(count))
    let shift = 5 - writer.count
    copy(writer.written(), to: &all, at: head)
    if shift > 0 { for i in body..<body + count { all[i - shift] = all[i] } }
    results.append(body - shift..<body - shift + count)
    end = body - shift + count
  }

  /// Lays frame head, header and certificate before the transactions: the frame at `offset`.
  mutating func seal<P: Primitives>(
    header: BlockHeader, certificate: Certificate, at offset: Int64, with primitives: P.Type
  ) throws(WireError) {
    var fields = [UInt8](repeating: 0, count: BlockHeader.bytesMax)
    var fieldSpan = fields.mutableSpan
    let headerCount = try header.encode(into: &fieldSpan)
    var signatures = [UInt8](repeating: 0, count: Certificate.bytesMax)
    var signatureSpan = signatures.mutableSpan
    let signatureCount = try certificate.encode(into: &signatureSpan)
    var front = [UInt8](repeating: 0, count: Self.front)
    var frontSpan = front.mutableSpan
    var writer = CBORWriter(frontSpan.whole())
    try writer.array(4)
    try writer.byteString(fields.span.extracting(first: headerCount))
    try writer.raw(signatures.span.extracting(first: signatureCount))
    try writer.array(transactions.count)
    let frontCount = writer.count
    let bodyStart = Self.front - frontCount
    start = bodyStart - LogFormat.frameHeadBytes
    var target = bytes.mutableSpan
    copy(front.span.extracting(first: frontCount), to: &target, at: bodyStart)
    var head = InlineArray<12, UInt8>(repeating: 0)
    var headSpan = head.mutableSpan
    LogFormat.writeHead(of: body, at: offset, with: primitives, into: &headSpan)
    let headStart = start
    var all = bytes.mutableSpan
    copy(head.span, to: &all, at: headStart)
  }

  /// The frame, once it is sealed.
  var frame: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(start..<end) }
  }

  /// The block inside the frame.
  var body: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(start + LogFormat.frameHeadBytes..<end) }
  }

  @_lifetime(borrow self)
  func transaction(_ index: Int) -> Span<UInt8> { bytes.span.extracting(transactions[index]) }

  @_lifetime(borrow self)
  func result(_ index: Int) -> Span<UInt8> { bytes.span.extracting(results[index]) }

  private mutating func reserve(_ count: Int) {
    guard bytes.count - end < count else { return }
    bytes.append(contentsOf: repeatElement(0, count: max(count, bytes.count)))
  }

  /// Writes at the end; returns the range from where `body` says to the new end. Room is reserved.
  private mutating func written(
    _ body: (inout CBORWriter) throws(WireError) -> Int
  ) -> Range<Int> {
    let start = end
    do throws(WireError) {
      var all = bytes.mutableSpan
      let capacity = all.count
      var writer = CBORWriter(all.part(start..<capacity))
      let from = try body(&writer)
      let range = start + from..<start + writer.count
      end = range.upperBound
      return range
    } catch {
      preconditionFailure("a block buffer is smaller than what was reserved")
    }
  }
}
