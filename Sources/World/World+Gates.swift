// The world around a gate: scans, the disk, the link, the power.

import Agent
import Contacts
import Gates
import Limits
import Records
import Sync
import Wire

extension World {
  // MARK: Scans

  /// Somebody shows a ticket somewhere, perhaps a forged one, perhaps one that was shown before.
  func scan() {
    let gate = random.draw(0..<posts.count)
    let number = random.draw(0..<texts.count)
    guard let site = posts[gate].gate, site.agent.canScan else { return }
    var text = texts[number]
    if random.oneIn(10) {
      // In the text of the signature, which is its end.
      text[text.count - 20 + random.draw(0..<10)] = 0x30
    }
    site.scan(text, now: now(gate))
    turn(gate)
  }

  /// What the program does after every event.
  func turn(_ gate: Int) {
    guard let site = posts[gate].gate else { return }
    site.time(now(gate))
    publish(gate, site)
    for verdict in site.takeVerdicts() { show(verdict, at: gate) }
    for action in site.linkActions { perform(action, gate) }
    site.linkActions.removeAll()
    if !site.queue.isEmpty && !posts[gate].isDiskBusy {
      posts[gate].isDiskBusy = true
      add(.disk(gate: gate, boot: posts[gate].boot), in: Int64(random.draw(1..<30)))
    }
    guard let due = site.agent.deadline(now(gate)) else { return }
    let at = max(due + posts[gate].poweredAt, clock + 1)
    if at < posts[gate].tickAt || posts[gate].tickAt <= clock {
      posts[gate].tickAt = at
      queue.add(.tick(gate: gate, boot: posts[gate].boot), at: at)
    }
  }

  private func show(_ verdict: Verdict, at gate: Int) {
    let node = posts[gate].node
    let admitted = Shown(
      node: node, ticket: verdict.identity, reason: verdict.reason, use: verdict.use)
    if verdict.isAdmitted && shown.contains(admitted) {
      violation = "gate \(node) admitted use \(verdict.use) of a ticket twice"
    }
    shown.append(admitted)
    var bytes: [UInt8] = [verdict.reason.rawValue, UInt8(truncatingIfNeeded: verdict.use)]
    if let identity = verdict.identity { bytes += (0..<16).map { identity.storage[$0] } }
    note(bytes)
  }

  func tick(_ gate: Int, _ boot: UInt32) {
    guard posts[gate].boot == boot, posts[gate].gate != nil else { return }
    posts[gate].tickAt = .max
    turn(gate)
  }

  func disk(_ gate: Int, _ boot: UInt32) {
    guard posts[gate].boot == boot, let site = posts[gate].gate else { return }
    posts[gate].isDiskBusy = false
    site.perform(now(gate))
    turn(gate)
  }

  // MARK: The link

  private func publish(_ gate: Int, _ site: SimGate<P>) {
    while posts[gate].unanswered < 20, let message = site.publish(now(gate)) {
      posts[gate].unanswered += 1
      note(message.payload)
      let connection = posts[gate].connection
      if random.oneIn(weather.breakOneIn) { lose(gate) }
      if case .bundle = message.topic { send(message.payload) { .up(bundle: $0) } }
      let reason: UInt8 = random.oneIn(20) ? 0x10 : random.oneIn(weather.lossOneIn) ? 0x97 : 0
      add(
        .news(
          gate: gate, connection: connection, .published(messageID: message.id, reason: reason)),
        in: delay())
    }
  }

  private func perform(_ action: Link.Action, _ gate: Int) {
    switch action {
    case .none, .greet: return
    case .connect:
      posts[gate].connection += 1
      posts[gate].unanswered = 0
      // The broker may have forgotten the session, and the subscription with it.
      if random.oneIn(weather.sessionLossOneIn) { posts[gate].hasSession = false }
      let news: LinkNews =
        random.oneIn(weather.lossOneIn) ? .lost : .connected
      // Once in a while no answer comes at all.
      guard !random.oneIn(weather.lossOneIn) else { return }
      add(.news(gate: gate, connection: posts[gate].connection, news), in: delay())
    case .subscribe:
      guard !random.oneIn(weather.lossOneIn) else { return }
      add(.news(gate: gate, connection: posts[gate].connection, .subscribed), in: delay())
    case .drop, .leave:
      posts[gate].connection += 1
    }
  }

  /// The connection breaks: the gate hears of it, and of nothing else that belongs to it.
  private func lose(_ gate: Int) {
    posts[gate].connection += 1
    add(.news(gate: gate, connection: posts[gate].connection, .lost), in: delay())
  }

  func tell(_ gate: Int, _ connection: Int, _ news: LinkNews) {
    guard posts[gate].connection == connection, let site = posts[gate].gate else { return }
    if case .published = news { posts[gate].unanswered -= 1 }
    if case .subscribed = news { posts[gate].hasSession = true }
    site.link(news, now: now(gate))
    turn(gate)
  }

  /// A bundle for a gate has reached the broker, which may keep it for a while.
  func deliver(_ bundle: [UInt8], to gate: Int) {
    guard let site = posts[gate].gate, site.agent.link.isUp else {
      if !random.oneIn(weather.lossOneIn) && posts[gate].hasSession {
        add(.down(gate: gate, bundle: bundle), in: 2_000)
      }
      return
    }
    note(bundle)
    site.received(bundle, now: now(gate))
    turn(gate)
  }

  // MARK: The power

  func cutPower(_ gate: Int) {
    guard let site = posts[gate].gate else { return }
    powerCuts += 1
    // What is on the display when the power goes has been seen.
    for verdict in site.takeVerdicts() { show(verdict, at: gate) }
    let faults = posts[gate].disk.faults
    posts[gate].disk = site.cutPower(&random)
    posts[gate].disk.faults = faults
    posts[gate].gate = nil
    posts[gate].connection += 1
    add(.powerOn(gate: gate), in: Int64(random.draw(10..<5_000)))
  }

  func powerOn(_ gate: Int) {
    guard posts[gate].gate == nil else { return }
    posts[gate].boot += 1
    posts[gate].poweredAt = clock
    posts[gate].tickAt = .max
    posts[gate].isDiskBusy = false
    posts[gate].unanswered = 0
    posts[gate].disk.faults = weather.disk
    let site = SimGate<P>(
      organiser.settings(posts[gate].node, usedTickets: Self.usedTickets),
      disk: posts[gate].disk, seed: random.next())
    do throws(StartError) {
      if random.oneIn(weather.startCutOneIn) { return try cutStart(of: site, gate) }
      try site.start(trust: firstTrust, random: random.next(), now: now(gate))
      posts[gate].gate = site
      do throws(ContactError) {
        try site.load(plan: plan, reference: Self.noon)
      } catch {
        violation = "the contact plan is not one: \(error.reason)"
      }
      turn(gate)
    } catch .disk {
      // The flush failed: another start, of what is on the disk.
      posts[gate].disk = site.cutPower(&random)
      add(.powerOn(gate: gate), in: 1_000)
    } catch {
      violation = "gate \(posts[gate].node) does not start: \(error)"
    }
  }

  /// The power goes again before the gate has started.
  private func cutStart(of site: SimGate<P>, _ gate: Int) throws(StartError) {
    _ = try site.open(trust: firstTrust, random: random.next())
    for _ in 0..<random.draw(0..<5) { site.perform(now(gate)) }
    powerCuts += 1
    posts[gate].disk = site.cutPower(&random)
    add(.powerOn(gate: gate), in: 1_000)
  }
}
