// A file of a device, made of an input: pieces of it, the rest zeros. A piece is
// `page (2 bytes) | count (2 bytes) | bytes`, little-endian; it stands from the beginning of its page
// and goes no further than the file does.
// Invariants: after `load`, nothing of what was loaded or written before is there.

import Limits
import Wire

struct PagedDisk: ~Copyable, Disk {
  /// A ring of 16 segments; a used-set of a few pages is shorter.
  static let bytes = 65_536 + Limits.segmentsMin * Limits.segmentBytes
  private static let pages = bytes / Limits.pageBytes

  private var file = takeMemory(bytes)
  /// Pages that are not zero.
  private var dirty = [Bool](repeating: false, count: pages)

  mutating func load(_ input: Span<UInt8>) {
    for page in 0..<Self.pages where dirty[page] {
      var target = file.mutableSpan(page * Limits.pageBytes..<(page + 1) * Limits.pageBytes)
      target.update(repeating: 0)
      dirty[page] = false
    }
    var position = 0
    while input.count - position >= 4 {
      let start = Int(input.uint16(at: position)) % Self.pages * Limits.pageBytes
      let left = min(Self.bytes - start, input.count - position - 4)
      let count = min(Int(input.uint16(at: position + 2)), left)
      write(input.extracting(position + 4..<position + 4 + count), at: start)
      position += 4 + count
    }
  }

  /// What the file holds, as an input.
  func pieces() -> [UInt8] {
    var pieces: [UInt8] = []
    for page in 0..<Self.pages where dirty[page] {
      var bytes = [UInt8](file.span(page * Limits.pageBytes..<(page + 1) * Limits.pageBytes))
      while bytes.last == 0 { bytes.removeLast() }
      pieces += [UInt8(page & 0xff), UInt8(page >> 8)]
      pieces += [UInt8(bytes.count & 0xff), UInt8(bytes.count >> 8)] + bytes
    }
    return pieces
  }

  @_lifetime(target: copy target)
  mutating func read(
    _ name: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError) {
    guard offset >= 0, offset <= Int64(Self.bytes), target.count <= Self.bytes - Int(offset) else {
      throw .shortRead
    }
    copy(file.span(Int(offset)..<Int(offset) + target.count), to: &target)
  }

  /// Performs the writes that do not go beyond the file, and empties the list.
  /// - Returns: whether a flush was among them.
  mutating func perform(_ actions: inout DiskActions) -> Bool {
    var isFlushed = false
    for i in 0..<actions.count {
      switch actions[i] {
      case .flush: isFlushed = true
      case .write(let action):
        guard action.offset <= Int64(Self.bytes - action.extent.count) else { continue }
        write(action.extent.span, at: Int(action.offset))
      }
    }
    actions.removeAll()
    return isFlushed
  }

  private mutating func write(_ bytes: Span<UInt8>, at offset: Int) {
    guard bytes.count > 0 else { return }
    var all = file.mutableSpan
    copy(bytes, to: &all, at: offset)
    let pages = offset / Limits.pageBytes...(offset + bytes.count - 1) / Limits.pageBytes
    for page in pages { dirty[page] = true }
  }
}
