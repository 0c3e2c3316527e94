// A contact plan: when which node can send to which. A prediction, not a promise.
// Invariants: at most `Limits.contactsMax` contacts and as many ranges; every one ends after it
// begins; contacts of one pair of nodes do not overlap. Two tables, so that a plan that does not
// parse leaves the old one as it was.

import Limits
public import Wire

public struct ContactPlan: ~Copyable {
  private static let contactBytes = 42
  private static let rangeBytes = 40
  private static let tableBytes = Limits.contactsMax * (contactBytes + rangeBytes)

  /// What `init` asks for.
  public static let memoryBytes = 2 * tableBytes

  private var memory: Memory
  /// Offset of the table that counts.
  private var table = 0
  public private(set) var count = 0
  public private(set) var rangeCount = 0

  /// An empty plan: no contact, ever.
  /// - Parameter memory: `memoryBytes`.
  public init(_ memory: consuming Memory) {
    precondition(memory.count >= Self.memoryBytes, "memory is smaller than memoryBytes")
    self.memory = memory
  }

  /// Replaces the plan by the one in `text`, or throws and leaves it.
  /// - Parameter reference: what relative times are relative to until an `@` line says otherwise,
  ///   Unix milliseconds.
  /// - Complexity: quadratic in the number of contacts.
  public mutating func load(_ text: Span<UInt8>, reference: Int64) throws(ContactError) {
    let other = Self.tableBytes - table
    var contacts = 0
    var ranges = 0
    var reader = ContactPlanReader(text, reference: reference)
    while let entry = try reader.next() {
      switch entry {
      case .contact(let contact):
        for i in 0..<contacts where overlap(self.contact(i, at: other), contact) {
          throw reader.error("this contact overlaps an earlier one of the same nodes")
        }
        guard contacts < Limits.contactsMax else { throw reader.error("too many contacts") }
        store(contact, contacts, at: other)
        contacts += 1
      case .range(let range):
        guard ranges < Limits.contactsMax else { throw reader.error("too many ranges") }
        store(range, ranges, at: other)
        ranges += 1
      }
    }
    table = other
    count = contacts
    rangeCount = ranges
  }

  /// - Precondition: `index` is below `count`.
  public func contact(_ index: Int) -> Contact {
    precondition(index < count, "no such contact")
    return contact(index, at: table)
  }

  /// - Precondition: `index` is below `rangeCount`.
  public func range(_ index: Int) -> ContactRange {
    precondition(index < rangeCount, "no such range")
    let bytes = memory.span(place(ofRange: index, at: table))
    return ContactRange(
      start: Int64(bitPattern: bytes.uint64(at: 0)), stop: Int64(bitPattern: bytes.uint64(at: 8)),
      from: bytes.uint64(at: 16), to: bytes.uint64(at: 24), lightSeconds: bytes.uint64(at: 32))
  }

  private func contact(_ index: Int, at table: Int) -> Contact {
    let bytes = memory.span(place(ofContact: index, at: table))
    return Contact(
      start: Int64(bitPattern: bytes.uint64(at: 0)), stop: Int64(bitPattern: bytes.uint64(at: 8)),
      from: bytes.uint64(at: 16), to: bytes.uint64(at: 24), bytesPerSecond: bytes.uint64(at: 32),
      confidencePermille: bytes.uint16(at: 40))
  }

  private mutating func store(_ contact: Contact, _ index: Int, at table: Int) {
    var bytes = memory.mutableSpan(place(ofContact: index, at: table))
    bytes.put(contact.start, at: 0)
    bytes.put(contact.stop, at: 8)
    bytes.put(contact.from, at: 16)
    bytes.put(contact.to, at: 24)
    bytes.put(contact.bytesPerSecond, at: 32)
    bytes.put(contact.confidencePermille, at: 40)
  }

  private mutating func store(_ range: ContactRange, _ index: Int, at table: Int) {
    var bytes = memory.mutableSpan(place(ofRange: index, at: table))
    bytes.put(range.start, at: 0)
    bytes.put(range.stop, at: 8)
    bytes.put(range.from, at: 16)
    bytes.put(range.to, at: 24)
    bytes.put(range.lightSeconds, at: 32)
  }

  private func place(ofContact index: Int, at table: Int) -> Range<Int> {
    let start = table + index * Self.contactBytes
    return start..<start + Self.contactBytes
  }

  private func place(ofRange index: Int, at table: Int) -> Range<Int> {
    let start = table + Limits.contactsMax * Self.contactBytes + index * Self.rangeBytes
    return start..<start + Self.rangeBytes
  }

  private func overlap(_ a: Contact, _ b: Contact) -> Bool {
    a.from == b.from && a.to == b.to && a.start < b.stop && b.start < a.stop
  }
}

// What the plan says about one node's way to another. Instants are Unix milliseconds.
extension ContactPlan {
  /// The contact in which `node` can send to `peer` at `now`.
  public func current(_ node: UInt64, to peer: UInt64, at now: Int64) -> Contact? {
    for i in 0..<count {
      let contact = contact(i)
      if contact.from == node && contact.to == peer && contact.start <= now && now < contact.stop {
        return contact
      }
    }
    return nil
  }

  /// Whether `node` can send to `peer` at `now`.
  public func isOpen(_ node: UInt64, to peer: UInt64, at now: Int64) -> Bool {
    current(node, to: peer, at: now) != nil
  }

  /// When the next contact from `node` to `peer` begins, later than `now`; nil if none is planned.
  public func nextOpening(_ node: UInt64, to peer: UInt64, after now: Int64) -> Int64? {
    var next: Int64?
    for i in 0..<count {
      let contact = contact(i)
      guard contact.from == node && contact.to == peer && contact.start > now else { continue }
      if next.map({ contact.start < $0 }) ?? true { next = contact.start }
    }
    return next
  }

  /// When the way from `node` to `peer`, open at `now`, closes; nil if it is not open. Contacts that
  /// follow each other without a pause are one window.
  public func nextClosing(_ node: UInt64, to peer: UInt64, after now: Int64) -> Int64? {
    var end: Int64?
    while let contact = current(node, to: peer, at: end ?? now) { end = contact.stop }
    return end
  }

  /// When the way from `node` to `peer` opens or closes next; nil if it stays as it is.
  public func nextChange(_ node: UInt64, to peer: UInt64, after now: Int64) -> Int64? {
    nextClosing(node, to: peer, after: now) ?? nextOpening(node, to: peer, after: now)
  }
}
