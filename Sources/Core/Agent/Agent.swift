// The gate: one state machine of verdicts, ring, used-set, trust and sync. The rim brings it events
// and the time, and performs what it asks for; the simulated world does the same.
// Invariants:
//  - a verdict comes out only when its record is durable, or when the policy says that there need be
//    none; verdicts come out in the order of the scans;
//  - a ticket's use is in the ring's batch before the next scan is decided;
//  - records are released by a receipt whose hash is the device's own, and by nothing else;
//  - admissions stay in the ring until the used-set's checkpoint covers them;
//  - the settled height and the trust version that are told upward are durable here.

import Bundles
public import Contacts
public import Gates
import Limits
import Records
import Receipts
public import Rings
public import Sync
public import Trust
public import Wire

public struct Agent<P: Primitives>: ~Copyable {
  /// Bytes that the arena must have for a ring of `segments`, with the page that each piece may
  /// lose to alignment.
  public static func memoryBytes(segments: Int) -> Int {
    Ring<P>.memoryBytes(segments: segments) + UsedSet<P>.pagesMemoryBytes
      + UsedSet<P>.deltaMemoryBytes + TrustDocument<P>.memoryBytes + TrustDocument<P>.scratchBytes
      + RevokedStore<P>.memoryBytes + Limits.shardBytesMax
      + TrustSlots<P>.memoryBytes + Uplink<P>.memoryBytes + RingCursor.memoryBytes + healthBytes
      + ContactPlan.memoryBytes
      + 16 * Limits.pageBytes
  }

  static var healthBytes: Int { 4096 }

  public let settings: Settings
  public internal(set) var ring: Ring<P>
  public internal(set) var used: UsedSet<P>
  public internal(set) var trust: TrustDocument<P>
  public internal(set) var counters = Counters()
  public internal(set) var link: Link
  public internal(set) var plan: ContactPlan
  public internal(set) var revoked: RevokedStore<P>
  var slots: TrustSlots<P>
  var uplink: Uplink<P>
  var pending = PendingVerdicts()
  var settling = Settling()
  /// What a new used-set is made of when the ring is durable; nil if none is to be made.
  var newUsedSet: UsedSetSeed?
  /// The slot that the trust document was read from; nil if it was the operator's file.
  var trustSlot: Int?
  /// Admissions up to here have been replayed.
  var replayed: UInt64 = 0
  /// From the first to the last of the admissions that the replay did not find; empty if there is none.
  var hole: Range<UInt64> = 0..<0
  /// For receipts' hashes and for the replay at start.
  var probe: RingCursor
  var scratch: Memory
  /// For the shard that an increment changes.
  var shardSpace: Memory
  var health: Memory
  /// This device's enrolment, as the trust document has it.
  public internal(set) var epoch: UInt64 = 0
  /// Version of the trust document that is durable here.
  public internal(set) var trustVersion: UInt64 = 0
  public internal(set) var hasReplayed = false
  public internal(set) var clock = Clock()
  /// What the start has found to be past, Unix milliseconds, for the first look at the clock.
  var floor = Int64.min
  /// What a supervisor has allowed for the next ticket that is refused.
  var armed: ArmedOverride?
  /// What is due for the broker, in this order.
  var owesBirth = false
  var owesGreeting = false
  /// CLOCK_BOOTTIME of the next greeting that only asks, milliseconds.
  var greetingDue: Int64 = .max
  /// `counters.settlements` when a settlement was last asked for again.
  var askedAt: UInt64 = .max
  /// Shards that the last greeting asked for and that have not come.
  var shardsAwaited = 0
  /// Message ID of the last greeting of this connection; 0 before the first.
  var greetingID: Int32 = 0
  /// CLOCK_BOOTTIME at which receipts without a commit get one, milliseconds.
  var receiptsDue: Int64 = .max
  var flightOnOffer: Flight?
  var wasLow = false
  var hasToldFailure = false
  var hasToldUnlisted = false
  var isStopping = false
  /// CLOCK_BOOTTIME of the last scan, milliseconds.
  var lastScan: Int64 = 0

  /// How long receipts wait for company before they cost a commit of their own, milliseconds.
  static var receiptsWaitMilliseconds: Int64 { 500 }
  /// How long nobody must have been at the gate before a checkpoint that is not urgent begins: its
  /// flushes stand before those of the scans, milliseconds.
  static var quietMilliseconds: Int64 { 250 }
  /// How often a device asks for news while a window is open, milliseconds.
  static var greetingMilliseconds: Int64 { 60_000 }
  /// How soon it asks again after nobody was there to hear it, milliseconds.
  static var unheardMilliseconds: Int64 { 2_000 }
  /// How soon it asks again after a settlement that came too early, milliseconds.
  static var askAgainMilliseconds: Int64 { 500 }

