// The simulated world: gates, a validator, the links between them, and everything that may go wrong
// with them, driven by one seed.
// Invariants: nothing happens but by an event of the queue, in the order of time, and of creation
// where times are equal; nothing is drawn but from the seed, so that the same seed gives the same
// world, bit for bit; `violation` is the first promise that was broken.

import Agent
import Gates
import Ledger
import Limits
public import Records
import Rings
import Sync
public import Trust
public import Wire

/// What may go wrong, each once in so many times; 0 is never.
public struct Weather: Sendable {
  public var lossOneIn = 8
  public var copyOneIn = 8
  public var damageOneIn = 40
  /// A connection breaks at a message.
  public var breakOneIn = 60
  public var sessionLossOneIn = 4
  /// Of all events: the power of a gate is cut.
  public var powerCutOneIn = 120
  /// Of all starts: the power is cut in the middle.
  public var startCutOneIn = 4
  public var validatorCrashOneIn = 300
  public var disk = SimDisk.Faults()
  /// A message takes up to so long, milliseconds: what is sent later may come before.
  public var delayMillisecondsMax = 2_000

  public init() { disk.tornSectorOneIn = 8 }

  /// Another sort of bad weather for every seed.
  public init(from random: inout SplitMix) {
    lossOneIn = random.draw(2..<20)
    copyOneIn = random.draw(1..<20)
    damageOneIn = random.draw(10..<100)
    breakOneIn = random.draw(5..<100)
    sessionLossOneIn = random.draw(1..<8)
    powerCutOneIn = random.draw(20..<400)
    startCutOneIn = random.draw(2..<10)
    validatorCrashOneIn = random.draw(50..<1_000)
    disk.tornSectorOneIn = random.draw(2..<10)
    disk.flushErrorOneIn = random.oneIn(3) ? random.draw(20..<200) : 0
    delayMillisecondsMax = random.draw(50..<8_000)
  }

  /// Nothing goes wrong.
  public static var fair: Weather {
    var weather = Weather()
    weather.lossOneIn = 0
    weather.copyOneIn = 0
    weather.damageOneIn = 0
    weather.breakOneIn = 0
    weather.sessionLossOneIn = 0
    weather.powerCutOneIn = 0
    weather.startCutOneIn = 0
    weather.validatorCrashOneIn = 0
    weather.disk = SimDisk.Faults()
    weather.delayMillisecondsMax = 100
    return weather
  }
}

/// A verdict as the person at the gate has seen it.
public struct Shown: Sendable, Equatable {
  public var node: UInt64
  public var ticket: TicketIdentity?
  public var reason: Reason
  public var use: UInt16
}

public final class World<P: Primitives> {
  public struct Options: Sendable {
    public var gates = 2
    public var tickets = 40
    public var scans = 120
    /// Drawn from the seed if there is none.
    public var weather: Weather?
    /// For so long things go wrong, milliseconds.
    public var troubleMilliseconds: Int64 = 90_000

    public init() {}
  }

  enum Event {
    case scan
    case tick(gate: Int, boot: UInt32)
    case disk(gate: Int, boot: UInt32)
    case news(gate: Int, connection: Int, LinkNews)
    case up(bundle: [UInt8])
    case down(gate: Int, bundle: [UInt8])
    case blockFlushed(boot: Int)
    case validatorTime
    case powerOn(gate: Int)
    case trust
  }

  /// A gate's place in the world, whether it has power or not.
  struct Post {
    let node: UInt64
    var gate: SimGate<P>?
    var disk: SimDisk
    /// The world's time at which the power came, milliseconds.
    var poweredAt: Int64 = 0
    var boot: UInt32 = 0
    /// How far the gate's clock is off, milliseconds.
    var skew: Int64
    /// Connections are numbered: what belongs to one that broke is not delivered.
    var connection = 0
    var hasSession = false
    var tickAt: Int64 = .max
    var isDiskBusy = false
    var unanswered = 0
  }

  public static var noon: Int64 { 1_800_000_000_000 }

  public let seed: UInt64
  let organiser: Organiser<P>
  let options: Options
  var weather: Weather
  var random: SplitMix
  public internal(set) var validator: SimValidator<P>
  var posts: [Post] = []
  var validatorBoot = 0
  /// The operator has put the second document where the validator finds it at every start.
  var hasChangedTrust = false
  let texts: [[UInt8]]
  /// Of a ticket that the second trust document revokes.
  let revokedText: [UInt8]
  let entries: [UInt16]
  let firstTrust: [UInt8]
  let secondTrust: [UInt8]
  let plan: [UInt8]

  var queue = EventQueue<Event>()
  /// The world's time, milliseconds.
  public internal(set) var clock: Int64 = 0
  public internal(set) var shown: [Shown] = []
  public internal(set) var powerCuts = 0
  /// H over everything that was shown, sent and written, in order.
  public internal(set) var transcript = Hash()
  public internal(set) var violation: String? {
    didSet { violation = oldValue ?? violation }
  }

