// Makes a signed batch in the caller's bytes (FORMAT.md, "Batch").
//
// A CBOR length stands before what it counts, and is not known while records come. So records are
// written from a fixed offset, and everything before them backwards from there when all is known:
//
//   |  front  ................| records of the first run | head, records of the next | signature
//             [ ... payload head, first run's head ]
//
// What is signed (Sig_structure) and what is sent (COSE_Sign1) end in the same payload: the first is
// laid before it, signed, and overwritten with the other. A record is copied once. Only runs after
// the first move, by as many bytes as their heads turn out shorter.
//
// Invariants: records are of classes in descending order and numbered without a hole in a run; what
// is finished is at most `Limits.batchBytesMax` bytes and `Limits.batchRecordsMax` records.

import Limits
public import Wire

public struct BatchWriter: ~Copyable, ~Escapable {
  private var bytes: MutableSpan<UInt8>
  private let header: BatchHeader
  /// Records so far.
  public private(set) var count = 0
  private var end: Int
  private let endMax: Int
  /// Room for what stands before the first record.
  private let front: Int
  private var runs = 0
  private var run = Run()
  private var firstRun = Run()
  private var isFinished = false

  private struct Run {
    var recordClass = RecordClass.control
    var first: UInt64 = 0
    var count = 0
    /// Where its head was given room; its records follow `headBytesMax` later.
    var start = 0

    /// Array, class, first, length of the array of records.
    static let headBytesMax = 1 + 1 + 9 + 3

    @_lifetime(writer: copy writer)
    func encode(into writer: inout CBORWriter) throws(WireError) {
      try writer.array(3)
      try writer.unsigned(UInt64(recordClass.rawValue))
      try writer.unsigned(first)
      try writer.array(count)
    }
  }

  /// Sig_structure (45) and the payload's length (3), header (44), first run's head (14): room for
  /// what stands before the first record. COSE_Sign1 begins with 28 bytes less, so that a message's
  /// head fits before it.
  private static let frontBytes = 45 + 3 + 44 + Run.headBytesMax
  private static let signatureBytes = 2 + 64

  /// Bytes that the writer needs for the largest batch.
  public static let bytesMax = Limits.batchBytesMax

  /// - Parameter bytes: where the batch is made; `bytesMax` are always enough.
  @_lifetime(copy bytes)
  public init(_ bytes: consuming MutableSpan<UInt8>, header: BatchHeader) {
    front = Self.frontBytes + (header.want == nil ? 0 : ShardWant.bytesMax)
    precondition(bytes.count >= front + Self.signatureBytes, "no room for an empty batch")
    endMax = min(bytes.count, Limits.batchBytesMax) - Self.signatureBytes
    end = front
    self.header = header
    self.bytes = bytes
  }

  /// Adds the next record.
  /// - Throws: `full` or `notNext` when it has to go to another batch, and this one is unchanged;
  ///   `badRecord` for one of no bytes or more than `Limits.recordBytesMax`.
  @_lifetime(self: copy self)
  public mutating func append(
    _ recordClass: RecordClass, sequence: UInt64, _ record: Span<UInt8>
  ) throws(BatchError) {
    precondition(!isFinished, "a record for a batch that is finished")
    guard record.count > 0, record.count <= Limits.recordBytesMax else { throw .badRecord }
    let continues = runs > 0 && recordClass == run.recordClass
    if continues {
      guard sequence == run.first + UInt64(run.count) else { throw .notNext }
    } else if runs > 0 {
      guard recordClass.rawValue < run.recordClass.rawValue else { throw .notNext }
    }
    let room = record.count + 3 + (continues || runs == 0 ? 0 : Run.headBytesMax)
    guard count < Limits.batchRecordsMax, room <= endMax - end else { throw .full }
    if !continues { startRun(recordClass, sequence) }
    do throws(WireError) {
      var writer = CBORWriter(bytes.part(end..<end + record.count + 3))
      try writer.byteString(record)
      end += writer.count
    } catch {
      throw .full
    }
    run.count += 1
    count += 1
  }

  /// Signs the batch; returns its place in the bytes. At least `Message.headBytesMax` bytes in front
  /// of it are free.
  /// - Precondition: not finished yet; nothing is appended after.
  @_lifetime(self: copy self)
  public mutating func finish<P: Primitives>(
    key: SecretKey, with primitives: P.Type
  ) throws(BatchError) -> Range<Int> {
    precondition(!isFinished, "a batch is finished once")
    isFinished = true
    endRun()
    do throws(WireError) {
      let signed = try layFront(isSigned: true)
      let signature = P.sign(bytes.span.extracting(signed..<end), with: key)
      let start = try layFront(isSigned: false)
      var writer = CBORWriter(bytes.part(end..<end + Self.signatureBytes))
      try writer.byteString(signature.span)
      return start..<end + Self.signatureBytes
    } catch {
      throw .full
    }
  }

  @_lifetime(self: copy self)
  private mutating func startRun(_ recordClass: RecordClass, _ first: UInt64) {
    endRun()
    runs += 1
    run = Run(recordClass: recordClass, first: first, count: 0, start: end)
    if runs > 1 { end += Run.headBytesMax }
  }

  /// Writes the head of a run after the first, now that its length is known, and closes the gap.
  @_lifetime(self: copy self)
  private mutating func endRun() {
    guard runs > 1 else {
      firstRun = run
      return
    }
    var head = InlineArray<16, UInt8>(repeating: 0)
    var target = head.mutableSpan
    var writer = CBORWriter(target.whole())
    do throws(WireError) {
      try run.encode(into: &writer)
    } catch {
      preconditionFailure("a run's head is longer than its room")
    }
    copy(writer.written(), to: &bytes, at: run.start)
    let gap = Run.headBytesMax - writer.count
    guard gap > 0 else { return }
    for i in run.start + Run.headBytesMax..<end { bytes[i - gap] = bytes[i] }
    end -= gap
  }

  /// Writes what stands before the first record, up to it; returns where it begins.
  @_lifetime(self: copy self)
  private mutating func layFront(isSigned: Bool) throws(WireError) -> Int {
    var inner = InlineArray<512, UInt8>(repeating: 0)
    var innerSpan = inner.mutableSpan
    var payload = CBORWriter(innerSpan.whole())
    try header.encode(into: &payload)
    try payload.array(runs)
    if runs > 0 { try firstRun.encode(into: &payload) }

    var keyed = InlineArray<16, UInt8>(repeating: 0)
    var keyedSpan = keyed.mutableSpan
    let keyedCount = try Sign1.protectedHeader(keyID: header.keyID.span, into: &keyedSpan)
    var outer = InlineArray<512, UInt8>(repeating: 0)
    var outerSpan = outer.mutableSpan
    var writer = CBORWriter(outerSpan.whole())
    if isSigned {
      try writer.array(4)
      try writer.text("Signature1")
      try writer.byteString(keyedSpan.span.extracting(first: keyedCount))
      try writer.head(2, UInt64(Batch.external.utf8CodeUnitCount))
      for byte in TextBytes(Batch.external) { try writer.byte(byte) }
    } else {
      try writer.tag(18)
      try writer.array(4)
      try writer.byteString(keyedSpan.span.extracting(first: keyedCount))
      try writer.map(0)
    }
    try writer.head(2, UInt64(payload.count + end - front))
    try writer.raw(payload.written())
    let start = front - writer.count
    copy(writer.written(), to: &bytes, at: start)
    return start
  }
}
