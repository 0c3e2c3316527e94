// A validator in the simulated world: the ledger and the downlink that are shipped, a log in memory,
// and what the program does between them.
// Invariants: a frame counts when its flush is done; after a crash the ledger is what its log says.

import Bundles
public import Ledger
import Limits
import Receipts
public import Records
public import Sync
public import Trust
public import Wire

/// The block log in memory.
struct MemoryLog: LogSource {
  var bytes: [UInt8]
  var count: Int64 { Int64(bytes.count) }

  mutating func read(
    at offset: Int64, count: Int, into target: inout [UInt8]
  ) throws(LedgerError) {
    guard offset >= 0, count >= 0, offset + Int64(count) <= self.count else { throw .unreadable }
    target += bytes[Int(offset)..<Int(offset) + count]
  }
}

@safe
public final class SimValidator<P: Primitives> {
  private let organiser: Organiser<P>
  public private(set) var ledger: Ledger<P>
  private var log: MemoryLog
  private var downlink = Downlink()
  /// Revocation shards of the document in force, by index.
  public var shards: [[UInt8]] = []
  /// What makes them of older ones.
  public var increments: [Int: [UInt8]] = [:]
  private var maker: BundleMaker
  private var boot: UInt32 = 1
  private let base: UnsafeMutablePointer<UInt8>

  /// Every scan and every duplicate in the ledger, in its order.
  public private(set) var scans: [ScanRow] = []
  public private(set) var duplicates: [DuplicateRow] = []
  public private(set) var evidence = 0

  /// - Parameter trust: the ledger's first transaction.
  public init(_ organiser: Organiser<P>, trust: [UInt8]) throws(TrustError) {
    self.organiser = organiser
    let bytes = TrustDocument<P>.memoryBytes
    unsafe base = .allocate(capacity: bytes)
    unsafe base.initialize(repeating: 0, count: bytes)
    ledger = unsafe Self.ledger(organiser, base, bytes)
    log = MemoryLog(bytes: LogFormat.header(with: P.self))
    maker = BundleMaker(node: Organiser<P>.validatorNode, boot: boot)
    _ = try ledger.adopt(trust.span)
    expectDevices(at: 0)
  }

  deinit { unsafe base.deallocate() }

  private static func ledger(
    _ organiser: Organiser<P>, _ base: UnsafeMutablePointer<UInt8>, _ bytes: Int
  ) -> Ledger<P> {
    Ledger(
      node: Organiser<P>.validatorNode, key: organiser.validator,
      authority: Organiser<P>.publicKey(of: organiser.authority),
      trust: TrustDocument(memory: unsafe Memory(unsafe: base, count: bytes)))
  }

  // MARK: In

  /// A bundle has come. What is wrong with it is its own affair.
  public func received(_ bundle: [UInt8], now: Now) {
    do throws(ReceivedMessage.Problem) {
      let message = try ReceivedMessage(
        parsing: bundle.span, node: Organiser<P>.validatorNode, now: now.instant.milliseconds,
        with: P.self)
      if message.kind == .batch { take(bundle.span.extracting(message.body), now: now) }
    } catch {
      return
    }
  }

  private func take(_ batch: Span<UInt8>, now: Now) {
    guard let intake = try? ledger.take(batch, from: &log), intake.evidence == nil else { return }
    downlink.heard(
      intake.header, asks: intake.fresh + intake.known + intake.holes == 0,
      trust: ledger.trust.version, settled: ledger.settledHeight, at: now.elapsed)
  }

  /// A newer trust document, once nothing is pending.
  /// - Returns: false if it has to wait.
  public func adopt(_ document: [UInt8]) throws(TrustError) -> Bool {
    guard !ledger.hasPending else { return false }
    _ = try ledger.adopt(document.span)
    return true
  }

  private func expectDevices(at now: Int64) {
    for i in 0..<ledger.trust.deviceCount {
      downlink.expect(ledger.trust.device(at: i).node, settled: ledger.settledHeight, at: now)
    }
  }

  // MARK: Blocks

  /// Puts a block on its way to the log if there is something to put in it and none is.
  /// - Returns: whether a flush is to be reported.
  public func propose(now: Now) -> Bool {
    guard ledger.hasPending, !ledger.isFlying else { return false }
    ledger.propose(time: now.instant.milliseconds)
    return true
  }

  /// The block is durable; returns its frame.
  public func flushed(now: Now) -> [UInt8] {
    let frame = Self.frame(of: ledger)
    log.bytes += frame
    let (effects, block) = ledger.flushed()
    take(effects)
    if block.header.height == ledger.trustHeight {
      expectDevices(at: now.elapsed)
      downlink.trustChanged(at: now.elapsed)
    }
    for i in 0..<block.receipts {
      if let node = block.node(ofReceipt: i) { downlink.receipted(node) }
    }
    if !block.settlements.isEmpty {
      downlink.settled(block.header.height, only: block.soleNode, at: now.elapsed)
    }
    return frame
  }

