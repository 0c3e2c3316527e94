// The link as the agent keeps it: windows, births, greetings, flights.

import Agent
import Foundation
import Limits
import Records
import Sync
import Testing
import Wire
import World

@Suite struct LinkTests {
  private func json(_ bytes: [UInt8]) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  @Test func `an open window is a reason to connect, a closed one to say goodbye`() throws {
    let desk = try Desk()
    #expect(desk.gate.linkActions == [.connect] && desk.gate.hasNoticed("window_open"))
    try desk.gate.load(plan: Array("a contact +0 +60 1001 1 1000\n".utf8), reference: Desk.noon)
    desk.connect()
    #expect(desk.deadline == 60_000)
    desk.wait(58_999)
    #expect(desk.gate.linkActions == [.subscribe, .greet])
    desk.wait(1)
    #expect(desk.gate.linkActions.last == .leave && desk.gate.hasNoticed("window_closed"))
    #expect(desk.publish() == nil)
    // No window to come, unless somebody sets the clock: once an hour is often enough for that.
    #expect(desk.deadline == desk.now.elapsed + 3_600_000)
    try desk.gate.load(plan: [], reference: Desk.noon)
    #expect(desk.deadline == nil)
  }

  @Test func `nothing is published before the CONNACK and the SUBACK`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    #expect(desk.publish() == nil)
    desk.gate.link(.connected, now: desk.now)
    #expect(desk.publish() == nil)
    desk.gate.link(.subscribed, now: desk.now)
    #expect(desk.publish() != nil)
  }

  @Test func `every connection begins with a birth, then a batch without runs, then the records`()
    throws
  {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    for round in 1...3 {
      if round == 1 {
        desk.connect()
      } else {
        desk.gate.link(.lost, now: desk.now)
        desk.wait(30_000)
        desk.gate.link(.connected, now: desk.now)
        desk.gate.link(.subscribed, now: desk.now)
      }
      let birth = try #require(desk.publish())
      #expect(birth.topic == .health)
      let said = try json(birth.payload)
      #expect(said["status"] as? String == "online" && said["boot"] as? Int == 1)
      #expect(said["time"] as? Int64 == Desk.noon + desk.now.elapsed)
      let sent = try desk.publishAll()
      #expect(sent.map(\.isGreeting) == [true, false], "connection \(round)")
    }
    #expect(desk.resent == 2)
  }

  @Test func `will and farewell say offline with the boot number of the birth`() throws {
    let desk = try Desk()
    try desk.restart()
    let will = try json(Array(copying: desk.gate.agent.will(desk.now).span))
    #expect(will["status"] as? String == "offline" && will["boot"] as? Int == 2)
    let farewell = desk.gate.agent.farewell(desk.now)
    #expect(farewell.topic == .health && farewell.expirySeconds == 0)
    let said = try json(Array(copying: farewell.payload.span))
    #expect(said["status"] as? String == "offline" && said["boot"] as? Int == 2)
  }

  @Test func `bundles carry the rest of their lifetime as expiry, health none`() throws {
    let desk = try Desk()
    desk.connect()
    let birth = try #require(desk.nextPublication())
    #expect(birth.expirySeconds == 0)
    desk.gate.agent.handedOver(1, now: desk.now)
    let greeting = try #require(desk.nextPublication())
    #expect(greeting.expirySeconds == 30 * 86_400 && greeting.topic == .bundle(next: 1))
  }

  @Test(arguments: [0, 0x10, 0x80, 0x97] as [UInt8])
  func `a PUBACK releases nothing, whatever its reason`(reason: UInt8) throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    desk.connect()
    let id = try #require(try desk.publishAll().last?.id)
    desk.gate.link(.published(messageID: id, reason: reason), now: desk.now)
    #expect(desk.unreceipted == 1 && desk.inFlight == 1)
    #expect(desk.counters.unmatchedPublishes == (reason == 0x10 ? 1 : 0))
    #expect(desk.counters.refusedPublishes == (reason >= 0x80 ? 1 : 0))
    #expect(desk.gate.hasNoticed("publish_refused") == (reason >= 0x80))
  }

  @Test func `what has no receipt 10 s after its PUBACK is sent again`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    desk.connect()
    let sent = try #require(try desk.publishAll().last)
    desk.gate.link(.published(messageID: sent.id, reason: 0), now: desk.now)
    desk.wait(9_999)
    #expect(try desk.publishAll().isEmpty)
    desk.wait(1)
    #expect(desk.gate.hasNoticed("receipts_overdue"))
    #expect(try desk.publishAll().map(\.runs) == [sent.runs])
    #expect(desk.resent == 1)
  }

  @Test func `a receipt ends its flight, and nothing is sent again`() throws {
    let desk = try Desk()
    #expect(try desk.admit(1...1) == [.valid])
    desk.connect()
    _ = try desk.publishAll()
    desk.receive(try Notary.receipt(.admissions, through: 1, desk.head(.admissions)))
    #expect(desk.inFlight == 0)
    desk.wait(30_000)
    #expect(try desk.publishAll().isEmpty)
  }

  @Test func `a new scan goes out at once while the link is up`() throws {
    let desk = try Desk()
    desk.connect()
    _ = try desk.publishAll()
    #expect(try desk.admit(1...1) == [.valid])
    #expect(try desk.publishAll().compactMap { $0.runs[.admissions] } == [1...1])
  }

  @Test func `at most 16 bundles are on their way`() throws {
    let desk = try Desk()
    desk.connect()
    _ = try desk.publishAll()
    for number in 1...20 {
      #expect(try desk.admit(number...number) == [.valid])
      _ = try desk.publishAll()
    }
    #expect(desk.inFlight == Limits.sendWindowBundles)
    desk.receive(try Notary.receipt(.admissions, through: 20, desk.head(.admissions)))
    #expect(desk.inFlight == 0 && desk.unreceipted == 0)
  }

  @Test func `a device with nothing to say asks for news once a minute`() throws {
    let desk = try Desk()
    desk.connect()
    #expect(try desk.publishAll().map(\.isGreeting) == [true])
    #expect(desk.deadline == desk.now.elapsed + 60_000)
    desk.wait(59_999)
    #expect(try desk.publishAll().isEmpty)
    desk.wait(1)
    #expect(try desk.publishAll().map(\.isGreeting) == [true])
  }

  @Test func `a greeting that nobody heard is repeated after two seconds`() throws {
    let desk = try Desk()
    desk.connect()
    for _ in 1...2 {
      let greeting = try #require(try desk.publishAll().last)
      desk.gate.link(.published(messageID: greeting.id, reason: 0x10), now: desk.now)
      #expect(greeting.isGreeting && desk.deadline == desk.now.elapsed + 2_000)
      desk.wait(1_999)
      #expect(try desk.publishAll().isEmpty)
      desk.wait(1)
    }
    // One that the validator's session has got is not.
    let heard = try #require(try desk.publishAll().last)
    desk.gate.link(.published(messageID: heard.id, reason: 0), now: desk.now)
    #expect(heard.isGreeting && desk.deadline == desk.now.elapsed + 60_000)
  }

  @Test func `a greeting that waits for room at the broker is no reason to wake up`() throws {
    let desk = try Desk()
    desk.connect()
    _ = try desk.publishAll()
    // Due, and nothing takes it.
    desk.wait(60_000)
    let deadline = try #require(desk.deadline)
    #expect(deadline > desk.elapsed)
    #expect(try desk.publishAll().map(\.isGreeting) == [true])
    #expect(desk.deadline == desk.elapsed + 60_000)
  }

  @Test func `a page that the media cannot read is a hole like others for the upload`() throws {
    let desk = try Desk()
    for number in 1...3 { #expect(try desk.admit(number...number) == [.valid]) }
    desk.gate.disk.fail(.ring, at: 65_536 + 65_536 + 4096)
    desk.connect()
    let sent = try desk.publishAll()
    #expect(desk.gate.hasNoticed("records_unreadable"))
    #expect(sent.compactMap { $0.runs[.admissions] } == [1...1, 3...3])
  }

  @Test func `a hole in the ring is told, and does not keep what is behind it`() throws {
    let desk = try Desk()
    for number in 1...3 { #expect(try desk.admit(number...number) == [.valid]) }
    desk.scan(Array("no ticket".utf8))
    desk.settle()
    // The ring's first segment of admissions is the second: a page for each commit.
    desk.gate.disk.rot(.ring, at: 65_536 + 65_536 + 4096 + 100)
    desk.connect()
    let sent = try desk.publishAll()
    #expect(desk.gate.hasNoticed("records_unreadable"))
    #expect(sent.compactMap { $0.runs[.admissions] } == [1...1, 3...3])
    #expect(sent.compactMap { $0.runs[.refusals] } == [1...1])
  }

  @Test func `every number of the status has a name of its own`() throws {
    let desk = try Desk()
    var names: Set<String> = []
    var count = 0
    while let field = desk.gate.agent.status(count, now: desk.now) {
      names.insert("\(field.name)")
      count += 1
    }
    #expect(count == names.count && count > 50)
    #expect(names.isSuperset(of: ["valid", "storage_error", "unreceipted", "receipts_mismatched"]))
  }

  @Test func `a busy gate asks for news once a minute all the same`() throws {
    let desk = try Desk()
    desk.connect()
    _ = try desk.publishAll()
    var greetings = 0
    for number in 1...40 {  // twenty minutes, a batch each 30 s
      #expect(try desk.admit(number...number) == [.valid])
      greetings += try desk.publishAll().filter(\.isGreeting).count
      desk.receive(
        try Notary.receipt(.admissions, through: UInt64(number), desk.head(.admissions)))
      desk.wait(30_000)
      greetings += try desk.publishAll().filter(\.isGreeting).count
    }
    #expect(greetings >= 19)
  }
}

extension Desk {
  /// The next message, not handed over.
  func nextPublication() -> Publication? {
    var notices = Notices()
    return gate.agent.nextPublication(now, disk: &gate.disk, into: &notices)
  }
}
