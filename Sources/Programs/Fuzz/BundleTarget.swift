// Bundles: whether they are ones, whether they may be accepted, and the message in them.

import Bundles
import Limits
import Records
import Sync
import Wire

/// - A bundle of the form that we write is written again; written, it reads as the same, and the
///   second writing is the first.
/// - One that is taken as a message passes the policy and is a message.
func checkBundle(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  guard let bundle = try? Bundle(parsing: bytes, with: Gullible.self) else { return }
  try checkPolicy(bundle, bytes)
  guard isOurs(bundle, bytes) else { return }
  var firstRoom = bench.output.memory()
  var first = firstRoom.mutableSpan
  guard let count = try? write(bundle, of: bytes, into: &first) else {
    throw Broken(property: "a bundle cannot be written again")
  }
  let written = first.span.extracting(first: count)
  guard let again = try? Bundle(parsing: written, with: Gullible.self) else {
    throw Broken(property: "a bundle that was written is none")
  }
  try require(
    again.primary == bundle.primary && again.blockCount == bundle.blockCount
      && equal(written.extracting(again.payload), bytes.extracting(bundle.payload)),
    "a bundle changes when it is written again")
  var secondRoom = bench.scratch.memory()
  var second = secondRoom.mutableSpan
  let secondCount = try? write(again, of: written, into: &second)
  try require(
    secondCount == count && equal(second.span.extracting(first: count), written),
    "a bundle has two encodings")
  // Endpoints of three numbers are longer than those of two, unless there is an allocator.
  if hasPlainNodes(bundle.primary) && count == bytes.count {
    try require(equal(written, bytes), "a bundle has two encodings")
  }
}

private func checkPolicy(_ bundle: Bundle, _ bytes: Span<UInt8>) throws(Broken) {
  let now: Int64 = 1_800_000_000_000
  let isAccepted = (try? BundlePolicy.check(bundle, of: bytes, now: now)) != nil
  _ = try? BundlePolicy.check(bundle, of: bytes, now: nil)
  for i in 0..<bundle.blockCount {
    _ = try? bundle.block(i).hopCount(in: bytes)
    _ = try? bundle.block(i).age(in: bytes)
    _ = try? bundle.block(i).previousNode(in: bytes)
  }
  guard case .ipn(let node, _) = bundle.primary.destination,
    let received = try? ReceivedMessage(
      parsing: bytes, node: node, now: now, with: Gullible.self)
  else { return }
  let message = try? Message(parsing: bytes.extracting(bundle.payload))
  try require(
    isAccepted && message?.kind == received.kind
      && message?.body.count == received.body.count,
    "a message is taken from a bundle that has none")
}

private func isOurs(_ bundle: Bundle, _ bytes: Span<UInt8>) -> Bool {
  let primary = bundle.primary
  guard primary.crcType == .crc32c, primary.fragment == nil, canWrite(primary.destination),
    canWrite(primary.source), canWrite(primary.reportTo)
  else { return false }
  for i in 0..<bundle.blockCount {
    let block = bundle.block(i)
    let number = i == bundle.blockCount - 1 ? 1 : UInt64(i + 2)
    guard block.crcType == .crc32c, block.flags == .none, block.number == number else {
      return false
    }
  }
  return true
}

private func canWrite(_ endpoint: EndpointID) -> Bool {
  switch endpoint {
  case .none, .ipn: true
  case .dtn, .other: false
  }
}

private func hasPlainNodes(_ primary: PrimaryBlock) -> Bool {
  for endpoint in [primary.destination, primary.source, primary.reportTo] {
    if case .ipn(let node, _) = endpoint, node > UInt64(UInt32.max) { return false }
  }
  return true
}

private func write(
  _ bundle: Bundle, of bytes: Span<UInt8>, into output: inout MutableSpan<UInt8>
) throws(BundleError) -> Int {
  var writer = try BundleWriter(bundle.primary, into: output.whole(), with: Gullible.self)
  for i in 0..<bundle.blockCount - 1 {
    let block = bundle.block(i)
    try writer.block(block.type, bytes.extracting(block.data))
  }
  return try writer.payload(bytes.extracting(bundle.payload))
}
