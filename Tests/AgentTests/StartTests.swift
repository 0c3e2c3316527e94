// Starts that must not happen, each with what is wrong by name.

import Agent
import Limits
import Testing
import Trust
import Wire
import World

@Suite struct StartTests {
  /// A gate with an admission, and a checkpoint that covers it.
  private func used() throws -> Desk {
    let desk = try Desk()
    #expect(try desk.admit(1...2) == [.valid, .valid])
    desk.receive(try Notary.settlement([9], height: 1))
    desk.settle()
    return desk
  }

  /// What a start on this disk throws.
  private func start(
    _ disk: SimDisk, node: UInt64 = Desk.node, trust: [UInt8]? = nil
  ) throws -> StartError? {
    let gate = Gate(organiser.settings(node), disk: disk, seed: 1)
    let document = try trust ?? Desk.document()
    do throws(StartError) {
      try gate.start(
        trust: document, random: 77,
        now: Now(instant: Instant(milliseconds: Desk.noon), elapsed: 0))
      return nil
    } catch {
      return error
    }
  }

  private func blank(_ file: FileName, of desk: Desk) -> SimDisk {
    var disk = desk.gate.disk
    disk.create(file, bytes: disk.size(of: file))
    return disk
  }

  @Test func `a disk as it was left starts`() throws {
    let desk = try used()
    #expect(try start(desk.gate.disk) == nil)
  }

  @Test func `a ring that is gone is missed`() throws {
    let desk = try used()
    #expect(try start(blank(.ring, of: desk)) == .ringLost)
  }

  @Test func `a used-set that is gone is missed`() throws {
    let desk = try used()
    #expect(try start(blank(.used, of: desk)) == .usedSetLost)
  }

  @Test func `both gone are a new gate`() throws {
    let desk = try used()
    var disk = blank(.ring, of: desk)
    disk.create(.used, bytes: disk.size(of: .used))
    #expect(try start(disk) == nil)
  }

  @Test func `a ring that never held an admission may lose its used-set`() throws {
    let desk = try Desk()
    desk.scan(Array("no ticket".utf8))
    desk.settle()
    #expect(try start(blank(.used, of: desk)) == nil)
  }

  @Test func `the ring of another node is foreign`() throws {
    let desk = try used()
    let trust = try organiser.trust(
      version: 2, devices: [organiser.enrolment(Desk.node), organiser.enrolment(1002)])
    #expect(try start(desk.gate.disk, node: 1002, trust: trust) == .foreignRing)
  }

  @Test func `the ring of an earlier enrolment is not used for the new one`() throws {
    let desk = try used()
    let trust = try Desk.document(version: 2, epoch: 10)
    #expect(try start(desk.gate.disk, trust: trust) == .enrolledAnew)
  }

  @Test func `a device that is enrolled anew starts without its ring, and forgets no use`() throws {
    let desk = try used()
    let trust = try Desk.document(version: 2, epoch: 10)
    let gate = Gate(organiser.settings(Desk.node), disk: blank(.ring, of: desk), seed: 1)
    let now = Now(instant: Instant(milliseconds: Desk.noon), elapsed: 0)
    try gate.start(trust: trust, random: 5, now: now)
    gate.scan(try organiser.ticket(1), now: now)
    gate.scan(try organiser.ticket(9), now: now)
    gate.scan(try organiser.ticket(3), now: now)
    gate.settle(now)
    #expect(gate.takeVerdicts().map(\.reason) == [.used, .usedElsewhere, .valid])
  }

  @Test func `a device that the trust document does not name, or not so, is not enrolled`() throws {
    let disk = Gate.blankDisk(seed: 1, usedTickets: 1000)
    let other = try organiser.trust(version: 1, devices: [organiser.enrolment(1002)])
    #expect(try start(disk, trust: other) == .notEnrolled)
    var device = organiser.enrolment(Desk.node)
    device.status = .revoked
    let revoked = try organiser.trust(version: 1, devices: [device])
    #expect(try start(disk, trust: revoked) == .notEnrolled)
    device.status = .active
    device.key = organiser.issuer
    let otherKey = try organiser.trust(version: 1, devices: [device])
    #expect(try start(disk, trust: otherKey) == .notEnrolled)
  }

  @Test func `a ring or used-set that cannot be read is damaged, and nothing is made anew`() throws
  {
    let desk = try used()
    let noise = [UInt8](repeating: 0x5a, count: 4096)
    var disk = desk.gate.disk
    disk.write(noise.span, to: .ring, at: 0)
    disk.write(noise.span, to: .ring, at: 61_440)
    #expect(try start(disk) == .ringDamaged)
    disk = desk.gate.disk
    disk.write(noise.span, to: .used, at: 0)
    disk.write(noise.span, to: .used, at: 4096)
    #expect(try start(disk) == .usedSetDamaged)
  }

  @Test func `a flush that fails at the start is told`() throws {
    let desk = try used()
    var disk = desk.gate.disk
    disk.nextFlushError = .inputOutput
    #expect(try start(disk) == .disk(.inputOutput))
    #expect(try start(Gate.blankDisk(seed: 1, usedTickets: 1000)) == nil)
  }

  @Test func `every start has its own boot number`() throws {
    let desk = try used()
    #expect(desk.boot == 1)
    try desk.restart()
    try desk.restart()
    #expect(desk.boot == 3)
  }
}
