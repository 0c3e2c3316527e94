// A disk in memory: what is written is durable at once.

import Wire

struct MemoryDisk: ~Copyable, Disk {
  var ring: Memory
  var used: Memory

  @_lifetime(target: copy target)
  mutating func read(
    _ file: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError) {
    let size = file == .ring ? ring.count : used.count
    guard file != .trust, offset >= 0, offset <= Int64(size),
      target.count <= size - Int(offset)
    else { throw .shortRead }
    let range = Int(offset)..<Int(offset) + target.count
    if file == .ring {
      copy(ring.span(range), to: &target)
    } else {
      copy(used.span(range), to: &target)
    }
  }

  /// Performs the writes and empties the list.
  /// - Returns: whether a flush was among them.
  mutating func perform(_ actions: inout DiskActions) -> Bool {
    var isFlushed = false
    for i in 0..<actions.count {
      switch actions[i] {
      case .flush: isFlushed = true
      case .write(let write):
        let range = Int(write.offset)..<Int(write.offset) + write.extent.count
        if write.file == .ring {
          var target = ring.mutableSpan(range)
          copy(write.extent.span, to: &target)
        } else {
          var target = used.mutableSpan(range)
          copy(write.extent.span, to: &target)
        }
      }
    }
    actions.removeAll()
    return isFlushed
  }
}
