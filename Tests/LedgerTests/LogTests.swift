// The block log: replay, torn tails, corruption.

import Ledger
import Receipts
import Records
import Seal
import Testing
import Trust
import Wire

@Suite struct LogTests {
  /// A ledger with trust documents, settlements, duplicates, a gap and evidence in it.
  private func busySite() throws -> Site {
    var site = Site()
    var one = Gate(1)
    var two = Gate(2)
    for i in 1...40 {
      one.scan(ticket(i), entries: i % 3 == 0 ? 2 : 1)
      two.scan(ticket(i + 20), time: Int64(i))
      two.scan(nil, .badEncoding)
    }
    _ = try site.take(one.batch(1...20))
    _ = try site.take(two.batch(1...30))
    site.settle(time: 5)
    _ = try site.settle(one.batch(15...40))
    two.evict(.refusals, 31, 33)
    two.lines.removeAll { $0.recordClass == .refusals && $0.sequence < 34 }
    _ = try site.settle(two.batch(1...40))
    var three = Gate(3, epoch: 12)
    _ = try site.ledger.adopt(Site.trust(2, [one, two, three]).span)
    three.scan(ticket(3))
    _ = try site.settle(three.batch())
    var clone = Gate(3, epoch: 12)
    clone.scan(ticket(4))
    _ = try site.settle(clone.batch())
    return site
  }

  private func replayed(_ log: MemoryLog) throws -> (rows: [DeviceRow], heights: [UInt64]) {
    var ledger = Site.ledger()
    var source = log
    var heights: [UInt64] = []
    _ = try ledger.replay(&source) { heights.append($0.block.height) }
    return (ledger.deviceRows, heights)
  }

  private func fault(_ log: MemoryLog) -> LedgerError? {
    do throws(LedgerError) {
      var ledger = Site.ledger()
      var source = log
      _ = try ledger.replay(&source) { _ in }
      return nil
    } catch {
      return error
    }
  }

  @Test func `replaying the log gives the same rows and goes on with the same roots`() throws {
    var site = try busySite()
    var other = Site([])
    var effects: [Effects] = []
    other.log = site.log
    let end = try other.ledger.replay(&other.log) { effects.append($0) }
    #expect(end.offset == site.log.count && end.torn.isEmpty)
    #expect(effects.map { $0.block } == site.effects.map { $0.block })
    #expect(effects.flatMap { $0.duplicates } == site.duplicates)
    #expect(effects.flatMap { $0.evidence } == site.effects.flatMap { $0.evidence })
    #expect(effects.flatMap { $0.devices } == site.effects.flatMap { $0.devices })
    #expect(other.ledger.deviceRows == site.ledger.deviceRows)
    #expect(other.ledger.ticketCount == site.ledger.ticketCount)
    // Both go on: the block that follows is the same to the last byte.
    var gate = Gate(1)
    for i in 1...45 { gate.scan(ticket(i), entries: i <= 40 && i % 3 == 0 ? 2 : 1) }
    #expect(try site.settle(gate.batch(38...45)).fresh == 5)
    #expect(try other.settle(gate.batch(38...45)).fresh == 5)
    #expect(site.log.bytes == other.log.bytes)
    #expect(site.blocks.last?.header == other.blocks.last?.header)
  }

  @Test func `proofs read back from the log are those that were given out`() throws {
    var site = try busySite()
    for height in 1...UInt64(site.blocks.count) {
      let block = try site.ledger.proven(height, from: &site.log)
      #expect(block.count == site.blocks[Int(height) - 1].count)
      for i in 0..<block.count {
        let leaf = try Site.verified(block, i)
        #expect(leaf == (try Site.verified(site.blocks[Int(height) - 1], i)))
      }
    }
  }

  @Test func `a log that is cut in its last frame loses that frame and nothing else`() throws {
    let site = try busySite()
    let last = site.effects[site.effects.count - 1].block
    for length in Int(last.offset) + 1..<site.log.bytes.count {
      var log = site.log
      log.bytes.removeLast(log.bytes.count - length)
      var ledger = Site.ledger()
      let end = try ledger.replay(&log) { _ in }
      #expect(end.offset == last.offset)
      #expect(end.torn == last.offset..<Int64(length))
      #expect(ledger.height == last.height - 1)
    }
  }

  @Test func `a last frame with a hole of zeros in it is torn`() throws {
    let site = try busySite()
    let last = site.effects[site.effects.count - 1].block
    var log = site.log
    for i in Int(last.offset) + 40..<log.bytes.count - 10 { log.bytes[i] = 0 }
    #expect(try replayed(log).heights.last == last.height - 1)
  }