  private static func frame(of ledger: borrowing Ledger<P>) -> [UInt8] {
    Array(copying: ledger.frame)
  }

  private func take(_ effects: borrowing Effects) {
    scans += effects.scans
    duplicates += effects.duplicates
    evidence += effects.evidence.count
  }

  // MARK: Down

  /// The next bundle for a device; nil if there is none, or none yet.
  public func next(now: Now) throws(LedgerError) -> (node: UInt64, bundle: [UInt8])? {
    while let item = downlink.next(at: now.elapsed, heights: ledger.settlementHeights) {
      switch item {
      case .trust(let node):
        guard ledger.isTrustDurable else { continue }
        return (node, make(.trust, Self.document(of: ledger), for: node, now: now))
      case .receipt(let node):
        guard let height = ledger.receiptHeight(of: node) else { continue }
        let block = try ledger.proven(height, from: &log)
        guard let leaf = block.receipt(of: node) else { continue }
        return (node, make(.receipt, proof(block, leaf), for: node, now: now))
      case .shard(let node, let index, let held):
        guard ledger.isTrustDurable, index < shards.count else { continue }
        if let bytes = increments[index], let held,
          let increment = try? RevocationIncrement(parsing: bytes.span), increment.from == held
        {
          return (node, make(.increment, bytes, for: node, now: now))
        }
        return (node, make(.shard, shards[index], for: node, now: now))
      case .settlement(let node, let height, let index):
        let block = try ledger.proven(height, from: &log)
        downlink.sent(
          node, height: height, index: index, of: block.settlements.count, at: now.elapsed)
        let leaf = block.settlements.lowerBound + index
        return (node, make(.settlement, proof(block, leaf), for: node, now: now))
      }
    }
    return nil
  }

  private static func document(of ledger: borrowing Ledger<P>) -> [UInt8] {
    Array(copying: ledger.trust.bytes)
  }

  private func proof(_ block: ProvenBlock, _ leaf: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: ProvenBlock.proofBytesMax)
    var space = bytes.mutableSpan
    do throws(WireError) {
      let count = try block.prove(leaf, into: &space)
      return Array(bytes[..<count])
    } catch {
      preconditionFailure("a proof is longer than its limit")
    }
  }

  private func make(
    _ kind: Message.Kind, _ body: [UInt8], for node: UInt64, now: Now
  ) -> [UInt8] {
    maker.bundle(kind, body, for: node, now: now.instant, with: P.self)
  }

  // MARK: Power

  /// The process dies and starts again: what was not flushed is gone, or torn, or there as a whole.
  public func restart(_ random: inout SplitMix, now: Now) throws(LedgerError) {
    if ledger.isFlying {
      let frame = Self.frame(of: ledger)
      log.bytes += frame.prefix(random.oneIn(2) ? frame.count : random.draw(0..<frame.count + 1))
    }
    boot += 1
    downlink = Downlink()
    maker = BundleMaker(node: Organiser<P>.validatorNode, boot: boot)
    scans = []
    duplicates = []
    evidence = 0
    ledger = unsafe Self.ledger(organiser, base, TrustDocument<P>.memoryBytes)
    var rows: [Effects] = []
    let end = try ledger.replay(&log) { rows.append(copy $0) }
    for effects in rows { take(effects) }
    log.bytes.removeLast(log.bytes.count - Int(end.offset))
    expectDevices(at: now.elapsed)
  }
}

extension [UInt8] {
  /// The bytes of a span, as a copy.
  public init(copying span: Span<UInt8>) {
    self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
  }
}

extension BundleMaker {
  /// A whole bundle with one message.
  public mutating func bundle<P: Primitives>(
    _ kind: Message.Kind, _ body: [UInt8], for node: UInt64, now: Instant, with primitives: P.Type
  ) -> [UInt8] {
    var message = [UInt8](repeating: 0, count: body.count + Message.headBytesMax)
    var bundle = [UInt8](repeating: 0, count: message.count + Self.overheadBytesMax)
    do throws(WireError) {
      var space = message.mutableSpan
      let count = try Message.encode(kind, body.span, into: &space)
      var target = bundle.mutableSpan
      do throws(BundleError) {
        let length = try make(
          for: node, message: message.span.extracting(first: count), now: now, with: P.self,
          into: &target)
        return Array(bundle[..<length])
      } catch {
        throw WireError.noSpace
      }
    } catch {
      preconditionFailure("a bundle is longer than its limit")
    }
  }
}
