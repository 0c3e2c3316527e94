// Blocks out: from what is pending to a frame, and from a durable frame to what may be told.
// Invariants: a block is proposed only on top of a durable one; its header's roots are computed from
// its own bytes and the tables as they are after it.

import Limits
import Receipts
import Trust
import Wire

/// The roots that a header commits to.
struct Roots: Equatable {
  var transactions: Hash
  var results: Hash
  var state: Hash
}

extension Ledger {
  /// Makes a block of everything that is pending: `frame` is to be written at `end`, and flushed.
  /// - Parameter time: Unix milliseconds; taken as the previous block's if it is before that.
  /// - Precondition: something is pending, and no block is being written.
  public mutating func propose(time: Int64) {
    precondition(hasPending && !isFlying, "a block needs content, and the one before to be durable")
    let validators = validatorSet()
    precondition(
      validators.quorum == 1 && validators.key(of: node) != nil,
      "a quorum of one, which this validator is")
    let roots = closeBlock()
    let header = BlockHeader(
      height: height + 1, view: 0, previous: tip, transactions: roots.transactions,
      results: roots.results, state: roots.state, time: max(time, tipTime),
      validators: validators.hash(with: P.self))
    var certificate = Certificate()
    do throws(WireError) {
      try certificate.append(
        Certificate.Entry(node: node, signature: header.sign(key: key, with: P.self)))
      try pending.seal(header: header, certificate: certificate, at: end, with: P.self)
    } catch {
      preconditionFailure("a header and one signature fit before their block")
    }
    seal(header)
    isFlying = true
  }

  /// The frame that is being written, at `end` of the log.
  public var frame: Span<UInt8> {
    @_lifetime(borrow self)
    get { flying.frame }
  }

  /// The frame is durable. Gives out what the block did, and the block's proofs.
  public mutating func flushed() -> (effects: Effects, block: ProvenBlock) {
    precondition(isFlying, "no block is being written")
    isFlying = false
    do throws(WireError) {
      let block = try Block(parsing: flying.body)
      let proven = try ProvenBlock(body: flying.body, block: block, with: P.self)
      let frameBytes = flying.frame.count
      return (landed(frameBytes: frameBytes, settlements: proven.settlements.count), proven)
    } catch {
      preconditionFailure("a block that was made here does not parse")
    }
  }

  /// Whether this validator can make blocks under the document in force.
  public var isValidator: Bool {
    guard trust.isLoaded else { return false }
    let validators = validatorSet()
    return validators.quorum == 1
      && validators.key(of: node) == PublicKey(key.span.extracting(32..<64))
  }

  /// The validators of the document in force.
  func validatorSet() -> ValidatorSet {
    var set = ValidatorSet()
    do throws(WireError) {
      for i in 0..<trust.validatorCount {
        let validator = trust.validator(at: i)
        try set.append(Receipts.Validator(node: validator.node, key: validator.key))
      }
    } catch {
      preconditionFailure("a trust document lists at most ten validators, sorted")
    }
    return set
  }

  /// Moves the chain's tip to the pending block, and begins the next.
  mutating func seal(_ header: BlockHeader) {
    pendingEffects.block = BlockRow(
      height: header.height, id: header.id(with: P.self), time: header.time,
      transactions: pending.transactions.count, offset: end, bytes: 0)
    pendingEffects.devices = changedDevices.map { row(of: $0) }
    height = header.height
    tip = pendingEffects.block.id
    tipTime = header.time
    if !changedTickets.isEmpty { lastSettlement = height }
    swap(&pending, &flying)
    swap(&pendingEffects, &flyingEffects)
    pending.removeAll()
    pendingEffects = Effects()
    changedDevices.removeAll(keepingCapacity: true)
    receiptedDevices.removeAll(keepingCapacity: true)
    changedTickets.removeAll(keepingCapacity: true)
  }

  /// The sealed block is durable; returns what it did.
  mutating func landed(frameBytes: Int, settlements: Int) -> Effects {
    offsets.append(end)
    end += Int64(frameBytes)
    if settlements > 0 { settlementHeights.append(height) }
    flyingEffects.block.bytes = frameBytes
    return flyingEffects
  }

  /// Writes the results of the pending block; returns the roots.
  mutating func closeBlock() -> Roots {
    do throws(WireError) {
      let leaves = SettlementCut.leaves(of: changedTickets, in: tickets)
      let receipts = receiptedDevices.sorted { devices[$0].node < devices[$1].node }
      pending.beginResults(receipts.count + leaves.count)
      for place in receipts { try writeReceipt(of: place) }
      for (i, range) in leaves.enumerated() {
        try writeSettlement(
          SettlementPart(
            height: height + 1, index: UInt64(i), count: UInt64(leaves.count),
            before: lastSettlement), changedTickets[range])
      }
      var results = MerkleRoot()
      for i in pending.results.indices { results.append(pending.result(i), with: P.self) }
      return Roots(
        transactions: pending.root.root(with: P.self), results: results.root(with: P.self),
        state: try stateRoot())
    } catch {
      preconditionFailure("a result is longer than its room")
    }
  }

  private mutating func writeReceipt(of place: UInt32) throws(WireError) {
    let key = devices[place]
    let heads = devices.heads(place)
    var leaf = ReceiptLeaf(node: key.node, epoch: key.epoch)
    for recordClass in [RecordClass.control, .admissions, .refusals, .telemetry] {
      let (through, head) = heads[recordClass.index]
      guard through > 0 else { continue }
      try leaf.append(
        ReceiptLeaf.Entry(recordClass: recordClass, through: through, hash: head))
    }
    try pending.appendResult(bytesMax: ReceiptLeaf.bytesMax) { target throws(WireError) in
      try leaf.encode(into: &target)
    }
  }

  private mutating func writeSettlement(
    _ part: SettlementPart, _ touched: ArraySlice<UInt32>
  ) throws(WireError) {
    let tickets = tickets
    try pending.appendResult(bytesMax: SettlementCut.leafBytesMax) { target throws(WireError) in
      var writer = try SettlementLeafWriter(target.whole(), part: part, entries: touched.count)
      for place in touched { try writer.append(tickets.settled(at: Int(place))) }
      return try writer.finish()
    }
  }

  /// FORMAT.md, "State".
  private mutating func stateRoot() throws(WireError) -> Hash {
    let bytesMax = max(TicketTable.leafBytesMax, DeviceTable.leafBytesMax)
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    var span = bytes.mutableSpan
    for place in changedDevices.sorted() {
      var writer = CBORWriter(span.whole())
      try devices.encode(leaf: Int(place), into: &writer)
      deviceTree.set(Int(place), Merkle.leafHash(writer.written(), with: P.self))
    }
    var last = -1
    for place in changedTickets.sorted() {
      let leaf = Int(place) / TicketTable.ticketsPerLeaf
      guard leaf != last else { continue }
      last = leaf
      var writer = CBORWriter(span.whole())
      try tickets.encode(leaf: leaf, devices: devices, into: &writer)
      ticketTree.set(leaf, Merkle.leafHash(writer.written(), with: P.self))
    }
    var writer = CBORWriter(span.whole())
    try writer.array(7)
    try writer.unsigned(1)
    try writer.byteString(trust.hash.span)
    try writer.unsigned(changedTickets.isEmpty ? lastSettlement : height + 1)
    try writer.unsigned(UInt64(devices.count))
    try writer.byteString(deviceTree.settle(with: P.self).span)
    try writer.unsigned(UInt64(tickets.tickets.count))
    try writer.byteString(ticketTree.settle(with: P.self).span)
    return P.hash(writer.written())
  }
}
