// Chains: a record continues one, or is told why not.

import Seal
import Testing
import Wire

@testable import Records

@Suite struct RecordChainTests {
  /// `count` admissions, chained.
  func chained(_ count: Int) throws -> [(ScanRecord, [UInt8])] {
    var chain = RecordChain()
    var records: [(ScanRecord, [UInt8])] = []
    for _ in 0..<count {
      var record = admission
      record.sequence = chain.next
      record.previous = chain.previous
      let encoded = try record.encoded()
      chain.advance(over: encoded.span, with: Sodium.self)
      records.append((record, encoded))
    }
    return records
  }

  func append(
    _ record: ScanRecord, _ bytes: [UInt8], to chain: inout RecordChain
  ) throws(ChainError) {
    try chain.append(.scan(record), bytes: bytes.span, with: Sodium.self)
  }

  @Test func `records in order make a chain whose end is the last one's id`() throws {
    let records = try chained(5)
    var chain = RecordChain()
    #expect(chain.last == 0)
    #expect(chain.previous.isZero)
    for (record, encoded) in records { try append(record, encoded, to: &chain) }
    #expect(chain.last == 5)
    #expect(chain.previous == hash(records[4].1))
    #expect(chain == RecordChain(last: 5, id: chain.previous))
  }

  @Test func `an old record, a hole and a fork are told apart and change nothing`() throws {
    let records = try chained(4)
    var chain = RecordChain()
    for (record, encoded) in records[..<2] { try append(record, encoded, to: &chain) }
    let before = chain
    #expect(throws: ChainError.old) {
      try append(records[1].0, records[1].1, to: &chain)
    }
    #expect(throws: ChainError.hole) {
      try append(records[3].0, records[3].1, to: &chain)
    }
    var fork = records[2].0
    fork.previous = hash(records[0].1)
    #expect(throws: ChainError.fork) {
      try append(fork, fork.encoded(), to: &chain)
    }
    #expect(chain == before)
  }
}
