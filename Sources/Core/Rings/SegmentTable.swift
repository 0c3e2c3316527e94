// What each segment is used for: one entry a segment, and a queue of segment numbers for each class
// and for the free ones.
// Invariants: a segment stands in at most one queue; in a class's queue by the commit that opened it,
// oldest first; the free queue gives the one that has been free longest, so that wear goes round.

import Limits
import Wire

struct SegmentTable: ~Copyable {
  /// Bytes of an entry: first, opened, last (8 each), pages (1), 7 unused.
  private static let entryBytes = 32
  static let free = 4

  private var memory: Memory
  let segments: Int
  private var heads = InlineArray<5, Int>(repeating: 0)
  private var counts = InlineArray<5, Int>(repeating: 0)

  static func memoryBytes(segments: Int) -> Int { segments * (entryBytes + 5 * 2) }

  init(memory: consuming Memory, segments: Int) {
    self.memory = memory
    self.segments = segments
  }

  /// First sequence that the segment speaks for.
  func first(_ segment: Int) -> UInt64 { memory.span.uint64(at: segment * Self.entryBytes) }
  /// Commit that wrote its first block; 0 if it has none.
  func opened(_ segment: Int) -> UInt64 { memory.span.uint64(at: segment * Self.entryBytes + 8) }
  /// No block in it has a higher commit.
  func last(_ segment: Int) -> UInt64 { memory.span.uint64(at: segment * Self.entryBytes + 16) }
  /// Pages from its beginning that may hold durable blocks.
  func pages(_ segment: Int) -> Int { Int(memory.span[segment * Self.entryBytes + 24]) }

  mutating func set(_ segment: Int, first: UInt64, opened: UInt64, last: UInt64, pages: Int) {
    var entry = memory.mutableSpan(segment * Self.entryBytes..<(segment + 1) * Self.entryBytes)
    entry.put(first, at: 0)
    entry.put(opened, at: 8)
    entry.put(last, at: 16)
    entry[24] = UInt8(pages)
  }

  mutating func extend(_ segment: Int, last: UInt64, pages: Int) {
    set(segment, first: first(segment), opened: opened(segment), last: last, pages: pages)
  }

  // MARK: Queues: 0 to 3 the classes, 4 the free segments

  func count(_ queue: Int) -> Int { counts[queue] }

  func segment(_ queue: Int, _ position: Int) -> Int {
    Int(memory.span.uint16(at: place(queue, position)))
  }

  mutating func append(_ segment: Int, to queue: Int) {
    precondition(counts[queue] < segments, "a segment stands in two queues")
    counts[queue] += 1
    put(segment, queue, counts[queue] - 1)
  }

  /// - Precondition: the queue is not empty.
  mutating func takeFirst(_ queue: Int) -> Int {
    let taken = segment(queue, 0)
    heads[queue] = (heads[queue] + 1) % segments
    counts[queue] -= 1
    return taken
  }

  /// - Precondition: the queue is not empty.
  mutating func takeLast(_ queue: Int) -> Int {
    counts[queue] -= 1
    return segment(queue, counts[queue])
  }

  mutating func clear() {
    heads = .init(repeating: 0)
    counts = .init(repeating: 0)
  }

  /// Position of the newest segment of `queue` that begins at `sequence` or before; 0 if none does.
  /// - Complexity: O(log segments)
  func position(of sequence: UInt64, in queue: Int) -> Int {
    var low = 0
    var high = counts[queue]
    while high - low > 1 {
      let middle = (low + high) / 2
      if first(segment(queue, middle)) <= sequence { low = middle } else { high = middle }
    }
    return low
  }

  /// Orders a queue by the commit that opened its segments (heapsort: no memory, no bad case).
  /// - Complexity: O(n log n)
  mutating func sort(_ queue: Int) {
    let count = counts[queue]
    for root in stride(from: count / 2 - 1, through: 0, by: -1) { sift(queue, root, count) }
    for end in stride(from: count - 1, to: 0, by: -1) {
      swap(queue, 0, end)
      sift(queue, 0, end)
    }
  }

  private mutating func sift(_ queue: Int, _ start: Int, _ end: Int) {
    var root = start
    while 2 * root + 1 < end {
      var child = 2 * root + 1
      if child + 1 < end && key(queue, child) < key(queue, child + 1) { child += 1 }
      guard key(queue, root) < key(queue, child) else { return }
      swap(queue, root, child)
      root = child
    }
  }

  private func key(_ queue: Int, _ position: Int) -> UInt64 { opened(segment(queue, position)) }

  private mutating func swap(_ queue: Int, _ a: Int, _ b: Int) {
    let kept = segment(queue, a)
    put(segment(queue, b), queue, a)
    put(kept, queue, b)
  }

  private mutating func put(_ segment: Int, _ queue: Int, _ position: Int) {
    let place = place(queue, position)
    var target = memory.mutableSpan(place..<place + 2)
    target.put(UInt16(segment), at: 0)
  }

  private func place(_ queue: Int, _ position: Int) -> Int {
    segments * Self.entryBytes + 2 * (queue * segments + (heads[queue] + position) % segments)
  }
}
