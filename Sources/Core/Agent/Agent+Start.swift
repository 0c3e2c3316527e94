// How an agent starts: trust, then ring and used-set, then the replay of what the used-set's last
// checkpoint does not cover.
// Invariants: what is told upward or relied on has been written again and flushed before the replay,
// as a read may show what only the kernel's cache holds; a used-set's header names this enrolment
// only when its ring is durable, and before the first admission.

import Gates
import Records
public import Rings
import Sync
public import Trust
public import Wire

/// What a start found, for the log.
public struct StartReport: Sendable {
  public var isNew = false
  /// What the ring held; nil if it is new.
  public var ring: RecoveryReport?
}

extension Agent {
  /// Takes the newest document of the slots, and the one that the operator provided if that is
  /// newer. What stands in a slot was vouched for when it was written, perhaps through a chain of
  /// authorities since: it counts for its own signature, and what is provided must be signed by an
  /// authority that it names. Without a slot, by the pinned one.
  /// - Returns: whether the provided document was taken, or is the one that is loaded.
  /// - Throws: `TrustError` of the provided document if there is no other.
  public mutating func loadTrust<D: Disk & ~Copyable>(
    _ provided: Span<UInt8>, disk: inout D
  ) throws(TrustError) -> Bool {
    slots.recover(&disk)
    for age in 0..<2 where !trust.isLoaded {
      let slot = slots.slot(byAge: age)
      let document = slots.document(in: slot, disk: &disk)
      if document.count == 0 { continue }
      do throws(TrustError) {
        _ = try Self.load(document, anchor: .named, into: &trust, scratch: &scratch)
        trustSlot = slot
      } catch {
        continue
      }
    }
    var isTaken = true
    do throws(TrustError) {
      _ = try Self.load(
        provided, anchor: .pinned(settings.authority), into: &trust, scratch: &scratch)
    } catch {
      guard trust.isLoaded else { throw error }
      isTaken = false
    }
    trustVersion = trust.version
    let issued = Int64(clamping: trust.head.issued ?? 0)
    floor = max(floor, issued < Int64.max / 1000 ? issued * 1000 : 0)
    return isTaken
  }

  static func load(
    _ document: Span<UInt8>, anchor: TrustAnchor, into trust: inout TrustDocument<P>,
    scratch: inout Memory
  ) throws(TrustError) -> TrustChange {
    var space = scratch.mutableSpan
    return try trust.load(document, anchor: anchor, scratch: &space)
  }

  /// Opens ring and used-set, or makes new ones. Then the agent waits for `flushed` until
  /// `isOpen`, and then `replay` is called.
  /// - Parameters:
  ///   - random: never used before.
  ///   - actions: room for 19.
  public mutating func open<D: Disk & ~Copyable>(
    _ disk: inout D, random: Bytes<64>, into actions: inout DiskActions
  ) throws(StartError) -> StartReport {
    guard let device = trust.device(settings.node), device.status == .active,
      equal(device.key.span, settings.key.span.extracting(32..<64))
    else { throw .notEnrolled }
    epoch = device.epoch
    let covered = try openUsed(&disk, into: &actions)
    var report = StartReport()
    report.ring = try openRing(&disk, random, into: &actions)
    report.isNew = report.ring == nil
    if report.isNew {
      guard covered == nil || used.namesOtherEpoch else { throw .ringLost }
      ring.create(
        identity: Bytes(random.span.extracting(0..<16)), node: settings.node, epoch: epoch,
        nonce: random.span.uint64(at: 56), into: &actions)
    } else {
      guard ring.header.node == settings.node else { throw .foreignRing }
      guard ring.header.epoch == epoch else { throw .enrolledAnew }
    }
    if let covered {
      // The checkpoint waited for the ring: one that ends before it is an older one.
      guard covered.sequence < ring.nextSequence(.admissions) else { throw .ringLost }
    } else {
      guard ring.nextSequence(.admissions) == 1 else { throw .usedSetLost }
      newUsedSet = UsedSetSeed(
        identity: Bytes(random.span.extracting(16..<32)), key: P.hash(random.span))
    }
    if let slot = trustSlot { slots.rewrite(slot, disk: &disk, into: &actions) }
    if settings.revokedTickets > 0 {
      do throws(DiskError) {
        try revoked.recover(
          tickets: settings.revokedTickets, trust: trust, disk: &disk, into: &actions)
      } catch {
        throw .disk(error)
      }
    }
    settling = Settling(height: covered?.height ?? 0)
    uplink.started(boot: ring.boot)
    return report
  }

  /// Makes the used-set, if one is to be made, once the ring is durable.
  mutating func createUsedSet(into actions: inout DiskActions) {
    guard ring.state == .ready, let seed = newUsedSet else { return }
    newUsedSet = nil
    used.create(
      tickets: settings.usedTickets, identity: seed.identity, key: seed.key, epoch: epoch,
      into: &actions)
  }

  /// Whether ring, used-set and trust are durable as they were found.
  /// - Throws: why they never will be.
  public func isOpen() throws(StartError) -> Bool {
    if ring.state == .readOnly { throw .ringReadOnly }
    switch used.failure {
    case nil: return ring.state == .ready && used.isIdle && !slots.isWriting
    case .full: throw .usedSetFull
    case .disk(let error): throw .disk(error)
    default: throw .usedSetDamaged
    }
  }

