// The tickets that have been consumed, and the rule that settles a consume (FORMAT.md,
// "Settlement").
// Invariants: tickets stand in the order of their first consume and never move; what is final stays
// final; a ticket names devices by their place in the DeviceTable.

import Records
public import Wire

/// A ticket's identity, as a key.
public struct TicketKey: Hashable, Sendable {
  /// Bytes 0 to 7 and 8 to 15, big-endian.
  public var high: UInt64
  public var low: UInt64

  init(_ identity: TicketIdentity) {
    high = Self.word(identity, 0)
    low = Self.word(identity, 8)
  }

  private static func word(_ identity: TicketIdentity, _ start: Int) -> UInt64 {
    var word: UInt64 = 0
    for i in start..<start + 8 { word = word << 8 | UInt64(identity.storage[i]) }
    return word
  }

  public var identity: TicketIdentity {
    var bytes = TicketIdentity()
    for i in 0..<8 {
      bytes.storage[i] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * i))
      bytes.storage[8 + i] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * i))
    }
    return bytes
  }
}

/// One consume, as far as later ones are measured against it.
struct Consume {
  /// Place of the device (with its epoch) in the DeviceTable.
  var device: UInt32
  var recordClass: RecordClass
  var sequence: UInt64
  /// Of the block that holds it.
  var height: UInt64
  /// When, as the gate says; Unix milliseconds.
  var time: Int64
}

/// How a consume was settled.
enum Outcome {
  case final
  /// `against`: the final consume that it collides with.
  case duplicate(isCausal: Bool, against: Consume)
}

struct NodeUses {
  var node: UInt64
  var uses: UInt32
}

struct Ticket {
  var key: TicketKey
  var entries: UInt16
  var finals: UInt16 = 0
  var duplicates: UInt32 = 0
  /// Height of the last block that consumed it.
  var touched: UInt64 = 0
  /// The first final consume, and its node's uses, duplicates included.
  var first: Consume
  var firstUses: NodeUses
  /// Place in `TicketTable.more`, or -1: one final consume, by one node.
  var more: Int32 = -1
}

/// What few tickets have: more than one final consume, or more than one node.
struct MoreUses {
  /// The last 16 final consumes.
  var finals: [Consume]
  /// The first 16 nodes, sorted.
  var nodes: [NodeUses]

  static let finalsMax = 16
  static let nodesMax = 16
}

struct TicketTable {
  static let ticketsPerLeaf = 8

  private(set) var tickets: [Ticket] = []
  private var more: [MoreUses] = []
  private var places: [TicketKey: UInt32] = [:]

  /// Place of the ticket of `key`, made if it is new.
  /// - Complexity: O(1).
  mutating func place(
    of key: TicketKey, first: Consume, node: UInt64, entries: UInt16
  ) -> Int {
    let next = UInt32(tickets.count)
    let place = places[key, default: next]
    guard place == next else { return Int(place) }
    places[key] = next
    tickets.append(
      Ticket(
        key: key, entries: max(1, entries), first: first,
        firstUses: NodeUses(node: node, uses: 0)))
    return Int(next)
  }

  /// Place of a ticket that was consumed; nil if it never was.
  func place(of key: TicketKey) -> Int? { places[key].map { Int($0) } }

  /// Settles `consume` of the ticket at `place`, which `node` did knowing `clock`.
  /// - Parameter isAllowed: a supervisor has allowed it: it collides with nothing.
  mutating func settle(
    _ consume: Consume, at place: Int, node: UInt64, clock: borrowing KnownClock, isAllowed: Bool,
    devices: borrowing DeviceTable
  ) -> Outcome {
    count(node, at: place)
    guard tickets[place].finals == tickets[place].entries else {
      addFinal(consume, at: place)
      return .final
    }
    if isAllowed { return .final }
    tickets[place].duplicates &+= 1
    return duplicate(consume, at: place, clock: clock, devices: devices)
  }

  /// Marks the ticket as changed by the block of `height`; false if it was.
  mutating func touch(_ place: Int, height: UInt64) -> Bool {
    guard tickets[place].touched != height else { return false }
    tickets[place].touched = height
    return true
  }

  func finals(at place: Int) -> [Consume] {
    let ticket = tickets[place]
    if ticket.more >= 0 { return more[Int(ticket.more)].finals }
    return ticket.finals > 0 ? [ticket.first] : []
  }

  func nodes(at place: Int) -> [NodeUses] {
    let ticket = tickets[place]
    return ticket.more < 0 ? [ticket.firstUses] : more[Int(ticket.more)].nodes
  }

  /// Takes the device's last consume of the ticket back: one use of its node less, and if it was the
  /// last final one of this device, that too.
  /// - Returns: false if the node has consumed nothing.
  mutating func annul(at place: Int, by device: UInt32, node: UInt64) -> Bool {
    guard uncount(node, at: place) else { return false }
    if tickets[place].more < 0 {
      if tickets[place].finals > 0, tickets[place].first.device == device {
        tickets[place].finals = 0
      }
      return true
    }
    let index = Int(tickets[place].more)
    // Beyond the last 16 nothing can be told apart, and nothing is taken back.
    guard let last = more[index].finals.lastIndex(where: { $0.device == device }),
      tickets[place].finals > 0
    else { return true }
    more[index].finals.remove(at: last)
    tickets[place].finals -= 1
    return true
  }

