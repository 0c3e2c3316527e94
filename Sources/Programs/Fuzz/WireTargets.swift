// The readers that everything else is made of: CBOR and TOML.

import Limits
import Wire

/// - An item is skipped exactly if it can be read and written again, and then it is the same bytes.
/// - What a typed read takes is what a skip takes.
func checkCBOR(_ bytes: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  var skipper = CBORReader(bytes)
  let isSkipped = (try? skipper.skip()) != nil
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  var writer = CBORWriter(output.whole())
  var reader = CBORReader(bytes)
  let isCopied = (try? copyItem(&reader, to: &writer, depth: Limits.cborDepthMax)) != nil
  try require(isSkipped == isCopied, "skipping and reading disagree")
  if isSkipped {
    try require(skipper.position == reader.position, "an item has two ends")
    try require(
      equal(writer.written(), bytes.extracting(first: reader.position)),
      "an item has two encodings")
  }
  try checkTyped(bytes, end: isSkipped ? skipper.position : nil)
}

func copyItem(
  _ reader: inout CBORReader, to writer: inout CBORWriter, depth: Int
) throws(WireError) {
  guard depth > 0 else { throw .tooDeep }
  switch try reader.peekMajor() {
  case 0: try writer.unsigned(reader.unsigned())
  case 1:
    let item = try reader.head()
    try writer.head(1, item.argument)
  case 2: try writer.byteString(reader.byteString())
  case 3: try writer.text(reader.text())
  case 4:
    let count = try reader.array(max: .max)
    try writer.array(count)
    for _ in 0..<count { try copyItem(&reader, to: &writer, depth: depth - 1) }
  case 5:
    let count = try reader.map(max: .max)
    try writer.map(count)
    for _ in 0..<2 * count { try copyItem(&reader, to: &writer, depth: depth - 1) }
  case 6:
    try writer.tag(reader.tag())
    try copyItem(&reader, to: &writer, depth: depth - 1)
  default:
    let start = reader.position
    _ = try reader.head()
    try writer.raw(reader.bytes.extracting(start..<reader.position))
  }
}

private func checkTyped(_ bytes: Span<UInt8>, end: Int?) throws(Broken) {
  var number = CBORReader(bytes)
  if (try? number.integer()) != nil {
    try require(end == number.position, "a number takes something else")
  }
  var bool = CBORReader(bytes)
  if (try? bool.bool()) != nil { try require(end == bool.position, "a bool takes something else") }
  var null = CBORReader(bytes)
  if (try? null.null()) ?? false {
    try require(end == null.position, "a null takes something else")
  }
}

/// A text that is read is written again, everything quoted, and read as the same.
func checkTOML(_ text: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  var writer = CBORWriter(output.whole())
  guard (try? rewriteTOML(text, to: &writer)) ?? false else { return }
  var againRoom = bench.scratch.memory()
  var again = againRoom.mutableSpan
  var second = CBORWriter(again.whole())
  let isRead = (try? rewriteTOML(writer.written(), to: &second)) ?? false
  try require(isRead, "what was read cannot be read again")
  try require(equal(second.written(), writer.written()), "a text changes when it is written again")
}

/// - Returns: false if `text` is not TOML.
private func rewriteTOML(
  _ text: Span<UInt8>, to writer: inout CBORWriter
) throws(WireError) -> Bool {
  var reader = TOMLReader(text)
  var isFine = true
  while isFine {
    let event: TOMLEvent?
    do throws(TOMLError) { event = try reader.next() } catch { return false }
    guard let event else { return true }
    switch event {
    case .table(let name): try table(text.extracting(name), "[\"", "\"]\n", to: &writer)
    case .arrayTable(let name): try table(text.extracting(name), "[[\"", "\"]]\n", to: &writer)
    case .pair(let pair):
      try table(text.extracting(pair.key), "\"", "\" = ", to: &writer)
      isFine = try rewrite(pair, of: reader, to: &writer)
      try put("\n", to: &writer)
    }
  }
  throw .badText
}

private func table(
  _ name: Span<UInt8>, _ before: StaticString, _ after: StaticString, to writer: inout CBORWriter
) throws(WireError) {
  try put(before, to: &writer)
  try writer.raw(name)
  try put(after, to: &writer)
}

private func rewrite(
  _ pair: TOMLPair, of reader: borrowing TOMLReader, to writer: inout CBORWriter
) throws(WireError) -> Bool {
  guard case .array = pair.value else {
    return try rewrite(pair.value, of: reader, to: &writer)
  }
  try put("[", to: &writer)
  do throws(TOMLError) {
    var elements = try reader.elements(pair)
    while let value = try elements.next() {
      do throws(WireError) {
        guard try rewrite(value, of: reader, to: &writer) else { return false }
        try put(", ", to: &writer)
      } catch { return false }
    }
  } catch { return false }
  try put("]", to: &writer)
  return true
}

private func rewrite(
  _ value: TOMLValue, of reader: borrowing TOMLReader, to writer: inout CBORWriter
) throws(WireError) -> Bool {
  switch value {
  case .integer(let number): for byte in String(number).utf8 { try writer.byte(byte) }
  case .boolean(let isTrue): try put(isTrue ? "true" : "false", to: &writer)
  case .array: return false
  case .string(let text):
    var bytes = [UInt8](repeating: 0, count: text.range.count)
    var target = bytes.mutableSpan
    let count: Int
    do throws(TOMLError) { count = try reader.decode(text, into: &target) } catch { return false }
    try put("\"", to: &writer)
    for byte in bytes.prefix(count) { try quote(byte, to: &writer) }
    try put("\"", to: &writer)
  }
  return true
}

private func quote(_ byte: UInt8, to writer: inout CBORWriter) throws(WireError) {
  guard byte < 0x20 || byte == 0x7f || byte == 0x22 || byte == 0x5c else {
    try writer.byte(byte)
    return
  }
  try put("\\u00", to: &writer)
  try writer.byte(Hex.digit(byte >> 4))
  try writer.byte(Hex.digit(byte & 15))
}

private func put(_ text: StaticString, to writer: inout CBORWriter) throws(WireError) {
  for byte in TextBytes(text) { try writer.byte(byte) }
}
