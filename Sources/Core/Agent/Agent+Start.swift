// How an agent starts: trust, then ring and used-set, then the replay of what the used-set's last
// checkpoint does not cover.

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
      let document = slots.document(in: slots.slot(byAge: age), disk: &disk)
      if document.count == 0 { continue }
      do throws(TrustError) {
        _ = try Self.load(document, anchor: .named, into: &trust, scratch: &scratch)
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
  /// - Parameter random: never used before.
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
      guard covered?.sequence ?? 0 == 0 else { throw .ringLost }
      ring.create(
        identity: Bytes(random.span.extracting(0..<16)), node: settings.node, epoch: epoch,
        nonce: random.span.uint64(at: 56), into: &actions)
    } else {
      guard ring.header.node == settings.node else { throw .foreignRing }
      guard ring.header.epoch == epoch else { throw .enrolledAnew }
    }
    if covered == nil {
      guard ring.nextSequence(.admissions) == 1 else { throw .usedSetLost }
      used.create(
        tickets: settings.usedTickets, identity: Bytes(random.span.extracting(16..<32)),
        key: P.hash(random.span), epoch: epoch, into: &actions)
    }
    settling = Settling(height: covered?.height ?? 0)
    uplink.started(boot: ring.boot)
    return report
  }

  /// Ring and used-set are durable as they were found.
  public var isOpen: Bool { ring.state == .ready && used.isIdle }

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

  /// Brings the uses that the used-set's checkpoint does not cover back from the ring.
  /// - Precondition: `isOpen`.
  /// - Complexity: the records since the last checkpoint, at most `Limits.usedDeltaMax`.
  public mutating func replay<D: Disk & ~Copyable>(_ disk: inout D) throws(StartError) {
    precondition(isOpen, "ring and used-set are not open")
    probe.seek(.admissions, used.coveredSequence + 1)
    do throws(RingError) {
      while try probe.next(in: ring, &disk) { try replayRecord() }
    } catch {
      if case .disk(let error) = error { throw .disk(error) }
      throw .ringDamaged
    }
    uplink.rewind(to: ring)
    ring.setReplayFloor(used.coveredSequence)
    hasReplayed = true
  }

  private mutating func replayRecord() throws(RingError) {
    let record: ScanRecord
    do throws(WireError) {
      record = try ScanRecord(parsing: probe.record)
    } catch {
      throw .corrupt
    }
    floor = max(floor, record.instant.milliseconds)
    guard let subject = record.subject, record.use > 0 else { return }
    do throws(UsedSetError) {
      try used.recordUse(subject, ordinal: record.use)
    } catch {
      throw .full
    }
  }
}
