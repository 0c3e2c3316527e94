// `report`: what is in the ledger, computed from the block log itself. Read-only: it may run beside a
// validator, and sees the blocks that were complete when it looked.

import Foundation
import Ledger
import Records
import Seal
import Wire

struct Report {
  let isJSON: Bool
  private var duplicates: [DuplicateRow] = []
  private var evidence: [EvidenceRow] = []

  private static let reasons = (0..<UInt8(Reason.count)).compactMap { Reason(rawValue: $0) }

  init(isJSON: Bool) { self.isJSON = isJSON }

  static func run(_ configuration: Configuration, isJSON: Bool) throws(Failure) {
    var report = Report(isJSON: isJSON)
    var ledger = LedgerFolder.emptyLedger(configuration)
    try LedgerFolder.replay(configuration, into: &ledger) { effects in
      report.duplicates += effects.duplicates
      report.evidence += effects.evidence
    }
    try report.write(ledger)
  }

  private func write(_ ledger: borrowing Ledger<Sodium>) throws(Failure) {
    var output = Output()
    let devices = ledger.deviceRows
    for device in devices { try output.put(isJSON ? json(device).line : text(device)) }
    for row in duplicates { try output.put(isJSON ? json(row).line : text(row)) }
    for row in evidence { try output.put(isJSON ? json(row).line : text(row)) }
    let totals = json(
      devices, tickets: ledger.ticketCount, height: ledger.durableHeight)
    try output.put(isJSON ? totals.line : text(devices, tickets: ledger.ticketCount))
    try output.finish()
  }

  // MARK: Devices

  private func json(_ row: DeviceRow) -> JSONObject {
    var object = JSONObject()
    object.put("device", row.device.node)
    object.put("epoch", hex(row.device.epoch))
    object.put("quarantined", row.isQuarantined)
    object.put("scans", row.totals.scans)
    object.put("admitted", row.totals.admitted)
    object.put("refused", row.totals.refused)
    object.put("causal", row.totals.causal)
    object.put("concurrent", row.totals.concurrent)
    object.put("gaps", row.totals.gaps)
    object.put("reasons", reasons(row.totals))
    var through = JSONObject()
    for number in [3, 2, 1, 0] { through.put("\(number)", row.through[number]) }
    object.put("through", through)
    return object
  }

  private func reasons(_ totals: Totals) -> JSONObject {
    var object = JSONObject()
    for reason in Self.reasons where totals.reasons[Int(reason.rawValue)] > 0 {
      object.put("\(reason.name)", totals.reasons[Int(reason.rawValue)])
    }
    return object
  }

  private func text(_ row: DeviceRow) -> String {
    var line = "device \(row.device.node): \(row.totals.scans) scans,"
    line += " \(row.totals.admitted) admitted, \(row.totals.refused) refused"
    let refused = Self.reasons.filter {
      $0 != .valid && row.totals.reasons[Int($0.rawValue)] > 0
    }
    if !refused.isEmpty {
      let counts = refused.map { "\($0.name) \(row.totals.reasons[Int($0.rawValue)])" }
      line += " (\(counts.joined(separator: ", ")))"
    }
    if row.totals.duplicates > 0 {
      line += "; \(row.totals.duplicates) duplicates: \(row.totals.concurrent) concurrent,"
      line += " \(row.totals.causal) causal"
    }
    if row.totals.gaps > 0 { line += "; \(row.totals.gaps) gaps" }
    if row.isQuarantined { line += "; QUARANTINED, enrol it anew with another epoch" }
    return line
  }

  // MARK: Duplicates and evidence

  private func json(_ row: DuplicateRow) -> JSONObject {
    var object = JSONObject()
    object.put("duplicate", hex(row.ticket.identity.span))
    object.put("kind", row.isCausal ? "causal" : "concurrent")
    object.put("first", json(row.final))
    object.put("second", json(row.duplicate))
    return object
  }

  private func json(_ use: UseRow) -> JSONObject {
    var object = JSONObject()
    object.put("device", use.device.node)
    object.put("epoch", hex(use.device.epoch))
    object.put("class", use.recordClass.rawValue)
    object.put("sequence", use.sequence)
    object.put("time_ms", use.time)
    object.put("height", use.height)
    return object
  }

  private func text(_ row: DuplicateRow) -> String {
    "duplicate \(hex(row.ticket.identity.span)): gate \(row.final.device.node) at"
      + " \(Self.date(row.final.time)), then gate \(row.duplicate.device.node) at"
      + " \(Self.date(row.duplicate.time)): "
      + (row.isCausal ? "causal, the gate could have known" : "concurrent, neither could know")
  }

  private func json(_ row: EvidenceRow) -> JSONObject {
    var object = JSONObject()
    object.put("evidence", row.device.node)
    object.put("epoch", hex(row.device.epoch))
    object.put("class", row.recordClass.rawValue)
    object.put("sequence", row.sequence)
    object.put("known_height", row.known.height)
    object.put("known_index", row.known.index)
    object.put("height", row.contradicting.height)
    object.put("index", row.contradicting.index)
    return object
  }

  private func text(_ row: EvidenceRow) -> String {
    "evidence against device \(row.device.node): record \(row.sequence) of class"
      + " \(row.recordClass.rawValue) in block \(row.known.height) and otherwise in block"
      + " \(row.contradicting.height): a clone or a rollback"
  }

  // MARK: Totals

  private func json(_ devices: [DeviceRow], tickets: Int, height: UInt64) -> JSONObject {
    var object = JSONObject()
    object.put("scans", devices.reduce(0) { $0 + $1.totals.scans })
    object.put("admitted", devices.reduce(0) { $0 + $1.totals.admitted })
    object.put("refused", devices.reduce(0) { $0 + $1.totals.refused })
    object.put("duplicates", duplicates.count)
    object.put("concurrent", duplicates.count { !$0.isCausal })
    object.put("causal", duplicates.count { $0.isCausal })
    object.put("consumed_tickets", tickets)
    object.put("devices", devices.count)
    object.put("quarantined", devices.count { $0.isQuarantined })
    object.put("evidence", evidence.count)
    object.put("gaps", devices.reduce(0) { $0 + $1.totals.gaps })
    object.put("height", height)
    return object
  }

  private func text(_ devices: [DeviceRow], tickets: Int) -> String {
    let scans = devices.reduce(0) { $0 + $1.totals.scans }
    let admitted = devices.reduce(0) { $0 + $1.totals.admitted }
    return "total: \(scans) scans, \(admitted) admitted, \(scans - admitted) refused,"
      + " \(duplicates.count) duplicates, \(tickets) tickets consumed, \(devices.count) devices"
  }

  /// RFC 3339, UTC, to the second.
  private static func date(_ milliseconds: Int64) -> String {
    ISO8601DateFormatter().string(
      from: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
  }
}
