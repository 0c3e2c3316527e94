// What comes down: receipts, settlements and trust documents. Each is believed for its signatures,
// never for the way by which it came.

import Bundles
import Gates
import Limits
import Receipts
import Records
import Rings
import Sync
import Trust
public import Wire

extension Agent {
  /// A bundle has come from the broker.
  public mutating func received<D: Disk & ~Copyable>(
    _ bundle: Span<UInt8>, now: Now, disk: inout D, into actions: inout Actions
  ) {
    look(now, into: &actions.notices)
    counters.bundlesReceived += 1
    do throws(ReceivedMessage.Problem) {
      let message = try ReceivedMessage(
        parsing: bundle, node: settings.node, now: instant(now).milliseconds, with: P.self)
      let body = bundle.extracting(message.body)
      switch message.kind {
      case .receipt: receipt(body, now: now, disk: &disk, into: &actions)
      case .settlement: settlement(body, now: now, into: &actions)
      case .trust: trustDocument(body, now: now, into: &actions)
      case .shard: shard(body, now: now, into: &actions)
      case .increment: increment(body, now: now, disk: &disk, into: &actions)
      case .batch: counters.bundlesRefused += 1
      }
    } catch {
      counters.bundlesRefused += 1
      actions.notices.append(Notice(.warning, "bundle_refused"))
    }
    tend(now, disk: &disk, into: &actions)
  }

  private var validators: ValidatorSet {
    var set = ValidatorSet()
    for i in 0..<trust.validatorCount {
      let validator = trust.validator(at: i)
      // The document is sorted and bounded as the set is.
      try? set.append(Receipts.Validator(node: validator.node, key: validator.key))
    }
    return set
  }

  /// - Returns: the leaf's place, and the block's time in Unix milliseconds: its proposer's clock,
  ///   which a quorum has signed.
  private mutating func proof(
    _ body: Span<UInt8>, into notices: inout Notices
  ) -> (leaf: Range<Int>, time: Int64)? {
    do throws(ProofError) {
      let proof = try Proof(parsing: body)
      _ = try proof.verify(by: validators, with: P.self)
      return (proof.leaf, proof.header.time)
    } catch {
      counters.proofsRefused += 1
      notices.append(Notice(.warning, "proof_refused"))
      return nil
    }
  }

  // MARK: Receipts

  private mutating func receipt<D: Disk & ~Copyable>(
    _ body: Span<UInt8>, now: Now, disk: inout D, into actions: inout Actions
  ) {
    guard let (range, time) = proof(body, into: &actions.notices) else { return }
    clock.know(past: time, elapsed: now.elapsed)
    do throws(WireError) {
      let leaf = try ReceiptLeaf(parsing: body.extracting(range))
      guard leaf.node == settings.node, leaf.epoch == epoch else {
        counters.receiptsForeign += 1
        actions.notices.append(Notice(.warning, "receipt_foreign"))
        return
      }
      counters.receipts += 1
      var isNew = false
      for i in 0..<leaf.count {
        let entry = leaf[i]
        guard entry.through > ring.acknowledgedThrough(entry.recordClass) else { continue }
        isNew = true
        if let sent = uplink.window.firstSent(
          class: entry.recordClass.index, sequence: entry.through)
        {
          clock.upstream(time: time, sent: sent, received: now.elapsed)
        }
        release(entry, disk: &disk, into: &actions.notices)
      }
      if !isNew { counters.receiptsRepeated += 1 }
    } catch {
      counters.proofsRefused += 1
    }
  }

  /// Releases a range if the receipt's hash is the hash that this device itself holds.
  private mutating func release<D: Disk & ~Copyable>(
    _ entry: ReceiptLeaf.Entry, disk: inout D, into notices: inout Notices
  ) {
    guard let own = ownHash(entry.recordClass, entry.through, disk: &disk), own == entry.hash else {
      counters.receiptsMismatched += 1
      notices.append(
        Notice(.alarm, "receipt_mismatch").with("class", Int64(entry.recordClass.rawValue))
          .with("through", entry.through))
      return
    }
    ring.acknowledge(entry.recordClass, through: entry.through)
    uplink.receipted(entry.recordClass, through: entry.through)
  }

