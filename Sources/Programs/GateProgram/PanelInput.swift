// The inputs of a gate without wires: a FIFO that takes `pass`, `alarm on` and `alarm off`, one a line.
// Invariants: a line is read whole or not at all; one that is none of these is said to be wrong.

import Platform
import Wire

struct PanelInput: ~Copyable {
  private let channel: Channel
  private var bytes = InlineArray<64, UInt8>(repeating: 0)
  private var position = 0
  private var end = 0
  private var line = InlineArray<16, UInt8>(repeating: 0)
  /// Bytes of the line, those too that found no place.
  private var length = 0

  init(_ path: Path) throws(KernelError) { channel = try Channel.fifo(path) }

  var descriptor: Int32 { channel.descriptor }

  /// The next line; nil if there is none.
  mutating func next() throws(KernelError) -> GateEdge? {
    while true {
      if position == end {
        position = 0
        end = 0
        var target = bytes.mutableSpan
        guard let count = try channel.read(into: &target), count > 0 else { return nil }
        end = count
      }
      let byte = bytes[position]
      position += 1
      guard byte == 0x0a else {
        if length < 16 { line[length] = byte }
        length = min(length + 1, 17)
        continue
      }
      defer { length = 0 }
      return edge()
    }
  }

  private func edge() -> GateEdge {
    guard length <= 16 else { return .unknown }
    let text = line.span.extracting(first: length)
    if equal(text, "pass") { return .pass }
    if equal(text, "alarm on") { return .alarm(true) }
    if equal(text, "alarm off") { return .alarm(false) }
    return .unknown
  }
}
