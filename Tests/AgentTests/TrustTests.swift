// Trust documents over the air: only newer ones, only by those who may, and for good.

import Records
import Testing
import Wire
import World

@Suite struct TrustTests {
  private func offer(_ document: [UInt8], to desk: Desk) {
    desk.receive(Notary.bundle(.trust, body: document))
    desk.settle()
  }

  @Test func `a newer document is taken, counts at once, and survives a restart from its slot`()
    throws
  {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    offer(try Desk.document(version: 2, revoked: [organiser.identity(2)]), to: desk)
    #expect(desk.trustVersion == 2 && desk.counters.trustLoaded == 1)
    #expect(try desk.admit(2...2) == [.revoked])
    // The file that the operator gave is still the first one.
    try desk.restart()
    #expect(desk.trustVersion == 2)
    #expect(try desk.admit(2...2) == [.revoked])
  }

  @Test func `the version is told upward only when the document is durable`() throws {
    let desk = try Desk()
    desk.receive(Notary.bundle(.trust, body: try Desk.document(version: 2)))
    #expect(desk.trustVersion == 1)
    desk.settle()
    #expect(desk.trustVersion == 2)
  }

  @Test func `an older document is refused`() throws {
    let desk = try Desk(trust: Desk.document(version: 5))
    offer(try Desk.document(version: 4), to: desk)
    #expect(desk.trustVersion == 5 && desk.counters.trustRefused == 1)
    #expect(desk.gate.hasNoticed("trust_refused"))
  }

  @Test func `the same document again is nothing, another one of the same version is refused`()
    throws
  {
    let desk = try Desk()
    offer(try Desk.document(), to: desk)
    #expect(desk.counters.trustRefused == 0 && desk.counters.trustLoaded == 0)
    offer(try Desk.document(revoked: [organiser.identity(7)]), to: desk)
    #expect(desk.counters.trustRefused == 1)
    #expect(try desk.admit(7...7) == [.valid])
  }

  @Test func `a document by somebody whom nobody named is refused`() throws {
    let desk = try Desk()
    offer(try Desk.document(version: 2, signedBy: organiser.nextAuthority), to: desk)
    offer(try Desk.document(version: 2, signedBy: organiser.issuer), to: desk)
    offer([1, 2, 3], to: desk)
    #expect(desk.trustVersion == 1 && desk.counters.trustRefused == 3)
  }

  @Test
  func `after a rotation the slots hold only documents of the new authority, and still count`()
    throws
  {
    let desk = try Desk()
    let next = organiser.nextAuthority
    offer(try Desk.document(version: 2, successors: [next]), to: desk)
    offer(try Desk.document(version: 3, signedBy: next), to: desk)
    offer(
      try Desk.document(version: 4, revoked: [organiser.identity(1)], signedBy: next), to: desk)
    #expect(desk.trustVersion == 4)
    // Whose key was rotated away signs no more.
    offer(try Desk.document(version: 5), to: desk)
    #expect(desk.trustVersion == 4 && desk.counters.trustRefused == 1)
    try desk.restart()
    #expect(desk.trustVersion == 4)
    #expect(try desk.admit(1...1) == [.revoked])
    offer(try Desk.document(version: 5), to: desk)
    offer(try Desk.document(version: 6, signedBy: next), to: desk)
    #expect(desk.trustVersion == 6 && desk.counters.trustRefused == 1)
  }

  @Test func `power that goes while a document is written leaves the one before`() throws {
    let desk = try Desk()
    offer(try Desk.document(version: 2), to: desk)
    offer(try Desk.document(version: 3), to: desk)
    let long = try Desk.document(version: 4, revoked: (100..<200).map { organiser.identity($0) })
    desk.receive(Notary.bundle(.trust, body: long))
    // The write is in the cache, and its first sector reaches the media.
    var disk = desk.gate.disk
    for action in desk.gate.queue {
      if case .write = action { _ = disk.perform(action) }
    }
    disk.crash(.trust, survivors: 0b1)
    desk.gate.disk = disk
    try desk.restart()
    #expect(desk.trustVersion == 3)
    offer(long, to: desk)
    try desk.restart()
    #expect(desk.trustVersion == 4)
  }

  @Test
  func `a document that cannot be written counts until the power goes, and is not told upward`()
    throws
  {
    let desk = try Desk()
    desk.receive(
      Notary.bundle(
        .trust, body: try Desk.document(version: 2, revoked: [organiser.identity(1)])))
    desk.gate.disk.nextFlushError = .inputOutput
    desk.gate.perform(desk.now)
    #expect(desk.trustVersion == 1 && desk.gate.hasNoticed("flush_failed"))
    #expect(try desk.admit(1...1) == [.revoked])
    // It is offered again because of that, and written.
    offer(try Desk.document(version: 2, revoked: [organiser.identity(1)]), to: desk)
    #expect(desk.trustVersion == 2 && desk.counters.trustLoaded == 1)
    try desk.restart()
    #expect(desk.trustVersion == 2)
  }

  @Test func `the version is told upward only if the slot outlives a power cut`() throws {
    let desk = try Desk()
    offer(try Desk.document(version: 2), to: desk)
    desk.receive(Notary.bundle(.trust, body: try Desk.document(version: 3)))
    desk.gate.disk.nextFlushError = .inputOutput
    desk.gate.perform(desk.now)
    #expect(desk.trustVersion == 2)
    // Another process while the power is on: the third document is in the cache, and told.
    desk.gate = Gate(desk.settings, disk: desk.gate.disk, seed: 1)
    try desk.gate.start(trust: desk.trust, random: 9, now: desk.now)
    #expect(desk.trustVersion == 3)
    try desk.restart()
    #expect(desk.trustVersion == 3)
  }

  @Test func `the operator's newer document wins over the slots`() throws {
    let desk = try Desk()
    offer(try Desk.document(version: 2), to: desk)
    desk.trust = try Desk.document(version: 3)
    try desk.restart()
    #expect(desk.trustVersion == 3)
  }

  @Test func `a document that no longer names the device is taken, with an alarm`() throws {
    let desk = try Desk()
    offer(try organiser.trust(version: 2, devices: [organiser.enrolment(1002)]), to: desk)
    #expect(desk.trustVersion == 2 && desk.gate.hasNoticed("not_enrolled"))
  }

  @Test func `time does not go below what the document says is past`() throws {
    let issued = UInt64(Desk.noon / 1000 + 3_600)
    let desk = try Desk(trust: Desk.document(issued: issued))
    #expect(try desk.admit(1...1) == [.valid])
    desk.connect()
    let scan = try #require(try desk.publishAll().flatMap(\.scans).first)
    #expect(scan.instant.milliseconds == Int64(issued) * 1000)
    // A lower bound, and nothing more.
    #expect(scan.instant.uncertainty == .max)
  }
}
