// What the settler has for devices: bundles with trust documents, receipts and settlements.
// Invariants: every proof is of a durable block; what cannot be made now is not lost, for the device
// asks again.

import Ledger
import Limits
import Platform
import Receipts
import Records
import Seal
import Store
import Trust
import Wire

extension Settler {
  /// Makes the next bundle for a device in `courier.bundle`; nil if there is none, or none yet.
  mutating func next(now: Now) -> (item: Downlink.Item, bytes: Int)? {
    while let item = downlink.next(at: now.elapsed, heights: ledger.settlementHeights) {
      switch item {
      case .trust(let node):
        // What is in force with a block that is not durable yet is told when it is.
        guard ledger.isTrustDurable else { continue }
        counters.trusts += 1
        return (item, courier.make(.trust, ledger.trust.bytes, for: node, now: now.instant))
      case .receipt(let node):
        if let bytes = receipt(of: node, now: now) { return (item, bytes) }
      case .shard(let node, let index, let held):
        if let bytes = shard(index, held: held, for: node, now: now) { return (item, bytes) }
      case .settlement(let node, let height, let index):
        guard let bytes = settlement(height, index, for: node, now: now) else { return nil }
        return (item, bytes)
      }
    }
    return nil
  }

  /// A revocation shard of the document in force, from the folder beside it; by increment if there
  /// is one for what the device holds.
  private mutating func shard(
    _ index: Int, held: ShardHash?, for node: UInt64, now: Now
  ) -> Int? {
    guard ledger.isTrustDurable, let manifest = ledger.trust.manifest, index < manifest.shardCount
    else { return nil }
    let wanted = ledger.trust.shardHash(index)
    let folder = "\(configuration.trustPath).shards"
    if let held, let bytes = try? Configuration.read("\(folder)/\(index).increment"),
      Self.leads(bytes, from: held, to: wanted)
    {
      counters.increments += 1
      return courier.make(.increment, bytes.span, for: node, now: now.instant)
    }
    do throws(Failure) {
      let bytes = try Configuration.read("\(folder)/\(index)")
      guard bytes.count <= Limits.shardBytesMax,
        RevocationShard.hash(bytes.span, with: Sodium.self) == wanted
      else {
        throw .failed("not of the trust document in force")
      }
      counters.shards += 1
      return courier.make(.shard, bytes.span, for: node, now: now.instant)
    } catch {
      journal.write(
        .error, "shard_unavailable",
        [("path", "\(folder)/\(index)"), ("version", "\(ledger.trust.version)")])
      return nil
    }
  }

  private static func leads(_ bytes: [UInt8], from held: ShardHash, to wanted: ShardHash) -> Bool {
    guard bytes.count <= Limits.shardBytesMax,
      let increment = try? RevocationIncrement(parsing: bytes.span)
    else { return false }
    return increment.from == held && increment.to == wanted
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

  /// The document in force is durable.
  mutating func tellTrust(now: Now) {
    expectDevices(now: now)
    downlink.trustChanged(at: now.elapsed)
  }

  /// Devices may have been connected for long, and need not say anything.
  mutating func expectDevices(now: Now) {
    for i in 0..<ledger.trust.deviceCount {
      let device = ledger.trust.device(at: i)
      guard device.status == .active else { continue }
      downlink.expect(device.node, settled: ledger.settledHeight, at: now.elapsed)
    }
  }

  /// The broker's client did not take what `next` made.
  mutating func unsent(_ item: Downlink.Item, now: Now) {
    counters.unsent += 1
    downlink.refused(item, at: now.elapsed)
  }

  /// The broker refused it, or nobody was there to take it.
  mutating func unclaimed(_ item: Downlink.Item, now: Now) {
    counters.unclaimed += 1
    downlink.refused(item, at: now.elapsed)
  }

  /// The connection ended before the broker said that it has it.
  mutating func lost(_ item: Downlink.Item, now: Now) {
    counters.unsent += 1
    downlink.lost(item, at: now.elapsed)
  }

  /// Brings everything that is durable to the index.
  func finish() {
    feed.drain()
    if let failure = feed.takeFailure() { indexFailed(failure) }
  }
}
