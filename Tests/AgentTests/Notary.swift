// Signs blocks of one leaf: what the network could say, and what a forger would.

import Receipts
import Records
import Seal
import Sync
import Wire
import World

enum Notary {
  /// A block of one leaf, as the bundle with its proof.
  static func bundle(
    _ kind: Message.Kind, _ leaf: [UInt8], height: UInt64 = 5, signedBy key: SecretKey? = nil,
    for node: UInt64 = Desk.node
  ) throws -> [UInt8] {
    let key = key ?? organiser.validator
    var set = ValidatorSet()
    try set.append(
      Validator(node: 1, key: Organiser<Sodium>.publicKey(of: organiser.validator)))
    let header = BlockHeader(
      height: height, view: 0, previous: Hash(), transactions: Hash(),
      results: Merkle.leafHash(leaf.span, with: Sodium.self), state: Hash(), time: Desk.noon,
      validators: set.hash(with: Sodium.self))
    var certificate = Certificate()
    try certificate.append(
      Certificate.Entry(node: 1, signature: header.sign(key: key, with: Sodium.self)))
    var proof = [UInt8](repeating: 0, count: leaf.count + Proof.overheadBytesMax)
    var space = proof.mutableSpan
    let count = try Proof.encode(
      leaf: leaf.span, index: 0, size: 1, path: MerklePath(), header: header,
      certificate: certificate, into: &space)
    return bundle(kind, body: Array(proof[..<count]), for: node)
  }

  static func bundle(
    _ kind: Message.Kind, body: [UInt8], for node: UInt64 = Desk.node
  ) -> [UInt8] {
    var maker = BundleMaker(node: 1, boot: 1)
    return maker.bundle(
      kind, body, for: node, now: Instant(milliseconds: Desk.noon), with: Sodium.self)
  }

  static func receipt(
    _ entries: [ReceiptLeaf.Entry], node: UInt64 = Desk.node, epoch: UInt64 = Desk.epoch,
    signedBy key: SecretKey? = nil
  ) throws -> [UInt8] {
    var leaf = ReceiptLeaf(node: node, epoch: epoch)
    for entry in entries { try leaf.append(entry) }
    var bytes = [UInt8](repeating: 0, count: ReceiptLeaf.bytesMax)
    var space = bytes.mutableSpan
    let count = try leaf.encode(into: &space)
    return try bundle(.receipt, Array(bytes[..<count]), signedBy: key)
  }

  static func receipt(
    _ recordClass: RecordClass, through sequence: UInt64, _ hash: Hash
  ) throws -> [UInt8] {
    try receipt([.init(recordClass: recordClass, through: sequence, hash: hash)])
  }

  /// Tickets that were used at node 1002, once each.
  static func settlement(
    _ numbers: [Int], height: UInt64, index: UInt64 = 0, of count: UInt64 = 1, after: UInt64 = 0,
    signedBy key: SecretKey? = nil
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 64 + numbers.count * Settled.bytesMax)
    var space = bytes.mutableSpan
    var writer = try SettlementLeafWriter(
      space.whole(),
      part: SettlementPart(height: height, index: index, count: count, before: after),
      entries: numbers.count)
    for number in numbers {
      var settled = Settled(identity: organiser.identity(number))
      try settled.append(Settled.Use(node: 1002, uses: 1))
      try writer.append(settled)
    }
    let length = try writer.finish()
    return try bundle(.settlement, Array(bytes[..<length]), height: height, signedBy: key)
  }
}
