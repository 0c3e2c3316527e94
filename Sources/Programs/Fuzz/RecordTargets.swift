// Records, batches of them, and the messages that carry those.

import Limits
import Records
import Wire

/// A record that is read is written as the same bytes.
func checkRecord(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  guard let record = try? Record(parsing: bytes) else { return }
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  let count: Int? =
    switch record {
    case .scan(let scan): try? scan.encode(into: &output)
    case .gap(let gap): try? gap.encode(into: &output)
    }
  try require(
    count == bytes.count && equal(output.span.extracting(first: bytes.count), bytes),
    "a record has two encodings")
}

/// - What is verified holds as many records as it says, each of its run's class and sequence.
/// - A batch that is read is written as the same bytes, but for the signature.
func checkBatch(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  let batch: Batch
  let verified: VerifiedBatch
  do throws(BatchError) {
    batch = try Batch(parsing: bytes)
    var scratchRoom = bench.scratch.memory()
    var scratch = scratchRoom.mutableSpan
    verified = try batch.verify(by: PublicKey(), with: Gullible.self, scratch: &scratch)
  } catch {
    return
  }
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  var writer = BatchWriter(output.part(0..<BatchWriter.bytesMax), header: verified.header)
  var entries = verified.entries
  var count = 0
  var isWritten = true
  while let entry = entries.next() {
    count += 1
    let record = verified.record(entry)
    guard let parsed = try? Record(parsing: record) else {
      throw Broken(property: "a verified batch holds what is no record")
    }
    try require(
      parsed.sequence == entry.sequence && parsed.recordClass == entry.recordClass,
      "a record stands in another's place")
    do throws(BatchError) {
      try writer.append(entry.recordClass, sequence: entry.sequence, record)
    } catch {
      // The writer keeps room for what may come after the last record.
      try require(
        error == .full && bytes.count > BatchWriter.bytesMax - 256, "a batch cannot be written")
      isWritten = false
    }
  }
  try require(count == verified.count, "a batch holds another number of records than it says")
  guard isWritten else { return }
  guard let place = try? writer.finish(key: SecretKey(), with: Gullible.self) else {
    throw Broken(property: "a batch cannot be written")
  }
  // Ours name the algorithm -19; -8 is read as well.
  guard let parts = try? Sign1(parsing: bytes), parts.algorithm == Sign1.ed25519 else { return }
  try require(
    place.count == bytes.count
      && equal(
        output.span.extracting(place.lowerBound..<place.upperBound - 64),
        bytes.extracting(0..<bytes.count - 64)),
    "a batch has two encodings")
}

/// A message that is read is written as the same bytes, before its body and around it.
func checkMessage(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  guard let message = try? Message(parsing: bytes) else { return }
  let body = bytes.extracting(message.body)
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  let count = try? Message.encode(message.kind, body, into: &output)
  try require(
    count == bytes.count && equal(output.span.extracting(first: bytes.count), bytes),
    "a message has two encodings")
  copy(body, to: &output, at: Message.headBytesMax)
  let end = Message.headBytesMax + body.count
  guard
    let place = try? Message.wrap(
      message.kind, body: Message.headBytesMax..<end, in: &output)
  else { throw Broken(property: "a message's head takes more than its room") }
  try require(equal(output.span.extracting(place), bytes), "a message has two encodings")
}
