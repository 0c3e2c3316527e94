// What is read back from durable blocks: proofs for devices, and old records.

import Receipts
import Trust
import Wire

extension Ledger {
  /// The block of `height` as it stands in the log, its checksum verified.
  func body<S: LogSource & ~Copyable>(
    at height: UInt64, from log: inout S
  ) throws(LedgerError) -> [UInt8] {
    precondition(height > 0 && height <= durableHeight, "no such block in the log")
    let offset = offsets[Int(height) - 1]
    let next = Int(height) < offsets.count ? offsets[Int(height)] : end
    var head: [UInt8] = []
    try log.read(at: offset, count: LogFormat.frameHeadBytes, into: &head)
    guard let count = LogFormat.bodyCount(head.span),
      Int64(LogFormat.frameHeadBytes + count) == next - offset
    else { throw .corrupt(offset: offset, .frame) }
    var body: [UInt8] = []
    try log.read(at: offset + Int64(LogFormat.frameHeadBytes), count: count, into: &body)
    guard LogFormat.isWhole(head: head.span, body: body.span, at: offset, with: P.self) else {
      throw .corrupt(offset: offset, .frame)
    }
    return body
  }

  /// The results of a durable block.
  public func proven<S: LogSource & ~Copyable>(
    _ height: UInt64, from log: inout S
  ) throws(LedgerError) -> ProvenBlock {
    let body = try body(at: height, from: &log)
    do throws(WireError) {
      return try ProvenBlock(body: body.span, block: Block(parsing: body.span), with: P.self)
    } catch {
      throw .corrupt(offset: offsets[Int(height) - 1], .malformed)
    }
  }

  /// Height of the block with the newest receipt of the device, in the epoch that it is enrolled
  /// with; nil if there is none, or if one is on its way with a block that is not durable.
  public func receiptHeight(of node: UInt64) -> UInt64? {
    guard let device = trust.device(node),
      let place = devices.place(of: DeviceKey(node: node, epoch: device.epoch))
    else { return nil }
    let height = devices.receipted(place)
    return height > 0 && height <= durableHeight ? height : nil
  }

  /// The last durable height that has settlements, 0 if there is none.
  public var settledHeight: UInt64 { settlementHeights.last ?? 0 }
}

extension ProvenBlock {
  /// The leaf with the receipt of `node`.
  public func receipt(of node: UInt64) -> Int? {
    for i in 0..<receipts {
      if let leaf = try? ReceiptLeaf(parsing: leaf(i)), leaf.node == node { return i }
    }
    return nil
  }

  /// The device whose receipt leaf `index` is.
  public func node(ofReceipt index: Int) -> UInt64? {
    (try? ReceiptLeaf(parsing: leaf(index)))?.node
  }

  /// The one device that consumed every ticket that the block settled; nil if there are several.
  public var soleNode: UInt64? {
    var sole: UInt64?
    for i in settlements {
      guard let leaf = try? SettlementLeaf(parsing: leaf(i)) else { return nil }
      var entries = leaf.entries
      while let settled = entries.next() {
        guard settled.count == 1, sole == nil || settled[0].node == sole else { return nil }
        sole = settled[0].node
      }
    }
    return sole
  }
}
