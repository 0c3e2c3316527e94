// The newest accepted trust document on disk, in two slots (FORMAT.md).
// Invariants: the slot that holds the newest document is never written, but with the bytes that it
// holds; at most one write is on the way; what stands in `memory` stays as it is until its flush has
// been reported.

import Limits
public import Wire

public struct TrustSlots<P: Primitives>: ~Copyable {
  public static var slotBytes: Int { 64 * 1024 }
  public static var fileBytes: Int { 2 * slotBytes }
  static var headerBytes: Int { 32 }
  public static var memoryBytes: Int { headerBytes + Limits.trustBytesMax }

  private var memory: Memory
  /// Counter of each slot; 0 if it holds nothing.
  private var counters: InlineArray<2, UInt64> = [0, 0]
  /// The slot that is being written.
  private var writing: Int?
  public var isWriting: Bool { writing != nil }

  public init(memory: consuming Memory) { self.memory = memory }

  /// Reads what both slots hold. A slot that cannot be read holds nothing.
  public mutating func recover<D: Disk & ~Copyable>(_ disk: inout D) {
    for slot in 0..<2 { counters[slot] = read(slot, disk: &disk)?.counter ?? 0 }
  }

  /// Slots by age, newest first.
  public func slot(byAge age: Int) -> Int {
    let newest = counters[1] > counters[0] ? 1 : 0
    return age == 0 ? newest : 1 - newest
  }

  /// The document in `slot`, valid until the next call; empty if the slot holds nothing.
  @_lifetime(&self)
  public mutating func document<D: Disk & ~Copyable>(
    in slot: Int, disk: inout D
  ) -> Span<UInt8> {
    let length = read(slot, disk: &disk)?.length ?? 0
    return memory.span(Self.headerBytes..<Self.headerBytes + length)
  }

  /// Asks for `document` to be written and flushed.
  /// - Precondition: no write is on the way; the document is at most `Limits.trustBytesMax` bytes.
  public mutating func store(_ document: Span<UInt8>, into actions: inout DiskActions) {
    precondition(!isWriting, "the slots are being written")
    let slot = self.slot(byAge: 1)
    let counter = max(counters[0], counters[1]) + 1
    let total = Self.headerBytes + document.count
    var bytes = memory.mutableSpan(0..<total)
    for i in 0..<Self.headerBytes { bytes[i] = 0 }
    for (i, byte) in TextBytes("TKTS").enumerated() { bytes[i] = byte }
    bytes.put(UInt32(1), at: 4)
    bytes.put(counter, at: 8)
    bytes.put(UInt32(document.count), at: 16)
    copy(document, to: &bytes, at: Self.headerBytes)
    bytes.put(Self.checksum(bytes.span), at: 20)
    counters[slot] = counter
    write(slot, total, into: &actions)
  }

  /// Asks for `slot` to be written again as it is read, and flushed: after a failed flush it may be in
  /// the kernel's cache alone. Nothing if the slot holds nothing.
  /// - Precondition: no write is on the way.
  public mutating func rewrite<D: Disk & ~Copyable>(
    _ slot: Int, disk: inout D, into actions: inout DiskActions
  ) {
    precondition(!isWriting, "the slots are being written")
    guard let length = read(slot, disk: &disk)?.length else { return }
    write(slot, Self.headerBytes + length, into: &actions)
  }

  private mutating func write(_ slot: Int, _ bytes: Int, into actions: inout DiskActions) {
    actions.append(
      .write(
        DiskWrite(
          file: .trust, offset: Int64(slot * Self.slotBytes), extent: memory.extent(0..<bytes))))
    actions.append(.flush(.trust))
    writing = slot
  }

  /// The write has ended. After an error the slot counts as empty.
  public mutating func flushed(_ error: DiskError?) {
    if let slot = writing, error != nil { counters[slot] = 0 }
    writing = nil
  }

  private mutating func read<D: Disk & ~Copyable>(
    _ slot: Int, disk: inout D
  ) -> (counter: UInt64, length: Int)? {
    let offset = Int64(slot * Self.slotBytes)
    do throws(DiskError) {
      var header = memory.mutableSpan(0..<Self.headerBytes)
      try disk.read(.trust, at: offset, into: &header)
      let length = Int(header.span.uint32(at: 16))
      guard equal(header.span.extracting(first: 4), "TKTS"), header.span.uint32(at: 4) == 1,
        length > 0, length <= Limits.trustBytesMax
      else { return nil }
      let counter = header.span.uint64(at: 8)
      var whole = memory.mutableSpan(0..<Self.headerBytes + length)
      try disk.read(.trust, at: offset, into: &whole)
      guard Self.checksum(whole.span) == whole.span.uint32(at: 20) else { return nil }
      return (counter, length)
    } catch {
      return nil
    }
  }

  private static func checksum(_ slot: Span<UInt8>) -> UInt32 {
    P.crc32c(slot.extracting(headerBytes..<slot.count), from: P.crc32c(slot.extracting(first: 20)))
  }
}
