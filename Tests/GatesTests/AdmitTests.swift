// Entries, and what was used here and elsewhere.

import Gates
import Limits
import Records
import Seal
import Testing
import Trust
import Wire

@Suite struct AdmitTests {
  init() throws { try Sodium.start() }

  @Test func `entries count down to used`() throws {
    let box = try Box()
    let code = try mint(claims(entries: 3))
    for use in 1...3 {
      let verdict = try box.admit(code)
      #expect(verdict.reason == .valid)
      #expect(verdict.use == UInt16(use))
    }
    let verdict = try box.admit(code)
    #expect(verdict.reason == .used)
    #expect(verdict.use == 0)
    #expect(verdict.identity == ticketIdentity(claims()))
  }

  @Test func `entries count down across a checkpoint and a restart`() throws {
    let box = try Box()
    let code = try mint(claims(entries: 2))
    #expect(try box.admit(code).use == 1)
    box.rig.checkpoint(throughSequence: 1, height: 0)
    box.rig.reopen()
    _ = try box.rig.recover()
    #expect(try box.admit(code).use == 2)
    #expect(try box.admit(code).reason == .used)
  }

  @Test func `uses of other gates count, and name the reason if there are no others`() throws {
    let box = try Box()
    let code = try mint(claims(entries: 2))
    try box.rig.used.applySettled(ticketIdentity(claims()), elsewhere: 1)
    #expect(try box.admit(code).use == 1)
    #expect(try box.admit(code).reason == .used)
    try box.rig.used.applySettled(ticketIdentity(claims(2)), elsewhere: 1)
    #expect(try box.admit(mint(claims(2))).reason == .usedElsewhere)
    try box.rig.used.applySettled(ticketIdentity(claims(3)), elsewhere: .max)
    #expect(try box.admit(mint(claims(3, entries: .max))).reason == .usedElsewhere)
  }

  @Test func `a ticket of the most entries can use them all`() throws {
    let box = try Box()
    let code = try mint(claims(entries: .max))
    try box.rig.used.recordUse(ticketIdentity(claims()), ordinal: .max - 1)
    #expect(try box.admit(code).use == .max)
    #expect(try box.admit(code).reason == .used)
  }

  @Test func `validity is tested before use`() throws {
    let box = try Box()
    let code = try mint(claims(entries: 1, until: UInt64(Box.noon)))
    try box.rig.used.recordUse(ticketIdentity(claims()), ordinal: 1)
    #expect(try box.admit(code).reason == .expired)
    #expect(try box.admit(mint(claims(zones: 2))).reason == .wrongZone)
  }

  @Test func `a used-set that cannot be read is storage_error unless memory knows better`() throws {
    let box = try Box()
    try box.rig.used.recordUse(ticketIdentity(claims(1)), ordinal: 1)
    box.rig.disk.failsReads = true
    #expect(try box.admit(mint(claims(1))).reason == .used)
    let verdict = try box.admit(mint(claims(2, entries: 2)))
    #expect(verdict.reason == .storageError)
    #expect(verdict.use == 1)
    #expect(try box.admit(mint(claims(1, entries: 2))).use == 2)
  }

  @Test func `a full delta is storage_error before the gate opens`() throws {
    let box = try Box()
    for i in 0..<Limits.usedDeltaMax { try box.rig.used.recordUse(identity(i), ordinal: 1) }
    #expect(try box.admit(mint(claims())).reason == .storageError)
  }
}

@Suite struct DebounceTests {
  /// Which of the readings are ignored.
  private func ignored(window: Int64, _ readings: [(text: String, elapsed: Int64)]) -> [Bool] {
    var debounce = Debounce(window: window)
    var ignored: [Bool] = []
    for reading in readings {
      let text = Array(reading.text.utf8)
      ignored.append(debounce.isRepetition(text.span, elapsed: reading.elapsed))
    }
    return ignored
  }

  @Test func `a window of 0 ignores nothing`() {
    #expect(ignored(window: 0, [("A", 5), ("A", 5)]) == [false, false])
  }

  @Test func `a code that stays in view is one scan`() {
    let readings: [(String, Int64)] = [("A", 1000), ("A", 1099), ("A", 1198), ("A", 1298)]
    #expect(ignored(window: 100, readings) == [false, true, true, false])
  }

  @Test func `another code is new at once, and so is the first one after it`() {
    #expect(ignored(window: 100, [("A", 0), ("B", 1), ("A", 2)]) == [false, false, false])
  }

  @Test func `a code that is too long is never a repetition, nor the one before it`() {
    let long = String(repeating: "A", count: Limits.codeTextBytesMax + 1)
    let readings: [(String, Int64)] = [("A", 0), (long, 1), (long, 2), ("A", 3)]
    #expect(ignored(window: 100, readings) == [false, false, false, false])
  }
}
