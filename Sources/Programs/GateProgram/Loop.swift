// The agent's loop: the kernel's events become the agent's, the agent's actions the kernel's.
// Invariants: nothing here decides anything; it sleeps in one place, for as long as the agent says;
// with no window open and no code scanned it does not wake.

import Agent
import Broker
import Gates
import Limits
import Platform
import Rings
import Seal
import Sync
import Wire

struct Loop: ~Copyable {
  static func memoryBytes(_ configuration: Configuration) -> Int {
    Agent<Sodium>.memoryBytes(segments: configuration.segments) + outputBytes + Lines.memoryBytes
      + Limits.trustBytesMax + Limits.configBytesMax + 8 * Limits.pageBytes
  }

  let configuration: Configuration
  var agent: Agent<Sodium>
  var files: DiskFiles
  let worker: Worker
  let signals: Signals
  let input: Channel
  let listener: Channel
  var lines: Lines
  var debounce: Debounce
  var output: Output
  var log: Log
  var broker: Broker
  var actions = Actions()
  var poller = Poller()
  /// For the trust document and the contact plan.
  var text: Memory
  let isJSON: Bool
  let untilEnd: Bool
  var isStopping = false
  /// CLOCK_BOOTTIME by which a stop that waits for the disk gives up, milliseconds.
  var stopBy: Int64 = .max
  /// What the plan's `+seconds` count from: the start of the agent, Unix milliseconds.
  let started: Int64
  var isResolving = false

  init(
    _ configuration: Configuration, agent: consuming Agent<Sodium>, files: consuming DiskFiles,
    worker: consuming Worker, signals: consuming Signals, input: consuming Channel,
    listener: consuming Channel, arena: inout Arena, isJSON: Bool, untilEnd: Bool
  ) {
    self.configuration = configuration
    self.agent = agent
    self.files = files
    self.worker = worker
    self.signals = signals
    self.input = input
    self.listener = listener
    lines = Lines(
      memory: arena.take(Lines.memoryBytes), isSerial: configuration.input != .standardInput)
    debounce = Debounce(window: configuration.debounceMilliseconds)
    output = Output(memory: arena.take(outputBytes), channel: .standardOutput)
    log = Log(level: configuration.logLevel)
    broker = Broker(node: configuration.node, inboxBytes: 4 * Limits.mqttPacketBytesMax)
    text = arena.take(Limits.configBytesMax)
    self.isJSON = isJSON
    self.untilEnd = untilEnd
    started = System.now().instant.milliseconds
  }

  static func openInput(_ configuration: Configuration) throws(KernelError) -> Channel {
    switch configuration.input {
    case .standardInput: .standardInput
    case .serial(let path): try Channel.serial(path, baud: configuration.baud)
    }
  }

  // MARK: The loop

  mutating func run() throws(KernelError) -> Int32 {
    while true {
      let now = System.now()
      agent.time(now, disk: &files, into: &actions)
      perform(now)
      scanLines(now)
      publish(now)
      deliver()
      if canStop(now) { break }
      try wait(now)
    }
    leave(System.now())
    return agent.ring.state == .readOnly ? Status.failed : Status.done
  }

  private mutating func wait(_ now: Now) throws(KernelError) {
    output.flush()
    poller.removeAll()
    let job = poller.add(worker.descriptor)
    let signal = poller.add(signals.descriptor)
    let status = poller.add(listener.descriptor)
    let link = poller.add(broker.descriptor, forWriting: broker.wantsWrite)
    let wantsInput = agent.canScan && !lines.hasEnded && !isStopping
    let code = poller.add(wantsInput && !lines.hasUnread ? input.descriptor : -1)
    try poller.wait(timeout: timeout(now))
    let then = System.now()
    if poller.isReadable(job) { finishJobs(then) }
    if poller.isReadable(signal) { takeSignals(then) }
    if poller.isReadable(status) { answer(then) }
    if broker.descriptor >= 0 {
      broker.handle(readable: poller.isReadable(link), writable: poller.isWritable(link))
      broker.misc()
    }
    takeNews(then)
    if poller.isReadable(code) { try lines.fill(from: input) }
  }

  private func timeout(_ now: Now) -> Int64? {
    if lines.hasUnread && agent.canScan && !isStopping { return 0 }
    var next = agent.deadline(now) ?? .max
    // The library counts its keep alive itself, but has to be asked.
    if broker.descriptor >= 0 { next = min(next, now.elapsed + 1000) }
    if isStopping { next = min(next, stopBy) }
    return next == .max ? nil : max(0, next - now.elapsed)
  }

  // MARK: Codes and verdicts

  private mutating func scanLines(_ now: Now) {
    guard !isStopping else { return }
    while agent.canScan, let count = lines.next() {
      let line = lines.line(count)
      if debounce.isRepetition(line.span, elapsed: now.elapsed) { continue }
      agent.scan(line.span, now: now, disk: &files, into: &actions)
      perform(now)
    }
  }

  private mutating func deliver() {
    while let verdict = agent.takeVerdict() { output.verdict(verdict, isJSON: isJSON) }
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
    deliver()
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
    stopBy = now.elapsed + 5000
    agent.stop(now, disk: &files, into: &actions)
    perform(now)
  }

  /// Whether nothing is on its way to the disk any more.
  private mutating func canStop(_ now: Now) -> Bool {
    if untilEnd && lines.hasEnded && !lines.hasUnread && agent.pendingVerdicts == 0 { stop(now) }
    guard isStopping else { return false }
    return agent.isAtRest && worker.pending == 0 || now.elapsed >= stopBy
  }

  private mutating func leave(_ now: Now) {
    output.flush()
    if agent.link.isUp { perform(.leave, now) } else { broker.drop() }
    log.write(Notice(.info, "stopped"), at: now)
  }
}