  /// - Parameters:
  ///   - arena: gives `memoryBytes(segments:)`, zeroed.
  ///   - segments: of the ring file.
  ///   - seed: random, for jitter.
  public init(settings: Settings, segments: Int, seed: UInt64, arena: inout Arena) {
    self.settings = settings
    ring = Ring(memory: arena.take(Ring<P>.memoryBytes(segments: segments)), segments: segments)
    used = UsedSet(
      pages: arena.take(UsedSet<P>.pagesMemoryBytes),
      delta: arena.take(UsedSet<P>.deltaMemoryBytes))
    trust = TrustDocument(memory: arena.take(TrustDocument<P>.memoryBytes))
    revoked = RevokedStore(memory: arena.take(RevokedStore<P>.memoryBytes))
    shardSpace = arena.take(Limits.shardBytesMax)
    slots = TrustSlots(memory: arena.take(TrustSlots<P>.memoryBytes))
    uplink = Uplink(
      arena: &arena, node: settings.node, upstream: settings.upstream, boot: 0, key: settings.key)
    probe = RingCursor(memory: arena.take(RingCursor.memoryBytes))
    scratch = arena.take(TrustDocument<P>.scratchBytes)
    health = arena.take(Self.healthBytes)
    plan = ContactPlan(arena.take(ContactPlan.memoryBytes))
    link = Link(seed: seed)
  }

  /// Verdicts wait for a scan, and there is room for one more.
  public var canScan: Bool {
    guard hasReplayed, !pending.isFull else { return false }
    // What fills up while a dead disk takes nothing any more is no reason not to answer.
    if ring.state == .readOnly { return true }
    // A delta that is full waits for the checkpoint that empties it, if there will be one.
    return ring.pendingRecords < Limits.commitRecordsMax
      && (used.hasRoomForUse || used.failure != nil)
  }

  public var pendingVerdicts: Int { pending.count }

  /// Nothing waits for the disk: what is known is durable, or cannot become so.
  public var isAtRest: Bool {
    pending.count == 0 && !ring.isCommitting && !slots.isWriting
      && (!revoked.isOpen || revoked.isIdle || revoked.failure != nil)
      && (ring.state != .ready || !ring.hasUnsavedReceipts)
  }
  public var place: Place {
    Place(
      event: settings.event, zone: settings.zone, area: settings.area, isExit: settings.isExit,
      node: settings.node)
  }
  public var boot: UInt32 { ring.boot }
  /// Ledger height whose settlements this device has applied.
  public var settledHeight: UInt64 { settling.height }

  /// The time, as far as it is known.
  func instant(_ now: Now) -> Instant {
    var instant = clock.hasLooked ? clock.instant(now.elapsed) : now.instant
    instant.boot = ring.boot
    return instant
  }

  /// Looks at the system's clock: first thing in every step that is told the time.
  mutating func look(_ now: Now, into notices: inout Notices) {
    if floor > .min {
      clock.know(past: floor, elapsed: now.elapsed)
      floor = .min
    }
    switch clock.look(now) {
    case .behind(let distance):
      notices.append(Notice(.alarm, "clock_behind").with("milliseconds", distance))
    case .jumped(let step):
      notices.append(Notice(.alarm, "clock_jumped").with("milliseconds", step))
    case .set: notices.append(Notice(.info, "clock_set"))
    case nil: break
    }
  }

  /// The next instant of CLOCK_BOOTTIME at which `time` has something to do, milliseconds; nil while
  /// only events can change anything.
  public func deadline(_ now: Now) -> Int64? {
    var next = Int64.max
    if let due = link.deadline { next = min(next, due) }
    if plan.count > 0 {
      // Contacts are on the wall clock, which may be set: it is looked at at least once an hour.
      let time = instant(now).milliseconds
      let change = plan.nextChange(settings.node, to: settings.upstream, after: time) ?? .max
      next = min(next, now.elapsed + min(max(change.subtractingClamped(time), 0), 3_600_000))
    }
    if link.isUp {
      if let due = uplink.window.deadline { next = min(next, due) }
      // One that is due already waits for room at the broker, which is an event.
      if !owesGreeting { next = min(next, greetingDue) }
    }
    if ring.state == .ready && !ring.isCommitting { next = min(next, receiptsDue) }
    if used.needsCheckpoint { next = min(next, lastScan + Self.quietMilliseconds) }
    return next == .max ? nil : next
  }
}

/// What makes a used-set this device's own.
struct UsedSetSeed: Sendable {
  var identity: Bytes<16>
  var key: Bytes<32>
}
