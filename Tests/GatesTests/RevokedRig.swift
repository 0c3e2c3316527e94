// A revoked store on a simulated disk, which can be closed at any time and opened again, and the
// authority that vouches for its shards.

import Gates
import Limits
import Seal
import Testing
import Trust
import Wire
import World

/// The lists of one shard, by number of the made-up ticket.
struct Shard: Equatable {
  var revoked: [TicketIdentity] = []
  var blocked: [TicketIdentity] = []

  func bytes(bits: Int, index: Int) -> [UInt8] {
    let numbers = [bits, index >> 8, index & 255, revoked.count >> 8, revoked.count & 255]
    let head = (numbers + [blocked.count >> 8, blocked.count & 255]).map { UInt8($0) }
    var bytes = head
    for list in [revoked, blocked] {
      for identity in list { for i in 0..<16 { bytes.append(identity.storage[i]) } }
    }
    return bytes
  }
}

/// An identity as a hash gives them: even over all shards.
func spread(_ number: Int) -> TicketIdentity {
  var random = Random(seed: UInt64(number))
  var bytes = [UInt8]()
  for _ in 0..<2 {
    let word = random.next()
    for i in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * i))) }
  }
  return TicketIdentity(bytes.span)
}

/// `identity`, moved to shard `index` of `bits`.
func moved(_ identity: TicketIdentity, to index: Int, bits: Int) -> TicketIdentity {
  var identity = identity
  let first = Int(identity.storage[0]) << 8 | Int(identity.storage[1])
  let new = first & (1 << (16 - bits) - 1) | index << (16 - bits)
  identity.storage[0] = UInt8(new >> 8)
  identity.storage[1] = UInt8(new & 255)
  return identity
}

final class RevokedRig {
  typealias Store = RevokedStore<Sodium>

  let tickets: Int
  private let memory: UnsafeMutablePointer<UInt8>
  private let trustMemory: UnsafeMutablePointer<UInt8>
  var disk: SimDisk
  var store: Store
  var trust: TrustDocument<Sodium>
  private var queue: [DiskAction] = []
  /// Actions that the disk has performed.
  private(set) var performed = 0

  init(tickets: Int, seed: UInt64 = 1) {
    self.tickets = tickets
    memory = .allocate(capacity: Store.memoryBytes)
    memory.initialize(repeating: 0, count: Store.memoryBytes)
    trustMemory = .allocate(capacity: TrustDocument<Sodium>.memoryBytes)
    trustMemory.initialize(repeating: 0, count: TrustDocument<Sodium>.memoryBytes)
    disk = SimDisk(seed: seed)
    disk.create(.revoked, bytes: Store.fileBytes(tickets: tickets))
    store = Store(memory: Memory(unsafe: memory, count: Store.memoryBytes))
    trust = TrustDocument(
      memory: Memory(unsafe: trustMemory, count: TrustDocument<Sodium>.memoryBytes))
  }

  deinit {
    memory.deallocate()
    trustMemory.deallocate()
  }

  /// A document of the next version with these shards; the store follows it if it can.
  func vouch(bits: Int, _ shards: [Shard]) throws {
    var payload = [UInt8](repeating: 0, count: Limits.trustBytesMax)
    var document = payload
    var space = payload.mutableSpan
    let head = TrustHead(version: trust.version + 1, network: BoundedBytes("test"))
    var writer = try TrustWriter(space.whole(), head: head, hasManifest: true)
    let authority = secretKey(200)
    try writer.authorities(1)
    try writer.authority(Sodium.publicKey(of: authority))
    try writer.issuers(0)
    try writer.pretixKeys(0)
    try writer.revoked(0)
    try writer.blocked(0)
    try writer.devices(0)
    try writer.validators(0)
    try writer.manifest(RevocationManifest(bits: bits))
    for (index, shard) in shards.enumerated() {
      try writer.shard(
        RevocationShard.hash(shard.bytes(bits: bits, index: index).span, with: Sodium.self))
    }
    var scratch = [UInt8](repeating: 0, count: TrustDocument<Sodium>.scratchBytes)
    var scratchSpace = scratch.mutableSpan
    var documentSpace = document.mutableSpan
    let count = try writer.finish(
      key: authority, with: Sodium.self, scratch: &scratchSpace, into: &documentSpace)
    let signed = document.span.extracting(first: count)
    _ = try trust.load(signed, anchor: .named, scratch: &scratchSpace)
  }

  func open() throws {
    var actions = DiskActions()
    try store.recover(tickets: tickets, trust: trust, disk: &disk, into: &actions)
    submit(actions)
  }

  /// A new process over the same disk.
  func reopen() throws {
    queue.removeAll()
    memory.update(repeating: 0, count: Store.memoryBytes)
    store = Store(memory: Memory(unsafe: memory, count: Store.memoryBytes))
    try open()
  }

  func cutPower() { disk.crash() }

  @discardableResult
  func put(_ shard: Shard, bits: Int, index: Int) throws -> RevokedPut {
    try put(shard.bytes(bits: bits, index: index))
  }

  func put(_ bytes: [UInt8]) throws -> RevokedPut {
    var actions = DiskActions()
    let result = try store.put(RevocationShard(parsing: bytes.span), trust: trust, into: &actions)
    submit(actions)
    return result
  }

  private func submit(_ actions: borrowing DiskActions) {
    for i in 0..<actions.count { queue.append(actions[i]) }
  }

  var isBusy: Bool { !queue.isEmpty }

  /// Lets the disk do one thing, and the store hear of it.
  func step() {
    performed += 1
    guard let result = disk.perform(queue.removeFirst()) else { return }
    var actions = DiskActions()
    switch result {
    case .success: store.flushed(nil, into: &actions)
    case .failure(let error): store.flushed(error, into: &actions)
    }
    submit(actions)
  }

  func settle() { while isBusy { step() } }

  func find(_ identity: TicketIdentity) -> RevocationAnswer {
    store.find(identity, trust: trust, disk: &disk)
  }

  /// The bytes of the shard that is held, whatever its age.
  func held(_ index: Int) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: Limits.shardBytesMax)
    var space = output.mutableSpan
    guard let (_, count) = store.shard(index, disk: &disk, into: &space) else { return nil }
    return Array(output.prefix(count))
  }

  var counters: RevokedStoreCounters { store.counters }
  var failure: DiskError? { store.failure }
  func isCurrent(_ index: Int) -> Bool { store.isCurrent(index, of: trust) }
  var currentCount: Int { store.currentCount(of: trust) }
  func missing(from index: Int) -> (index: Int, held: ShardHash?)? {
    store.missing(from: index, of: trust)
  }
  func follow() -> Bool { store.follow(trust) }
}