  private mutating func uncount(_ node: UInt64, at place: Int) -> Bool {
    if tickets[place].more < 0 {
      guard tickets[place].firstUses.node == node, tickets[place].firstUses.uses > 0 else {
        return false
      }
      tickets[place].firstUses.uses -= 1
      return true
    }
    let index = Int(tickets[place].more)
    guard let known = more[index].nodes.firstIndex(where: { $0.node == node && $0.uses > 0 })
    else { return false }
    more[index].nodes[known].uses -= 1
    return true
  }

  private mutating func addFinal(_ consume: Consume, at place: Int) {
    tickets[place].finals += 1
    if tickets[place].more < 0 && tickets[place].finals == 1 {
      // The one before was annulled, or is this very one.
      tickets[place].first = consume
      return
    }
    let index = extend(place)
    if more[index].finals.count == MoreUses.finalsMax { more[index].finals.removeFirst() }
    more[index].finals.append(consume)
  }

  /// Counts a use by `node`; beyond 16 nodes it is in `finals` and `duplicates` alone.
  private mutating func count(_ node: UInt64, at place: Int) {
    if tickets[place].more < 0 {
      if tickets[place].firstUses.node == node {
        tickets[place].firstUses.uses &+= 1
        return
      }
      _ = extend(place)
    }
    let index = Int(tickets[place].more)
    if let known = more[index].nodes.firstIndex(where: { $0.node == node }) {
      more[index].nodes[known].uses &+= 1
    } else if more[index].nodes.count < MoreUses.nodesMax {
      let after = more[index].nodes.firstIndex { $0.node > node } ?? more[index].nodes.count
      more[index].nodes.insert(NodeUses(node: node, uses: 1), at: after)
    }
  }

  private mutating func extend(_ place: Int) -> Int {
    if tickets[place].more < 0 {
      let uses = MoreUses(finals: finals(at: place), nodes: [tickets[place].firstUses])
      tickets[place].more = Int32(more.count)
      more.append(uses)
    }
    return Int(tickets[place].more)
  }

  /// - Precondition: there is a final consume, as every ticket has at least one entry.
  private func duplicate(
    _ consume: Consume, at place: Int, clock: borrowing KnownClock, devices: borrowing DeviceTable
  ) -> Outcome {
    let ticket = tickets[place]
    if ticket.more < 0 {
      let isKnown = Self.knows(consume.device, clock, ticket.first, devices)
      return .duplicate(isCausal: isKnown, against: ticket.first)
    }
    let finals = more[Int(ticket.more)].finals
    for final in finals.reversed() {
      if !Self.knows(consume.device, clock, final, devices) {
        return .duplicate(isCausal: false, against: final)
      }
    }
    return .duplicate(isCausal: true, against: finals[finals.count - 1])
  }

  private static func knows(
    _ device: UInt32, _ clock: borrowing KnownClock, _ final: Consume,
    _ devices: borrowing DeviceTable
  ) -> Bool {
    if final.device == device { return true }
    if final.height <= clock.height { return true }
    for i in 0..<clock.count {
      let event = clock[i]
      if event.sequence >= final.sequence, event.recordClass == final.recordClass,
        event.node == devices[final.device].node
      {
        return true
      }
    }
    return false
  }
}

extension TicketTable {
  /// Bytes that a leaf needs at most: 8 tickets with 16 finals of 53 and 16 nodes of 15 bytes.
  static let leafBytesMax = ticketsPerLeaf * (64 + 16 * 53 + 16 * 15)

  /// Writes the tickets of leaf `index` (FORMAT.md, "State").
  @_lifetime(writer: copy writer)
  func encode(
    leaf index: Int, devices: borrowing DeviceTable, into writer: inout CBORWriter
  ) throws(WireError) {
    let start = index * Self.ticketsPerLeaf
    for place in start..<min(start + Self.ticketsPerLeaf, tickets.count) {
      let ticket = tickets[place]
      try writer.array(5)
      try writer.byteString(ticket.key.identity.span)
      try writer.unsigned(UInt64(ticket.entries))
      try writer.unsigned(UInt64(ticket.duplicates))
      if ticket.more < 0 {
        try writer.array(Int(min(ticket.finals, 1)))
        if ticket.finals > 0 { try Self.encode(ticket.first, devices, into: &writer) }
        try writer.array(1)
        try Self.encode(ticket.firstUses, into: &writer)
        continue
      }
      let index = Int(ticket.more)
      try writer.array(more[index].finals.count)
      for final in more[index].finals { try Self.encode(final, devices, into: &writer) }
      try writer.array(more[index].nodes.count)
      for uses in more[index].nodes { try Self.encode(uses, into: &writer) }
    }
  }

  @_lifetime(writer: copy writer)
  private static func encode(
    _ consume: Consume, _ devices: borrowing DeviceTable, into writer: inout CBORWriter
  ) throws(WireError) {
    try writer.array(6)
    try writer.unsigned(devices[consume.device].node)
    try writer.unsigned(devices[consume.device].epoch)
    try writer.unsigned(UInt64(consume.recordClass.rawValue))
    try writer.unsigned(consume.sequence)
    try writer.unsigned(consume.height)
    try writer.integer(consume.time)
  }

  @_lifetime(writer: copy writer)
  private static func encode(
    _ uses: NodeUses, into writer: inout CBORWriter
  ) throws(WireError) {
    try writer.array(2)
    try writer.unsigned(uses.node)
    try writer.unsigned(UInt64(uses.uses))
  }
}
