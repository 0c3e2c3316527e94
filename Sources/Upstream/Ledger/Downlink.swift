// What each device is still to be told: receipts, trust documents, settlements. A state machine without
// I/O: it names what to send next, and the caller sends it when the broker has room.
//
// Invariants: a device gets settlements in the order of their heights, without one left out, from the
// height that it said it holds; nothing waits here as bytes, so a device that is slow or gone costs a
// few words; what the broker did not take is not told; what a device does not confirm, or the broker
// refuses, is offered again, at most every 10 s.

public import Records
public import Wire

public struct Downlink {
  /// Something for `node`.
  public enum Item: Sendable, Equatable {
    case trust(node: UInt64)
    case receipt(node: UInt64)
    /// Leaf `index` of the settlements of `height`, from 0.
    case settlement(node: UInt64, height: UInt64, index: Int)
    /// A revocation shard, or what makes it of the one that the device holds.
    case shard(node: UInt64, index: Int, held: Bytes<16>?)

    public var node: UInt64 {
      switch self {
      case .trust(let node), .receipt(let node), .settlement(let node, _, _),
        .shard(let node, _, _):
        node
      }
    }
  }

  /// Devices that were heard less than so long ago, milliseconds, are told what others do: two
  /// greetings of a device that has nothing to say (Core/Sync/MAPPING.md), and their way.
  public static let presence: Int64 = 150_000
  /// Time for a device to say that it has what it was sent, milliseconds.
  public static let patience: Int64 = 10_000
  /// Settlement leaves for one device in a second.
  public static let burst = 64

  private struct Peer {
    let node: UInt64
    /// It has spoken since the validator started.
    var isHeard = false
    /// Last heard, or expected; milliseconds of the caller's clock, as all times here.
    var heard: Int64
    var wantsReceipt = false
    var wantsTrust = false
    var trustSent: Int64?
    /// Shards that it asked for and was not sent yet.
    var want: ShardWant?
    var wanted = 0
    /// Height that it said it holds.
    var held: UInt64
    /// Height whose settlements it was sent, and everything below; and when.
    var sent: UInt64
    var sentAt: Int64
    /// Leaf of the next height to send.
    var index = 0
    /// Height up to which it is to be sent settlements.
    var owed: UInt64 = 0
    var budget = burst
    var budgetSince: Int64
    /// The broker refused something for it: nothing before this time.
    var pausedUntil = Int64.min
  }

  private var peers: [Peer] = []
  private var places: [UInt64: Int] = [:]
  private var turn = 0

  public init() {}

  /// The validator has started, or a trust document names `node` for the first time. The device may be
  /// in the middle of a contact and have nothing to say: it is told what happens from now on, and
  /// asks for what it lacks before that.
  /// - Parameter settled: last height with settlements.
  public mutating func expect(_ node: UInt64, settled: UInt64, at now: Int64) {
    _ = place(of: node, held: settled, at: now)
  }

  /// A batch of the device came and was taken, or known, or had a hole before it.
  /// - Parameters:
  ///   - asks: it had no runs: a contact begins, and the device asks what is new.
  ///   - trust: version of the document in force.
  ///   - settled: last height with settlements.
  public mutating func heard(
    _ header: BatchHeader, asks: Bool, trust: UInt64, settled: UInt64, at now: Int64
  ) {
    let place = place(of: header.node, held: header.height, at: now)
    // One that was never heard may be in the middle of a contact that began before we did.
    let isNew = !peers[place].isHeard
    peers[place].isHeard = true
    peers[place].heard = now
    peers[place].held = header.height
    peers[place].wantsReceipt = true
    peers[place].pausedUntil = .min
    if asks {
      // What it asked for before it has, or asks for again.
      peers[place].want = header.trust == trust ? header.want : nil
      peers[place].wanted = 0
    }
    let isOverdue = now - peers[place].sentAt >= Self.patience
    if asks || isNew || header.height > peers[place].sent
      || (header.height < peers[place].sent && isOverdue)
    {
      peers[place].sent = header.height
      peers[place].index = 0
    }
    if asks || isNew { peers[place].owed = settled }
    if header.trust < trust {
      let isWaiting = peers[place].trustSent.map { now - $0 < Self.patience } ?? false
      if asks || !isWaiting { peers[place].wantsTrust = true }
    }
  }