  @Test func `any damaged byte before the last frame stops the validator`() throws {
    let site = try busySite()
    let last = Int(site.effects[site.effects.count - 1].block.offset)
    for i in stride(from: 0, to: last, by: 37) {
      var log = site.log
      log.bytes[i] ^= 0x10
      let error = try #require(fault(log))
      if i < 16 {
        #expect(error == .notALedger)
      } else {
        guard case .corrupt(let offset, .frame) = error else {
          Issue.record("byte \(i): \(error)")
          continue
        }
        #expect(site.effects.contains { $0.block.offset == offset && offset <= Int64(i) })
      }
    }
  }

  @Test func `more garbage than one torn frame can be is corruption`() throws {
    let site = try busySite()
    var log = site.log
    log.bytes += [UInt8](repeating: 0, count: 8_388_621)
    #expect(fault(log) == .corrupt(offset: site.log.count, .frame))
    log.bytes.removeLast()
    #expect(fault(log) == nil)
  }

  @Test func `a file that is no log is refused`() {
    var log = MemoryLog()
    log.bytes = Array("a few notes of mine, nothing else".utf8)
    #expect(fault(log) == .notALedger)
    log.bytes = []
    #expect(fault(log) == .notALedger)
  }

  @Test func `a log of another authority or another validator is refused`() throws {
    let site = try busySite()
    func fault(node: UInt64, authority: SecretKey) -> LedgerError? {
      var ledger = Ledger<Sodium>(
        node: node, key: Site.validator, authority: Sodium.publicKey(of: authority),
        trust: TrustDocument(memory: memory(TrustDocument<Sodium>.memoryBytes)))
      var log = site.log
      do throws(LedgerError) {
        _ = try ledger.replay(&log) { _ in }
        return nil
      } catch {
        return error
      }
    }
    #expect(fault(node: 9, authority: Site.validator) == .corrupt(offset: 16, .trust))
    // Who reads need not be a validator: the document in force says whose signatures count.
    #expect(fault(node: 5, authority: Site.authority) == nil)
  }

  @Test func `a frame that was moved is not a frame`() throws {
    let site = try busySite()
    let second = site.effects[1].block
    let third = site.effects[2].block
    var log = MemoryLog()
    let bytes = site.log.bytes
    log.bytes = Array(bytes[0..<Int(second.offset)]) + Array(bytes[Int(third.offset)...])
    // Offsets differ, so no checksum holds: all that follows looks like one torn frame.
    #expect(try replayed(log).heights == [1])
  }

  @Test func `a block that was changed with its checksum is caught by what it computes to`() throws
  {
    let site = try busySite()
    for block in site.effects.map({ $0.block }) {
      let start = Int(block.offset)
      for i in stride(from: start + 12, to: start + block.bytes, by: 23) {
        var log = site.log
        log.bytes[i] ^= 0x01
        seal(&log.bytes, frame: start, bytes: block.bytes)
        guard case .corrupt(block.offset, let fault)? = fault(log) else {
          Issue.record("byte \(i - start) of block \(block.height)")
          continue
        }
        #expect(fault != .frame)
      }
    }
  }

  /// Makes the checksum of a frame right again (FORMAT.md, "Frame").
  private func seal(_ log: inout [UInt8], frame start: Int, bytes: Int) {
    var prefix = [UInt8](repeating: 0, count: 12)
    var target = prefix.mutableSpan
    target.put(UInt64(start), at: 0)
    target.put(UInt32(bytes - 12), at: 8)
    let body = Array(log[start + 12..<start + bytes])
    let crc = Sodium.crc32c(body.span, from: Sodium.crc32c(prefix.span))
    for i in 0..<4 { log[start + 8 + i] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * i)) }
  }

  @Test func `block times never go back`() throws {
    var site = Site()
    var gate = Gate(1)
    gate.scan(ticket(1))
    _ = try site.take(gate.batch())
    site.settle(time: -5)
    #expect(site.blocks[1].header.time == site.blocks[0].header.time)
  }

  @Test func `older and foreign trust documents are refused and the one in force stays`() throws {
    var site = Site()
    _ = try site.ledger.adopt(Site.trust(5, [Gate(1)]).span)
    site.settle()
    #expect(throws: TrustError.older) { try site.ledger.adopt(Site.trust(4, [Gate(2)]).span) }
    #expect(throws: TrustError.conflict) { try site.ledger.adopt(Site.trust(5, [Gate(2)]).span) }
    #expect(throws: TrustError.unknownAuthority) {
      try site.ledger.adopt(Site.trust(6, [Gate(2)], signedBy: secret(3)).span)
    }
    #expect(try site.ledger.adopt(Site.trust(5, [Gate(1)]).span) == .unchanged)
    #expect(site.ledger.trust.version == 5 && site.ledger.hasPending == false)
  }
}
