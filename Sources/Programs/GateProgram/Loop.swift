// The agent's loop: the kernel's events become the agent's, the agent's actions the kernel's.
// Invariants: nothing here decides anything; it sleeps in one place, for as long as the agent says;
// with no window open and no code scanned it does not wake; while a reader of the verdicts stalls no
// code is taken, and all the rest goes on.

import Agent
import Broker
import Gates
import Limits
import Platform
import Rings
import Scanners
import Seal
import Sync
import Wire

struct Loop: ~Copyable {
  static func memoryBytes(_ configuration: Configuration) -> Int {
    Agent<Sodium>.memoryBytes(segments: configuration.segments) + outputBytes
      + Scanner.memoryBytes + Limits.trustBytesMax + Limits.configBytesMax + 8 * Limits.pageBytes
  }

  let configuration: Configuration
  var agent: Agent<Sodium>
  var files: DiskFiles
  let worker: Worker
  let signals: Signals
  let listener: Channel
  var scanner: Scanner
  var debounce: Debounce
  /// Codes that were the one before again.
  var debounced: UInt64 = 0
  var output: Output
  var barrier: Barrier
  var log: Log
  var broker: Broker
  var actions = Actions()
  var poller = Poller()
  /// For the trust document and the contact plan.
  var text: Memory
  let isJSON: Bool
  let untilEnd: Bool
  private static let stopMilliseconds: Int64 = 4000
  var isStopping = false
  /// CLOCK_BOOTTIME by which a stop that waits for the disk, or for who reads the verdicts, gives up,
  /// milliseconds.
  var stopBy: Int64 = .max
  /// What the plan's `+seconds` count from: the start of the agent, Unix milliseconds.
  let started: Int64
  var isResolving = false

  init(
    _ configuration: Configuration, agent: consuming Agent<Sodium>, files: consuming DiskFiles,
    worker: consuming Worker, signals: consuming Signals, input: consuming Port,
    barrier: consuming Barrier, listener: consuming Channel, arena: inout Arena, isJSON: Bool,
    untilEnd: Bool
  ) {
    self.configuration = configuration
    self.agent = agent
    self.files = files
    self.worker = worker
    self.signals = signals
    self.listener = listener
    self.barrier = barrier
    scanner = Scanner(input, silence: configuration.silenceMilliseconds, arena: &arena)
    debounce = Debounce(window: configuration.debounceMilliseconds)
    output = Output(memory: arena.take(outputBytes), channel: .standardOutput)
    log = Log(level: configuration.logLevel)
    broker = Broker(node: configuration.node, inboxBytes: 4 * Limits.mqttPacketBytesMax)
    text = arena.take(Limits.configBytesMax)
    self.isJSON = isJSON
    self.untilEnd = untilEnd
    started = System.now().instant.milliseconds
  }

  /// Where codes come from; nil if somebody has to mend it first, who has been told.
  static func openInput(_ configuration: Configuration) -> Port? {
    do throws(KernelError) {
      return try Port(configuration, System.now())
    } catch {
      switch configuration.input {
      case .standardInput: complain { $0.put(error) }
      case .serial(let path), .events(let path):
        configuration.complain(line: configuration.lines.input, path) { $0.put(error) }
      }
      return nil
    }
  }

  // MARK: The loop

  mutating func run() throws(KernelError) -> Int32 {
    while true {
      let now = System.now()
      agent.time(now, disk: &files, into: &actions)
      perform(now)
      takeScans(now)
      publish(now)
      deliver(now)
      tendBarrier(now)
      if canStop(now) { break }
      if !isStopping { scanner.tend(now, &log) }
      try wait(now)
    }
    leave(System.now())
    return agent.ring.state == .readOnly ? Status.failed : Status.done
  }

  private mutating func wait(_ now: Now) throws(KernelError) {
    poller.removeAll()
    let job = poller.add(worker.descriptor)
    let signal = poller.add(signals.descriptor)
    let status = poller.add(listener.descriptor)
    let contact = poller.add(barrier.descriptor)
    let link = poller.add(broker.descriptor, forWriting: broker.wantsWrite)
    let code = poller.add(wantsScans ? scanner.descriptor : -1)
    poller.addOutput(output.isEmpty ? -1 : output.descriptor)
    try poller.wait(timeout: timeout(now))
    let then = System.now()
    if poller.isReadable(job) { finishJobs(then) }
    if poller.isReadable(signal) { takeSignals(then) }
    if poller.isReadable(status) { answer(then) }
    if poller.isReadable(contact) { barrier.noteInput() }
    if broker.descriptor >= 0 {
      broker.handle(readable: poller.isReadable(link), writable: poller.isWritable(link))
      broker.misc()
    }
    takeNews(then)
    if poller.isReadable(code) { try scanner.fill(then) }
  }

