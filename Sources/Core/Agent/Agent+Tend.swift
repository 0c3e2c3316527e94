// What the agent does of itself: commits, checkpoints, windows, and what the disk reports.

import Contacts
import Gates
import Limits
import Rings
import Sync
import Trust
public import Wire

extension Agent {
  /// Time has passed.
  public mutating func time<D: Disk & ~Copyable>(
    _ now: Now, disk: inout D, into actions: inout Actions
  ) {
    look(now, into: &actions.notices)
    step(.time, now: now, into: &actions)
    if link.isUp && uplink.window.isOverdue(now: now.elapsed) {
      if uplink.window.waitsForPUBACK {
        // The broker does not answer: the path is dead, whatever TCP still believes.
        actions.notices.append(
          Notice(.warning, "pubacks_overdue").with("bundles", Int64(uplink.window.count)))
        step(.lost, now: now, into: &actions)
      } else {
        actions.notices.append(
          Notice(.warning, "receipts_overdue").with("bundles", Int64(uplink.window.count)))
        uplink.rewind(to: ring, wasOverdue: true)
      }
    }
    if now.elapsed >= greetingDue { owesGreeting = true }
    tend(now, disk: &disk, into: &actions)
  }

  /// The writes of `file` are durable, or are not.
  public mutating func flushed<D: Disk & ~Copyable>(
    _ file: FileName, _ error: DiskError?, now: Now, disk: inout D, into actions: inout Actions
  ) {
    if let error {
      actions.notices.append(
        Notice(.alarm, "flush_failed").with("file", Int64(file.rawValue))
          .with("error", Int64(error.code)))
    }
    switch file {
    case .ring:
      let was = ring.state
      ring.flushed(error, into: &actions.disk)
      createUsedSet(into: &actions.disk)
      if ring.state == .readOnly && was != .readOnly {
        actions.notices.append(Notice(.alarm, "ring_read_only"))
      }
    case .used:
      used.flushed(error, disk: &disk, into: &actions.disk)
    case .trust:
      slots.flushed(error)
      if error == nil { trustVersion = trust.version }
      followManifest(now)
    case .revoked:
      revoked.flushed(error, into: &actions.disk)
      followManifest(now)
    }
    tend(now, disk: &disk, into: &actions)
  }

  /// The agent is about to stop: receipts do not wait for company any more. Then `isAtRest`.
  public mutating func stop<D: Disk & ~Copyable>(
    _ now: Now, disk: inout D, into actions: inout Actions
  ) {
    isStopping = true
    tend(now, disk: &disk, into: &actions)
  }

  /// Starts what is due: after every event.
  mutating func tend<D: Disk & ~Copyable>(
    _ now: Now, disk: inout D, into actions: inout Actions
  ) {
    guard hasReplayed else { return }
    checkpoint(now, disk: &disk, into: &actions)
    if !ring.hasUnsavedReceipts {
      receiptsDue = .max
    } else if receiptsDue == .max {
      receiptsDue = now.elapsed + Self.receiptsWaitMilliseconds
    }
    if ring.mayCommit && (ring.pendingRecords > 0 || now.elapsed >= receiptsDue || isStopping) {
      ring.commit(into: &actions.disk)
      receiptsDue = .max
    }
    warn(&actions.notices)
  }

  private mutating func checkpoint<D: Disk & ~Copyable>(
    _ now: Now, disk: inout D, into actions: inout Actions
  ) {
    if used.isIdle && (isCheckpointDue(now) || hasUnsavedSettlements || ringWantsSpace) {
      used.startCheckpoint(
        throughSequence: coverable(ring.nextSequence(.admissions) - 1), height: settling.height)
    }
    // The ring's commit must be durable before uses go to the table, so this asks every time.
    used.advance(
      durableThrough: ring.durableThrough(.admissions), disk: &disk, into: &actions.disk)
    ring.setReplayFloor(used.coveredSequence)
  }

  /// In a pause, or when the delta is three quarters full.
  private func isCheckpointDue(_ now: Now) -> Bool {
    guard used.needsCheckpoint else { return false }
    return now.elapsed - lastScan >= Self.quietMilliseconds
      || used.deltaCount >= Limits.usedDeltaMax / 4 * 3
  }

  private var hasUnsavedSettlements: Bool {
    settling.isBetweenHeights && settling.height > used.coveredHeight
  }

  /// Receipted admissions wait for a checkpoint, and half of what records may take is taken.
  private var ringWantsSpace: Bool {
    let kept = Ring<P>.keptSegments
    return ring.freeSegments - kept < (ring.segments - kept) / 2
      && coverable(ring.acknowledgedThrough(.admissions)) > used.coveredSequence
  }

  /// Alarms of what will end admissions, each once.
  private mutating func warn(_ notices: inout Notices) {
    if let failure = used.failure, !hasToldFailure {
      hasToldFailure = true
      notices.append(Notice(.alarm, failure == .full ? "used_set_full" : "used_set_failed"))
    }
    if let manifest = trust.manifest, !hasToldUnlisted, !revoked.fits(manifest) {
      hasToldUnlisted = true
      notices.append(
        Notice(.alarm, "revoked_store_too_small").with("shards", Int64(manifest.shardCount)))
    }
    // Of what refusals may take, a quarter is left.
    let reserved = ring.reservedSegments
    let isLow = ring.freeSegments - reserved < max(1, (ring.segments - reserved) / 4)
    if isLow && !wasLow {
      notices.append(
        Notice(.alarm, "ring_nearly_full").with("free_segments", Int64(ring.freeSegments))
          .with("segments", Int64(ring.segments)))
    }
    wasLow = isLow
  }
}

extension DiskError {
  /// For the log: 1 input/output, 2 no space, 3 short read, 4 read-only.
  var code: Int {
    switch self {
    case .inputOutput: 1
    case .noSpace: 2
    case .shortRead: 3
    case .readOnly: 4
    }
  }
}
