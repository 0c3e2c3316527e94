// The trust slots under power cuts: whatever part of an update reaches the media, the document before
// it or the new one is there, and the next update goes on from that.

import Agent
import Limits
import Seal
import Testing
import Wire
import World

private final class SlotsRig {
  private var slots: TrustSlots<Sodium>
  private let base: UnsafeMutablePointer<UInt8>

  init() {
    let count = TrustSlots<Sodium>.memoryBytes
    base = .allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
    slots = TrustSlots(memory: Memory(unsafe: base, count: count))
  }

  deinit { base.deallocate() }

  /// Writes `document`, and flushes it if wanted.
  func store(_ document: [UInt8], on disk: inout SimDisk, isFlushed: Bool) {
    var actions = DiskActions()
    slots.store(document.span, into: &actions)
    for i in 0..<actions.count {
      if case .flush = actions[i], !isFlushed { return }
      _ = disk.perform(actions[i])
    }
    slots.flushed(nil)
  }

  /// The newest document that can be read; empty if there is none.
  func recovered(_ disk: inout SimDisk) -> [UInt8] {
    slots.recover(&disk)
    let newest = Self.read(0, of: &slots, &disk)
    return newest.isEmpty ? Self.read(1, of: &slots, &disk) : newest
  }

  private static func read(
    _ age: Int, of slots: inout TrustSlots<Sodium>, _ disk: inout SimDisk
  ) -> [UInt8] {
    let slot = slots.slot(byAge: age)
    let document = slots.document(in: slot, disk: &disk)
    return copied(document)
  }
}

private func copied(_ bytes: Span<UInt8>) -> [UInt8] { bytes.indices.map { bytes[$0] } }

private func blankDisk() -> SimDisk {
  try! Sodium.start()
  var disk = SimDisk(seed: 1)
  disk.create(.trust, bytes: Int64(TrustSlots<Sodium>.fileBytes))
  return disk
}

/// A document of so many bytes, all of them `byte`.
private func document(_ byte: UInt8, _ count: Int) -> [UInt8] {
  .init(repeating: byte, count: count)
}

@Suite struct TrustSlotsTests {
  @Test(arguments: [1, 400, 2_000, 5_000])
  func `whatever sectors of an update survive, the old document or the new one is there`(
    _ size: Int
  ) {
    // 32 bytes of header before it: up to ten sectors, of which every subset may survive.
    let sectors = (32 + size + SimDisk.sectorBytes - 1) / SimDisk.sectorBytes
    for updates in 0...2 {
      for survivors in 0..<UInt64(1) << UInt64(sectors) {
        var disk = blankDisk()
        let rig = SlotsRig()
        var old: [UInt8] = []
        for i in 0..<updates {
          old = document(UInt8(1 + i), size + 64 * i)
          rig.store(old, on: &disk, isFlushed: true)
        }
        let new = document(9, size)
        rig.store(new, on: &disk, isFlushed: false)
        disk.crash(.trust, survivors: survivors)
        let again = SlotsRig()
        let found = again.recovered(&disk)
        #expect(found == old || found == new)
        if survivors == 0 { #expect(found == old) }
        if survivors == UInt64(1) << UInt64(sectors) - 1 { #expect(found == new) }
        // The next one is written, and found.
        let next = document(10, size + 1)
        again.store(next, on: &disk, isFlushed: true)
        disk.crash(.trust, survivors: 0)
        #expect(SlotsRig().recovered(&disk) == next)
      }
    }
  }
}