  public init(
    seed: UInt64, organiser: Organiser<P>, options: Options = Options()
  ) throws(TrustError) {
    self.seed = seed
    self.organiser = organiser
    self.options = options
    random = SplitMix(seed: seed)
    let drawn = Weather(from: &random)
    weather = options.weather ?? drawn
    let nodes = (0..<options.gates).map { UInt64(1001 + $0) }
    let devices = nodes.map { organiser.enrolment($0) }
    firstTrust = try organiser.trust(version: 1, devices: devices)
    // Nobody shows the revoked ticket before healing.
    revokedText = (try? organiser.ticket(options.tickets)) ?? []
    secondTrust = try organiser.trust(
      version: 2, devices: devices, revoked: [organiser.identity(options.tickets)])
    validator = try SimValidator(organiser, trust: firstTrust)
    var entries: [UInt16] = []
    var texts: [[UInt8]] = []
    for number in 0..<options.tickets {
      entries.append(random.oneIn(5) ? 3 : 1)
      texts.append((try? organiser.ticket(number, entries: entries[number])) ?? [])
    }
    self.entries = entries
    self.texts = texts
    plan = Self.plan(nodes, until: options.troubleMilliseconds, random: &random)
    for node in nodes {
      let disk = SimGate<P>.blankDisk(seed: random.next(), usedTickets: Self.usedTickets)
      posts.append(Post(node: node, disk: disk, skew: Int64(random.draw(-3_000..<3_000))))
    }
    begin()
  }

  static var usedTickets: Int { 200 }

  /// Windows of a few seconds for each gate, and one from the end of all trouble on.
  private static func plan(
    _ nodes: [UInt64], until end: Int64, random: inout SplitMix
  ) -> [UInt8] {
    var text = ""
    for node in nodes {
      var start = random.draw(0..<15)
      while start < Int(end / 1000) - 25 {
        let stop = start + random.draw(3..<20)
        text += "a contact +\(start) +\(stop) \(node) 1 100000\n"
        start = stop + random.draw(2..<20)
      }
      text += "a contact +\(end / 1000) +100000 \(node) 1 100000\n"
    }
    return Array(text.utf8)
  }

  private func begin() {
    for i in posts.indices { add(.powerOn(gate: i), in: Int64(random.draw(0..<2_000))) }
    var left = options.scans
    while left > 0 {
      // People come in groups: several scans are in one commit.
      let at = Int64(random.draw(3_000..<Int(options.troubleMilliseconds)))
      for _ in 0..<min(left, random.draw(1..<6)) {
        add(.scan, in: at + Int64(random.draw(0..<50)))
        left -= 1
      }
    }
    add(.trust, in: Int64(random.draw(10_000..<60_000)))
    add(.validatorTime, in: 100)
  }

  // MARK: Running

  /// Runs through the trouble, heals everything, and waits until nothing is left to tell.
  public func run() {
    while clock < options.troubleMilliseconds && violation == nil { step() }
    heal()
    let end = clock + 240_000
    while violation == nil && clock < end && !isQuiet { step() }
    if violation == nil && !isQuiet { violation = "there is no end to it: \(state)" }
    checkEnd()
  }

  func add(_ event: Event, in delay: Int64) { queue.add(event, at: clock + delay) }

  private func step() {
    guard let (event, time) = queue.next() else {
      violation = "nothing is going to happen any more"
      return
    }
    clock = max(clock, time)
    if random.oneIn(weather.powerCutOneIn) { cutPower(random.draw(0..<posts.count)) }
    if random.oneIn(weather.validatorCrashOneIn) { crashValidator() }
    perform(event)
    checkReleases()
  }

  private func perform(_ event: Event) {
    switch event {
    case .scan: scan()
    case .tick(let gate, let boot): tick(gate, boot)
    case .disk(let gate, let boot): disk(gate, boot)
    case .news(let gate, let connection, let news): tell(gate, connection, news)
    case .up(let bundle):
      validator.received(bundle, now: now)
      proposeBlock()
    case .down(let gate, let bundle): deliver(bundle, to: gate)
    case .blockFlushed(let boot): blockFlushed(boot)
    case .validatorTime:
      sendDown()
      add(.validatorTime, in: 100)
    case .powerOn(let gate): powerOn(gate)
    case .trust: changeTrust()
    }
  }

  private func heal() {
    weather = .fair
    for i in posts.indices {
      posts[i].disk.faults = SimDisk.Faults()
      // A disk that failed its flushes is a process that has to be started again.
      cutPower(i)
    }
  }

  /// The validator's time.
  var now: Now {
    Now(instant: Instant(milliseconds: Self.noon + clock), elapsed: clock)
  }

  func now(_ gate: Int) -> Now {
    Now(
      instant: Instant(
        milliseconds: Self.noon + clock + posts[gate].skew, uncertainty: 3_000),
      elapsed: clock - posts[gate].poweredAt)
  }

  func note(_ bytes: [UInt8]) { transcript = P.hash(transcript.span, bytes.span) }
}