  private mutating func ownHash<D: Disk & ~Copyable>(
    _ recordClass: RecordClass, _ sequence: UInt64, disk: inout D
  ) -> Hash? {
    guard sequence <= ring.durableThrough(recordClass) else { return nil }
    if let hash = uplink.window.hash(class: recordClass.index, sequence: sequence) { return hash }
    probe.seek(recordClass, sequence)
    do throws(RingError) {
      guard try probe.next(in: ring, &disk), probe.sequence == sequence else { return nil }
      return probe.hash
    } catch {
      return nil
    }
  }

  // MARK: Settlements

  private mutating func settlement(
    _ body: Span<UInt8>, now: Now, into actions: inout Actions
  ) {
    guard let (range, time) = proof(body, into: &actions.notices) else { return }
    clock.know(past: time, elapsed: now.elapsed)
    do throws(WireError) {
      let leaf = try SettlementLeaf(parsing: body.extracting(range))
      switch settling.judge(leaf.part) {
      case .old: counters.settlementsRepeated += 1
      case .early: askAgain(now)
      case .next:
        guard apply(leaf) else { return askAgain(now) }
        settling.applied(leaf.part)
        counters.settlements += 1
        if settling.isBetweenHeights {
          actions.notices.append(
            Notice(.info, "settled").with("height", settling.height)
              .with("learned", counters.ticketsLearned))
        }
      }
    } catch {
      counters.proofsRefused += 1
    }
  }

  private mutating func askAgain(_ now: Now) {
    counters.settlementsDeferred += 1
    // Soon, but only once: what brought nothing forward will hardly do so half a second later.
    let isNew = counters.settlements != askedAt
    askedAt = counters.settlements
    let wait = isNew ? Self.askAgainMilliseconds : Self.greetingMilliseconds
    greetingDue = min(greetingDue, now.elapsed + wait)
  }

  /// The device's own uses count as well: those of an earlier enrolment may stand nowhere else.
  /// - Returns: false if the used-set has no room; what was applied may be applied again.
  private mutating func apply(_ leaf: borrowing SettlementLeaf) -> Bool {
    var entries = leaf.entries
    while let settled = entries.next() {
      let elsewhere = settled.usesElsewhere(than: settings.node)
      do throws(UsedSetError) {
        try used.applySettled(
          settled.identity, own: UInt16(clamping: settled.uses(at: settings.node)),
          elsewhere: UInt16(clamping: elsewhere))
        if elsewhere > 0 { counters.ticketsLearned += 1 }
      } catch {
        return false
      }
    }
    return true
  }

  // MARK: Trust

  private mutating func trustDocument(
    _ body: Span<UInt8>, now: Now, into actions: inout Actions
  ) {
    // The slots take one document at a time: this one is asked for again.
    guard !slots.isWriting else {
      counters.trustDeferred += 1
      greetingDue = min(greetingDue, now.elapsed + Self.askAgainMilliseconds)
      return
    }
    do throws(TrustError) {
      let change = try Self.load(
        body, anchor: .pinned(settings.authority), into: &trust, scratch: &scratch)
      // One whose write failed is written when it is offered again.
      guard change == .loaded || trustVersion < trust.version else { return }
      slots.store(trust.bytes, into: &actions.disk)
      guard change == .loaded else { return }
      counters.trustLoaded += 1
      actions.notices.append(Notice(.info, "trust_loaded").with("version", trust.version))
    } catch {
      counters.trustRefused += 1
      actions.notices.append(Notice(.warning, "trust_refused"))
      return
    }
    let device = trust.device(settings.node)
    if device == nil || device?.status != .active || device?.epoch != epoch {
      actions.notices.append(Notice(.alarm, "not_enrolled"))
    }
  }
}