  private func timeout(_ now: Now) -> Int64? {
    if wantsScans && scanner.hasUnread { return 0 }
    var next = min(agent.deadline(now) ?? .max, barrier.deadline ?? .max)
    if wantsScans { next = min(next, scanner.silence ?? .max) }
    if !isStopping { next = min(next, scanner.deadline ?? .max) }
    // The library counts its keep alive itself, but has to be asked.
    if broker.descriptor >= 0 { next = min(next, now.elapsed + 1000) }
    if isStopping { next = min(next, stopBy) }
    return next == .max ? nil : max(0, next - now.elapsed)
  }

  // MARK: Codes and verdicts

  private var wantsScans: Bool { agent.canScan && output.isEmpty && barrier.hasRoom && !isStopping }

  private mutating func takeScans(_ now: Now) {
    while wantsScans, let scan = scanner.next(now) {
      switch scan {
      case .text(let text): take(text, now)
      case .lost:
        log.write(Notice(.warning, "scan_lost"), at: now)
        output.scanAgain(isJSON: isJSON)
        barrier.scanAgain(now)
      }
    }
  }

  private mutating func take(_ text: Extent, _ now: Now) {
    if debounce.isRepetition(text.span, elapsed: now.elapsed) {
      debounced += 1
      return
    }
    if CodeText.hasWrongCase(text.span) {
      // Here it can be switched off; otherwise it is the scanner's own.
      let isHere = scanner.capsLock ?? false
      log.write(
        Notice(.warning, "scanner_caps_lock").with("on_here", Int64(isHere ? 1 : 0)), at: now)
    }
    agent.scan(text.span, now: now, disk: &files, into: &actions)
    perform(now)
  }

  /// Verdicts are shown in their order, on all outputs or on none yet.
  private mutating func deliver(_ now: Now) {
    while output.hasRoom, barrier.hasRoom, let verdict = agent.takeVerdict() {
      output.verdict(verdict, isJSON: isJSON)
      barrier.take(verdict, now)
    }
    barrier.set(now, &log)
    output.push()
  }

  /// What has happened at the gate.
  private mutating func tendBarrier(_ now: Now) {
    while let verdict = barrier.next(now, &log) {
      agent.annul(verdict, now: now, disk: &files, into: &actions)
      perform(now)
    }
    barrier.set(now, &log)
  }

  // MARK: The disk

  private mutating func finishJobs(_ now: Now) {
    while let result = worker.next() {
      switch result {
      case .flushed(let file, let error):
        agent.flushed(file, error, now: now, disk: &files, into: &actions)
        perform(now)
      case .resolved(let error):
        isResolving = false
        connect(now, error)
      }
    }
    deliver(now)
  }

  /// Does what the last step asked for.
  mutating func perform(_ now: Now) {
    files.perform(actions.disk)
    for i in 0..<actions.notices.count { log.write(actions.notices[i], at: now) }
    let link = actions.link
    actions.removeAll()
    if link != .none { perform(link, now) }
  }

  // MARK: Stopping

  private mutating func takeSignals(_ now: Now) {
    while let signal = signals.next() {
      switch signal {
      case .stop: stop(now)
      case .reload: reload(now)
      }
    }
  }

  private mutating func stop(_ now: Now) {
    guard !isStopping else { return }
    isStopping = true
    stopBy = now.elapsed + Self.stopMilliseconds
    agent.stop(now, disk: &files, into: &actions)
    perform(now)
  }

  /// Whether nothing is on its way to the disk any more.
  private mutating func canStop(_ now: Now) -> Bool {
    if untilEnd && scanner.hasEnded && !scanner.hasUnread && agent.pendingVerdicts == 0
      && output.isEmpty && barrier.isAtRest
    {
      stop(now)
    }
    guard isStopping else { return false }
    let isDone =
      agent.isAtRest && worker.pending == 0 && output.isEmpty && barrier.isAtRest
    return isDone || now.elapsed >= stopBy
  }

  private mutating func leave(_ now: Now) {
    barrier.close(now, &log)
    if agent.link.isUp { perform(.leave, now) } else { broker.drop() }
    log.write(Notice(.info, "stopped"), at: now)
  }
}