  /// A block is durable that holds a receipt for `node`.
  public mutating func receipted(_ node: UInt64) {
    if let place = places[node] { peers[place].wantsReceipt = true }
  }

  /// A block with settlements is durable.
  /// - Parameter only: the one device that consumed all tickets in it, if it is one: it knows.
  public mutating func settled(_ height: UInt64, only: UInt64?, at now: Int64) {
    for i in peers.indices
    where peers[i].node != only && now - peers[i].heard < Self.presence {
      peers[i].owed = height
    }
  }

  /// A newer trust document is in force.
  public mutating func trustChanged(at now: Int64) {
    for i in peers.indices where now - peers[i].heard < Self.presence {
      peers[i].wantsTrust = true
    }
  }

  /// What to send next; nil if there is nothing, or nothing yet. Devices take turns, and keep theirs
  /// until a height is finished, so that its block is read once; for one device the trust document
  /// comes first, which may be what it needs to believe the rest.
  /// - Parameter heights: those that have settlements, ascending.
  public mutating func next(at now: Int64, heights: [UInt64]) -> Item? {
    for i in peers.indices {
      let place = (turn + i) % peers.count
      if let item = item(place, at: now, heights) {
        turn = (place + 1) % peers.count
        return item
      }
    }
    return nil
  }

  /// Settlement leaf `index` of `count` of `height` was handed to the broker.
  public mutating func sent(
    _ node: UInt64, height: UInt64, index: Int, of count: Int, at now: Int64
  ) {
    guard let place = places[node], peers[place].index == index else { return }
    peers[place].budget -= 1
    peers[place].sentAt = now
    peers[place].index += 1
    if peers[place].index >= count {
      peers[place].index = 0
      peers[place].sent = height
    } else {
      turn = place
    }
  }

  /// The connection ended before the broker said that it has `item`: it is sent again.
  public mutating func lost(_ item: Item, at now: Int64) {
    guard let place = places[item.node] else { return }
    // One that is gone says what it has when it is back, and that it lacks a receipt.
    guard now - peers[place].heard < Self.presence else {
      peers[place].owed = 0
      return
    }
    switch item {
    case .trust: peers[place].wantsTrust = true
    case .receipt: peers[place].wantsReceipt = true
    // It asks again.
    case .shard: return
    case .settlement(_, let height, _):
      guard height > peers[place].held else { return }
      peers[place].sent = min(peers[place].sent, height - 1)
      peers[place].index = 0
    }
  }

  /// The broker refused `item`, or had nobody to give it to: it is sent again, but not at once.
  public mutating func refused(_ item: Item, at now: Int64) {
    lost(item, at: now)
    if let place = places[item.node] { peers[place].pausedUntil = now + Self.patience }
  }

  private mutating func item(_ place: Int, at now: Int64, _ heights: [UInt64]) -> Item? {
    let node = peers[place].node
    guard now >= peers[place].pausedUntil else { return nil }
    if peers[place].wantsTrust {
      peers[place].wantsTrust = false
      peers[place].trustSent = now
      return .trust(node: node)
    }
    if peers[place].wantsReceipt {
      peers[place].wantsReceipt = false
      return .receipt(node: node)
    }
    if let want = peers[place].want {
      let entry = want[peers[place].wanted]
      peers[place].wanted += 1
      if peers[place].wanted == want.count { peers[place].want = nil }
      return .shard(node: node, index: Int(entry.index), held: entry.held)
    }
    guard peers[place].sent < peers[place].owed else { return nil }
    if now - peers[place].budgetSince >= 1_000 {
      peers[place].budgetSince = now
      peers[place].budget = Self.burst
    }
    guard peers[place].budget > 0,
      let height = Self.first(above: peers[place].sent, in: heights)
    else { return nil }
    return .settlement(node: node, height: height, index: peers[place].index)
  }

  private static func first(above height: UInt64, in heights: [UInt64]) -> UInt64? {
    var low = 0
    var high = heights.count
    while low < high {
      let middle = (low + high) / 2
      if heights[middle] <= height { low = middle + 1 } else { high = middle }
    }
    return low < heights.count ? heights[low] : nil
  }

  private mutating func place(of node: UInt64, held: UInt64, at now: Int64) -> Int {
    if let place = places[node] { return place }
    places[node] = peers.count
    peers.append(
      Peer(node: node, heard: now, held: held, sent: held, sentAt: now, budgetSince: now))
    return peers.count - 1
  }
}