  private mutating func openUsed<D: Disk & ~Copyable>(
    _ disk: inout D, into actions: inout DiskActions
  ) throws(StartError) -> UsedSetCoverage? {
    do throws(UsedSetError) {
      return try used.recover(epoch: epoch, disk: &disk, into: &actions)
    } catch {
      switch error {
      case .notCreated: return nil
      case .disk(let error): throw .disk(error)
      default: throw .usedSetDamaged
      }
    }
  }

  /// - Returns: nil if the file is blank.
  private mutating func openRing<D: Disk & ~Copyable>(
    _ disk: inout D, _ random: Bytes<64>, into actions: inout DiskActions
  ) throws(StartError) -> RecoveryReport? {
    do throws(RingError) {
      return try ring.recover(&disk, nonce: random.span.uint64(at: 48), into: &actions)
    } catch {
      switch error {
      case .blank: return nil
      case .disk(let error): throw .disk(error)
      default: throw .ringDamaged
      }
    }
  }

  /// Brings the uses that the used-set's checkpoint does not cover back from the ring. Records that
  /// the ring has lost are stepped over, with an alarm; see `mayHaveForgotten`.
  /// - Parameter actions: room for 66.
  /// - Returns: whether that was all. If not, a checkpoint is on its way: report `flushed` until
  ///   `isOpen`, and call this again.
  /// - Precondition: `isOpen`.
  /// - Complexity: the records since the last checkpoint, usually at most `Limits.usedDeltaMax`.
  public mutating func replay<D: Disk & ~Copyable>(
    _ disk: inout D, into actions: inout Actions
  ) throws(StartError) -> Bool {
    precondition(ring.state == .ready && used.isIdle, "ring and used-set are not open")
    replayed = max(replayed, used.coveredSequence)
    // A header of this enrolment comes before its first use.
    let isDone = used.namesOtherEpoch ? false : try restoreUses(&disk)
    guard isDone else {
      used.startCheckpoint(throughSequence: coverable(replayed), height: settling.height)
      used.advance(
        durableThrough: ring.durableThrough(.admissions), disk: &disk, into: &actions.disk)
      return false
    }
    if !hole.isEmpty {
      actions.notices.append(
        Notice(.alarm, "uses_lost").with("first", hole.lowerBound)
          .with("last", hole.upperBound - 1).with("records", counters.usesLost))
    }
    uplink.replayed(ring)
    ring.setReplayFloor(used.coveredSequence)
    hasReplayed = true
    return true
  }

  /// - Returns: false if the delta is full before the end.
  private mutating func restoreUses<D: Disk & ~Copyable>(
    _ disk: inout D
  ) throws(StartError) -> Bool {
    probe.seek(.admissions, replayed + 1)
    while true {
      do throws(RingError) {
        guard try probe.next(in: ring, &disk) else { return true }
        try restoreUse()
        replayed = probe.sequence
      } catch {
        switch error {
        case .full: return false
        case .corrupt:
          let missing = probe.missing
          hole = (hole.isEmpty ? missing.lowerBound : hole.lowerBound)..<missing.upperBound
          counters.usesLost += missing.upperBound - missing.lowerBound
          replayed = missing.upperBound - 1
        case .disk(let error): throw .disk(error)
        default: throw .ringDamaged
        }
      }
    }
  }

  /// - Throws: `full` if the delta is; `damaged` if the record is none of a scan.
  private mutating func restoreUse() throws(RingError) {
    let record: ScanRecord
    do throws(WireError) {
      record = try ScanRecord(parsing: probe.record)
    } catch {
      throw .damaged
    }
    floor = max(floor, record.instant.earliestMilliseconds)
    guard let subject = record.subject, record.reason == .valid else { return }
    let passage =
      record.passage.map { Passage(rawValue: $0) }
      ?? Passage.plain(record.operation, at: record.instant.seconds)
    guard let passage else { return }
    do throws(UsedSetError) {
      if let override = record.override {
        try used.recordUse(override.identity, ordinal: override.use)
      }
      try used.recordUse(subject, ordinal: record.use, last: passage)
      // Last: a record that found no room is looked at again.
      used.count(passage)
    } catch {
      throw .full
    }
  }
}

extension Agent {
  /// Uses of this device are lost that nobody else has been told of, and the policy is not to admit
  /// where that cannot be recorded: whoever shows a ticket may have been let in before. It ends when
  /// the records are receipted, or with a new enrolment.
  var mayHaveForgotten: Bool {
    settings.onStorageError == .closed
      && ring.acknowledgedThrough(.admissions) + 1 < hole.upperBound
  }

  /// What a checkpoint may cover of the admissions up to `sequence`: while that matters, not the
  /// hole, so that the next start finds it again. Nothing is admitted meanwhile, so what the
  /// checkpoint holds beyond that is durable in the ring.
  func coverable(_ sequence: UInt64) -> UInt64 {
    mayHaveForgotten ? min(sequence, hole.lowerBound - 1) : sequence
  }
}

extension Instant {
  /// The earliest that it may mean; the time itself where that is a lower bound.
  var earliestMilliseconds: Int64 {
    uncertainty == .max ? milliseconds : milliseconds.subtractingClamped(Int64(uncertainty))
  }
}
