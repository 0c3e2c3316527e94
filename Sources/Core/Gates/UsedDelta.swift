// What the used-set knows and its table does not yet: every use and settlement since the last
// checkpoint, in memory.
// Invariants: an entry leaves only when a checkpoint that covers it is durable, so uses that the
// ring would replay after a crash always fit; numbers of an entry only rise; at most half of the
// index is taken, so a search ends.
//
// An entry's way: dirty -> frozen (a checkpoint has begun; its numbers of that moment are kept
// apart) -> placed (written to the table) -> gone, or dirty again if its numbers have risen since.

import Limits
import Wire

struct UsedDelta: ~Copyable {
  enum Stage: UInt8 {
    case dirty = 0
    case frozen = 1
    case placed = 2
  }

  private static let entryBytes = 36
  private static let indexStart = Limits.usedDeltaMax * entryBytes
  private static let indexCount = 2 * Limits.usedDeltaMax
  static let memoryBytes = indexStart + 2 * indexCount

  // Fields of an entry; the first 20 bytes are those of a slot.
  private static let own = 16
  private static let elsewhere = 18
  private static let frozenOwn = 20
  private static let frozenElsewhere = 22
  private static let stage = 24
  private static let last = 28
  private static let frozenLast = 32

  private var memory: Memory
  private(set) var count = 0

  init(memory: consuming Memory) {
    precondition(memory.count >= Self.memoryBytes, "memory is smaller than the delta")
    precondition(Limits.usedDeltaMax < Int(UInt16.max), "entries are numbered in 16 bits")
    self.memory = memory
  }

  /// - Complexity: constant on average.
  func find(_ hash: Bytes<16>) -> Int? {
    let bytes = memory.span
    var at = Self.home(hash)
    while true {
      let number = Int(bytes.uint16(at: Self.indexStart + 2 * at))
      if number == 0 { return nil }
      let start = (number - 1) * Self.entryBytes
      if equal(bytes.extracting(start..<start + 16), hash.span) { return number - 1 }
      at = (at + 1) % Self.indexCount
    }
  }

  /// Raises the entry of `hash` to at least `uses`; makes one if fewer than `limit` are there.
  /// - Returns: false if there is no room for another entry.
  mutating func raise(_ hash: Bytes<16>, to uses: Uses, limit: Int) -> Bool {
    if let entry = find(hash) {
      set(self.uses(at: entry).joined(uses), at: entry)
      return true
    }
    guard count < limit else { return false }
    let start = count * Self.entryBytes
    var bytes = memory.mutableSpan(start..<start + Self.entryBytes)
    for i in bytes.indices { bytes[i] = 0 }
    copy(hash.span, to: &bytes)
    set(uses, at: count)
    count += 1
    enter(hash, as: count)
    return true
  }

  func hash(at entry: Int) -> Bytes<16> {
    let start = entry * Self.entryBytes
    return Bytes<16>(memory.span(start..<start + 16))
  }

  func uses(at entry: Int) -> Uses { uses(entry, Self.own, Self.elsewhere, Self.last) }

  /// The numbers when the checkpoint began.
  func frozenUses(at entry: Int) -> Uses {
    uses(entry, Self.frozenOwn, Self.frozenElsewhere, Self.frozenLast)
  }

  func stage(at entry: Int) -> Stage {
    Stage(rawValue: memory.span[entry * Self.entryBytes + Self.stage]) ?? .dirty
  }

  mutating func place(_ entry: Int) { setStage(.placed, at: entry) }

  /// Freezes every entry: a checkpoint begins.
  mutating func freeze() {
    for entry in 0..<count {
      let now = uses(at: entry)
      setStage(.frozen, at: entry)
      var bytes = memory.mutableSpan
      bytes.put(now.own, at: entry * Self.entryBytes + Self.frozenOwn)
      bytes.put(now.elsewhere, at: entry * Self.entryBytes + Self.frozenElsewhere)
      bytes.put(now.last.rawValue, at: entry * Self.entryBytes + Self.frozenLast)
    }
  }

  /// Drops what was placed and has not risen since: the checkpoint is durable.
  /// - Complexity: linear in the size of the index.
  mutating func settle() {
    var bytes = memory.mutableSpan
    for at in 0..<Self.indexCount { bytes.put(UInt16(0), at: Self.indexStart + 2 * at) }
    let before = count
    count = 0
    for entry in 0..<before {
      if stage(at: entry) == .placed && uses(at: entry) == frozenUses(at: entry) { continue }
      move(entry, to: count)
      setStage(.dirty, at: count)
      count += 1
      enter(hash(at: count - 1), as: count)
    }
  }

  private mutating func move(_ entry: Int, to place: Int) {
    if entry == place { return }
    var bytes = memory.mutableSpan
    for i in 0..<Self.entryBytes {
      bytes[place * Self.entryBytes + i] = bytes[entry * Self.entryBytes + i]
    }
  }

  private mutating func enter(_ hash: Bytes<16>, as number: Int) {
    var bytes = memory.mutableSpan
    var at = Self.home(hash)
    while bytes.span.uint16(at: Self.indexStart + 2 * at) != 0 { at = (at + 1) % Self.indexCount }
    bytes.put(UInt16(number), at: Self.indexStart + 2 * at)
  }

  /// Bytes that do not choose the page: entries of one page stand apart.
  private static func home(_ hash: Bytes<16>) -> Int {
    Int(hash.span.uint32(at: 4) % UInt32(indexCount))
  }

  private func uses(_ entry: Int, _ own: Int, _ elsewhere: Int, _ last: Int) -> Uses {
    let start = entry * Self.entryBytes
    return Uses(
      own: memory.span.uint16(at: start + own),
      elsewhere: memory.span.uint16(at: start + elsewhere),
      last: Passage(rawValue: memory.span.uint32(at: start + last)))
  }

  private mutating func set(_ uses: Uses, at entry: Int) {
    var bytes = memory.mutableSpan
    bytes.put(uses.own, at: entry * Self.entryBytes + Self.own)
    bytes.put(uses.elsewhere, at: entry * Self.entryBytes + Self.elsewhere)
    bytes.put(uses.last.rawValue, at: entry * Self.entryBytes + Self.last)
  }

  private mutating func setStage(_ stage: Stage, at entry: Int) {
    var bytes = memory.mutableSpan
    bytes[entry * Self.entryBytes + Self.stage] = stage.rawValue
  }
}
