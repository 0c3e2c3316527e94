// What the world is held to: always, and when everything has healed.

import Agent
import Gates
import Ledger
import Limits
import Records
import Rings
import Sync
public import Wire

extension World {
  /// Nothing is acknowledged, let alone released, that the ledger does not hold durably.
  func checkReleases() {
    for post in posts {
      guard let site = post.gate else { continue }
      for index in 0..<Limits.ringClasses {
        let recordClass = RecordClass(index: index)
        let receipted = site.agent.ring.acknowledgedThrough(recordClass)
        guard receipted > 0 else { continue }
        let settled = through(post.node, recordClass)
        if receipted > settled {
          violation =
            "gate \(post.node) has a receipt for \(receipted) of class \(index), ledger \(settled)"
        }
        if site.agent.ring.releasedThrough(recordClass) > receipted {
          violation = "gate \(post.node) released beyond its receipts"
        }
      }
    }
  }

  private func through(_ node: UInt64, _ recordClass: RecordClass) -> UInt64 {
    for row in validator.ledger.deviceRows where row.device.node == node {
      return row.through[recordClass.index]
    }
    return 0
  }

  /// Nobody has anything left to say.
  var isQuiet: Bool {
    guard !validator.ledger.hasPending, !validator.ledger.isFlying else { return false }
    for post in posts {
      guard let site = post.gate, site.agent.isAtRest, site.queue.isEmpty, site.agent.link.isUp,
        site.agent.unreceipted == 0, site.agent.trustVersion == 2,
        site.agent.settledHeight == validator.ledger.settledHeight
      else { return false }
    }
    return true
  }

  var state: String {
    posts.map { post in
      guard let site = post.gate else { return "\(post.node) is off" }
      return "\(post.node): link \(site.agent.link.state), unreceipted \(site.agent.unreceipted),"
        + " settled \(site.agent.settledHeight) of \(validator.ledger.settledHeight),"
        + " trust \(site.agent.trustVersion), ring \(site.agent.ring.state)"
    }.joined(separator: "; ")
  }

  /// When all is told.
  func checkEnd() {
    guard violation == nil else { return }
    if validator.evidence > 0 { violation = "an honest gate was called a clone" }
    checkLedger()
    checkUses()
    for gate in posts.indices { checkVerdict(on: revokedText, at: gate, is: .revoked) }
  }

  /// What was admitted stands in the ledger once, and so does every record.
  private func checkLedger() {
    var records: Set<[UInt64]> = []
    var uses: [[UInt64]: Int] = [:]
    for row in validator.scans {
      let record = [row.device.node, UInt64(row.recordClass.rawValue), row.sequence]
      if !records.insert(record).inserted { violation = "record \(record) is settled twice" }
      guard row.reason == .valid, let ticket = row.ticket else { continue }
      uses[Self.use(row.device.node, ticket.identity, row.use), default: 0] += 1
    }
    for admitted in shown where admitted.reason == .valid {
      guard let ticket = admitted.ticket else { continue }
      if uses[Self.use(admitted.node, ticket, admitted.use)] != 1 {
        violation = "gate \(admitted.node) showed an admission that is not in the ledger once"
      }
    }
  }

  private static func use(
    _ node: UInt64, _ ticket: TicketIdentity, _ use: UInt16
  ) -> [UInt64] {
    [node, ticket.span.uint64(at: 0), ticket.span.uint64(at: 8), UInt64(use)]
  }

  /// Consumes beyond a ticket's entries are duplicates, and every gate knows what all have done.
  private func checkUses() {
    var duplicates = 0
    for number in texts.indices {
      let identity = organiser.identity(number)
      var consumed = [Int](repeating: 0, count: posts.count)
      for row in validator.scans where row.reason == .valid && row.ticket?.identity == identity {
        if let gate = posts.firstIndex(where: { $0.node == row.device.node }) {
          consumed[gate] += 1
        }
      }
      let total = consumed.reduce(0, +)
      duplicates += max(0, total - Int(entries[number]))
      for gate in posts.indices where total >= entries[number] {
        checkVerdict(on: texts[number], at: gate, is: consumed[gate] > 0 ? .used : .usedElsewhere)
      }
    }
    if duplicates != validator.duplicates.count {
      violation = "\(duplicates) duplicates, \(validator.duplicates.count) in the ledger"
    }
  }

  /// A ticket is shown once more, and is `expected`.
  private func checkVerdict(on text: [UInt8], at gate: Int, is expected: Reason) {
    guard let site = posts[gate].gate else { return }
    site.scan(text, now: now(gate))
    site.settle(now(gate))
    let reasons = site.takeVerdicts().map(\.reason)
    if reasons != [expected] {
      violation = "gate \(posts[gate].node) says \(reasons) and not \(expected)"
    }
  }

  /// H over all files of all gates.
  public func media() -> Hash {
    var hash = Hash()
    for post in posts {
      var disk = post.gate?.disk ?? post.disk
      for file in [FileName.ring, .used, .trust] {
        var bytes = [UInt8](repeating: 0, count: Int(disk.size(of: file)))
        var space = bytes.mutableSpan
        do throws(DiskError) {
          try disk.read(file, at: 0, into: &space)
        } catch {
          preconditionFailure("a file is shorter than its size")
        }
        hash = P.hash(hash.span, bytes.span)
      }
    }
    return hash
  }

  /// Admissions that were shown, tickets that were settled twice, power cuts: that it was not idle.
  public var summary: String {
    "seed \(seed): \(shown.count) shown, \(shown.filter { $0.reason == .valid }.count) admitted,"
      + " \(validator.duplicates.count) duplicates, \(validator.ledger.durableHeight) blocks,"
      + " \(powerCuts) power cuts, \(clock) ms"
  }
}
