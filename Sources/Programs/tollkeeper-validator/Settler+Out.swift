// What the settler has for devices: bundles with trust documents, receipts and settlements.
// Invariants: every proof is of a durable block; what cannot be made now is not lost, for the device
// asks again.

import Ledger
import Platform
import Receipts
import Records
import Store
import Trust
import Wire

extension Settler {
  /// Makes the next bundle for a device in `courier.bundle`; nil if there is none, or none yet.
  mutating func next(now: Now) -> (node: UInt64, bytes: Int)? {
    while let item = downlink.next(at: now.elapsed, heights: ledger.settlementHeights) {
      switch item {
      case .trust(let node):
        // What is in force with a block that is not durable yet is told when it is.
        counters.trusts += 1
        return (node, courier.make(.trust, ledger.trust.bytes, for: node, now: now.instant))
      case .receipt(let node):
        if let bytes = receipt(of: node, now: now) { return (node, bytes) }
      case .settlement(let node, let height, let index):
        guard let bytes = settlement(height, index, for: node, now: now) else { return nil }
        return (node, bytes)
      }
    }
    return nil
  }

  private mutating func receipt(of node: UInt64, now: Now) -> Int? {
    guard let height = ledger.receiptHeight(of: node), let block = block(height),
      let index = block.receipt(of: node)
    else { return nil }
    counters.receipts += 1
    return prove(block, index, .receipt, for: node, now: now)
  }

  private mutating func settlement(
    _ height: UInt64, _ index: Int, for node: UInt64, now: Now
  ) -> Int? {
    guard let block = block(height) else { return nil }
    counters.settlements += 1
    downlink.sent(
      node, height: height, index: index, of: block.settlements.count, at: now.elapsed)
    return prove(block, block.settlements.lowerBound + index, .settlement, for: node, now: now)
  }

  private mutating func prove(
    _ block: ProvenBlock, _ index: Int, _ kind: Message.Kind, for node: UInt64, now: Now
  ) -> Int {
    do throws(WireError) {
      var target = proof.mutableSpan
      let count = try block.prove(index, into: &target)
      let proof = proof
      return courier.make(
        kind, proof.span.extracting(first: count), for: node, now: now.instant)
    } catch {
      preconditionFailure("a proof is longer than its limit")
    }
  }

  /// A durable block's results.
  private mutating func block(_ height: UInt64) -> ProvenBlock? {
    if let block = recent.last(where: { $0.header.height == height }) { return block }
    do throws(LedgerError) {
      let block = try ledger.proven(height, from: &log)
      remember(block)
      return block
    } catch {
      journal.write(
        .error, "block_unreadable",
        [("height", "\(height)"), ("reason", LedgerFolder.reason(error, configuration.logPath))])
      return nil
    }
  }

  mutating func remember(_ block: ProvenBlock) {
    if recent.count == Self.recentMax { recent.removeFirst() }
    recent.append(block)
  }

  /// The broker did not take what `next` made.
  mutating func countUnsent() { counters.unsent += 1 }

  /// The broker has it, and nobody was there to take it, or the broker refused it.
  mutating func countUnclaimed() { counters.unclaimed += 1 }

  /// Brings everything that is durable to the index.
  func finish() {
    feed.drain()
    if let failure = feed.takeFailure() { indexFailed(failure) }
  }
}
