// Start, reload, and the status.

import Agent
import Broker
import Contacts
import Gates
import Platform
import Rings
import Seal
import Sync
import Trust
import Wire

extension Loop {
  /// Loads trust and plan, opens ring and used-set, and waits until both are durable.
  /// - Returns: how the program ends if that is not possible, which has been said.
  mutating func start() -> Int32? {
    guard prepareBroker(), loadTrust(), loadPlan(isFirst: true) else { return Status.usage }
    var random = Bytes<64>()
    var bytes = random.mutableSpan
    Sodium.random(into: &bytes)
    do throws(StartError) {
      let report = try agent.open(&files, random: random, into: &actions.disk)
      try openAndReplay()
      var notice = Notice(.info, report.isNew ? "created" : "recovered")
        .with("boot", UInt64(agent.boot)).with("height", agent.settledHeight)
      if let ring = report.ring {
        notice = notice.with("tail_records", Int64(ring.tailRecords))
          .with("corrupt_blocks", Int64(ring.corruptBlocks))
        if ring.corruptBlocks > 0 { notice.level = .alarm }
        if ring.failedReads > 0 {
          log.write(
            Notice(.alarm, "ring_unreadable").with("failed_reads", ring.failedReads),
            at: System.now())
        }
      }
      log.write(notice, at: System.now())
      return nil
    } catch {
      complain { $0.put(error.explanation) }
      return Status.failed
    }
  }

  private mutating func openAndReplay() throws(StartError) {
    repeat {
      perform(System.now())
      while try !agent.isOpen() { try finishStartJobs() }
    } while try !agent.replay(&files, into: &actions)
    perform(System.now())
  }

  /// Waits for the disk. A start does not go on without it.
  private mutating func finishStartJobs() throws(StartError) {
    poller.removeAll()
    _ = poller.add(worker.descriptor)
    do throws(KernelError) {
      try poller.wait(timeout: nil)
    } catch {
      throw .disk(.inputOutput)
    }
    while let result = worker.next() {
      guard case .flushed(let file, let error) = result else { continue }
      if let error { throw .disk(error) }
      agent.flushed(file, nil, now: System.now(), disk: &files, into: &actions)
      perform(System.now())
    }
  }

  private mutating func prepareBroker() -> Bool {
    if let path = configuration.passwordFile {
      do throws(PasswordError) {
        broker.setPassword(try KeyFile.password(path).span)
      } catch {
        configuration.complain(line: configuration.lines.passwordFile, path) { $0.put(error) }
        return false
      }
    }
    if let path = configuration.tlsCA {
      do throws(KernelError) {
        _ = try File(path, for: .read)
      } catch {
        configuration.complain(line: configuration.lines.tlsCA, path) { $0.put(error) }
        return false
      }
      broker.setCA(path: path.text.span, serverName: configuration.brokerHost.span)
    }
    return true
  }

  private mutating func loadTrust() -> Bool {
    guard let path = configuration.trust else { return false }
    let line = configuration.lines.trust
    do throws(KernelError) {
      let document = text.extent(0..<(try Self.read(path, into: &text)))
      do throws(TrustError) {
        let isTaken = try agent.loadTrust(document.span, disk: &files)
        if !isTaken { log.write(Notice(.warning, "provided_trust_not_taken"), at: System.now()) }
        return true
      } catch {
        configuration.complain(line: line, path) { $0.put(error.explanation) }
        return false
      }
    } catch {
      configuration.complain(line: line, path) { $0.put(error) }
      return false
    }
  }

  /// Reads the contact plan. One that is wrong stops a start, and leaves a running agent its old one.
  private mutating func loadPlan(isFirst: Bool) -> Bool {
    guard let path = configuration.contacts else { return true }
    do throws(KernelError) {
      let plan = text.extent(0..<(try Self.read(path, into: &text)))
      let reference = isFirst ? started : System.now().instant.milliseconds
      do throws(ContactError) {
        try agent.loadPlan(plan.span, reference: reference)
        return true
      } catch {
        complain(about: path, line: error.line, error.reason)
        return false
      }
    } catch {
      configuration.complain(line: configuration.lines.contacts, path) { $0.put(error) }
      return false
    }
  }

  private static func read(_ path: Path, into text: inout Memory) throws(KernelError) -> Int {
    var target = text.mutableSpan
    return try File.read(path, into: &target)
  }

  /// SIGHUP: the contact plan is read again; `+seconds` count from now.
  mutating func reload(_ now: Now) {
    let isTaken = loadPlan(isFirst: false)
    log.write(Notice(isTaken ? .info : .error, isTaken ? "plan_loaded" : "plan_kept"), at: now)
  }

  // MARK: Status

  /// Answers who asks on the socket, with one line a counter.
  mutating func answer(_ now: Now) {
    var bytes = InlineArray<4096, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    var writer = TextWriter(span.whole())
    var index = 0
    while let field = agent.status(index, now: now) {
      writer.put(field.name)
      writer.put(" ")
      writer.put(field.value)
      writer.put("\n")
      index += 1
    }
    writer.put("epoch ")
    writer.put(epoch: agent.epoch)
    writer.put("\ndebounced ")
    writer.put(debounced)
    writer.put("\npassed ")
    writer.put(barrier.passed)
    writer.put("\nannulled ")
    writer.put(barrier.annulled)
    writer.put("\nforced ")
    writer.put(barrier.forced)
    writer.put("\ndropped_messages ")
    writer.put(broker.droppedMessages)
    writer.put("\nlog_suppressed ")
    writer.put(log.suppressed)
    writer.put("\nlog_dropped ")
    writer.put(log.dropped)
    writer.put("\n")
    do throws(KernelError) {
      try listener.accept().write(writer.written())
    } catch {
      // Who asked has gone.
    }
  }
}

extension StartError {
  /// What is wrong, and what to do next.
  var explanation: StaticString {
    switch self {
    case .notEnrolled:
      "the trust document does not enrol this node with this key; see `tollctl device enroll`"
    case .foreignRing: "the ring belongs to another node: check `node` and `state`"
    case .enrolledAnew:
      "the ring belongs to an earlier enrolment; send it up first, then move it out of `state`"
    case .ringLost:
      "the ring is missing or older than the used-set: restore it, or enrol this device anew"
    case .usedSetLost:
      "the used-set is missing, but the ring holds admissions: restore it, or enrol anew"
    case .ringDamaged: "the ring is damaged; `tollkeeper ring check` says more"
    case .usedSetDamaged: "the used-set is damaged: restore it, or enrol this device anew"
    case .ringReadOnly:
      "the ring takes no writes: its disk fails, or it has no free segment; enrol this device anew"
    case .usedSetFull:
      "the used-set has no room for the uses in the ring: enrol anew, with more `used_tickets`"
    case .disk: "the state folder cannot be read or written"
    }
  }
}
