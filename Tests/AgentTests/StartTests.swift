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

  @Test func `a ring that is gone is missed even before the first checkpoint`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    #expect(try start(blank(.ring, of: desk)) == .ringLost)
  }

  @Test func `a ring that is gone is missed before the first checkpoint of a new enrolment too`()
    throws
  {
    let desk = try used()
    let trust = try Desk.document(version: 2, epoch: 10)
    let gate = Gate(desk.settings, disk: blank(.ring, of: desk), seed: 1)
    try gate.start(trust: trust, random: 5, now: desk.now)
    var disk = gate.disk
    disk.create(.ring, bytes: disk.size(of: .ring))
    #expect(try start(disk, trust: trust) == .ringLost)
  }

  @Test func `a ring from before the checkpoint is missed like one that is gone`() throws {
    let desk = try Desk()
    let old = desk.gate.disk
    #expect(try desk.admit(1...2) == [.valid, .valid])
    desk.receive(try Notary.settlement([9], height: 1))
    desk.settle()
    var disk = desk.gate.disk
    try copy(.ring, from: old, to: &disk)
    #expect(try start(disk) == .ringLost)
  }

  @Test(arguments: 0...4)
  func `a first start may lose its power anywhere`(flushes: Int) throws {
    for survivors in [0, UInt64.max] {
      let blank = Gate.blankDisk(seed: 1, usedTickets: 1000)
      let gate = Gate(organiser.settings(Desk.node), disk: blank, seed: 1)
      _ = try gate.open(trust: try Desk.document(), random: 1)
      for _ in 0..<flushes {
        gate.perform(Now(instant: Instant(milliseconds: Desk.noon), elapsed: 0))
      }
      for action in gate.queue {
        if case .write = action { _ = gate.disk.perform(action) }
      }
      for file in [FileName.ring, .used] {
        var disk = gate.disk
        disk.crash(file, survivors: survivors)
        #expect(try start(disk) == nil, "\(flushes) flushes, \(file) survives")
      }
    }
  }

  @Test func `a used-set whose first flush failed is there after the next start and a power cut`()
    throws
  {
    let blank = Gate.blankDisk(seed: 1, usedTickets: 1000)
    var gate = Gate(organiser.settings(Desk.node), disk: blank, seed: 1)
    let now = Now(instant: Instant(milliseconds: Desk.noon), elapsed: 0)
    _ = try gate.open(trust: try Desk.document(), random: 1)
    #expect(gate.perform(now) == nil, "the ring's")
    gate.disk.nextFlushError = .inputOutput
    #expect(gate.perform(now) == .inputOutput, "the used-set's: this start ends")
    gate = Gate(organiser.settings(Desk.node), disk: gate.disk, seed: 1)
    try gate.start(trust: try Desk.document(), random: 2, now: now)
    gate.scan(try organiser.ticket(1), now: now)
    gate.settle(now)
    #expect(gate.takeVerdicts().map(\.reason) == [.valid])
    var disk = gate.disk
    disk.crash(.ring, survivors: 0)
    #expect(try start(disk) == nil)
  }

  @Test func `a start whose ring takes no writes ends, and does not wait`() throws {
    let gate = Gate(
      organiser.settings(Desk.node), disk: Gate.blankDisk(seed: 1, usedTickets: 1000), seed: 1)
    _ = try gate.open(trust: try Desk.document(), random: 1)
    gate.disk.isFull = true
    for _ in 0..<2 {
      gate.perform(Now(instant: Instant(milliseconds: Desk.noon), elapsed: 0))
    }
    #expect(gate.queue.isEmpty)
    #expect(throws: StartError.ringReadOnly) { try gate.agent.isOpen() }
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
