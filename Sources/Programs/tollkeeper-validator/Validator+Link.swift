// The connection to the broker: what the link wants done, what the broker says, and what it is given.
// Invariants: what was handed over counts as told when its PUBACK says so, and not before.

import Broker
import Ledger
import Limits
import Platform
import Sync
import Wire

extension Validator {
  mutating func perform(_ action: Link.Action, _ now: Now) {
    switch action {
    case .none: break
    case .connect: resolve()
    case .subscribe:
      do throws(BrokerError) {
        let filter = topics.subscription
        _ = try broker.subscribe(topic: filter.span)
      } catch {
        journal.write(.warning, "subscribe_failed", [("reason", "\(error)")])
        lose(now)
      }
    case .greet:
      journal.write(.info, "link_up", [("boot", "\(boot)")])
      publishHealth("online", now)
    case .drop: broker.drop()
    case .leave: broker.disconnect()
    }
  }

  private mutating func resolve() {
    guard !isResolving else { return }
    guard let host = BoundedBytes<128>(Array(configuration.broker.host.utf8).span) else { return }
    isResolving = true
    worker.resolve(host)
  }

  /// The broker's name has been looked up.
  mutating func resolved(_ error: KernelError?, _ now: Now) {
    isResolving = false
    guard case .connecting = link.state else { return }
    if let error {
      journal.write(
        .warning, "broker_not_found",
        [("host", configuration.broker.host), ("reason", "\(error.name)")])
      lose(now)
      return
    }
    let will = Topics.health("offline", boot: boot, time: now.instant.milliseconds)
    let topic = topics.health
    broker.setWill(topic: topic.span, payload: will.span)
    do throws(BrokerError) {
      let address = worker.address
      try broker.connect(address: address.span, port: configuration.broker.port)
    } catch {
      journal.write(
        .warning, "connect_failed",
        [
          ("host", configuration.broker.host), ("port", "\(configuration.broker.port)"),
          ("reason", "\(error)"),
        ])
      lose(now)
    }
  }

  private mutating func lose(_ now: Now) {
    perform(link.step(.lost, windowIsOpen: true, now: now.elapsed), now)
  }

  /// Takes everything that the broker's client has to say.
  mutating func takeEvents(_ now: Now) {
    while let event = broker.nextEvent() {
      switch event {
      case .connected(let reason, _):
        loseUnanswered(now)
        if reason == 0 {
          perform(link.step(.connected, windowIsOpen: true, now: now.elapsed), now)
        } else {
          journal.write(.error, "broker_refuses", [("reason", "\(reason)")])
        }
      case .disconnected(let reason):
        loseUnanswered(now)
        journal.write(.warning, "link_down", [("reason", "\(reason)")])
        lose(now)
      case .message:
        settler.receive(broker.payload, now: now)
      case .published(let id, let reason):
        guard case .bundle(let item)? = unanswered.removeValue(forKey: id) else { continue }
        if reason != 0 { settler.unclaimed(item, now: now) }
      case .subscribed(_, let isGranted):
        if isGranted {
          perform(link.step(.subscribed, windowIsOpen: true, now: now.elapsed), now)
        } else {
          journal.write(.error, "subscription_refused", [("topic", "bundle/\(topics.node)/+")])
          lose(now)
        }
      }
    }
  }

  /// The client sends nothing again that was published on another connection.
  private mutating func loseUnanswered(_ now: Now) {
    for case .bundle(let item) in unanswered.values { settler.lost(item, now: now) }
    unanswered.removeAll()
  }

  // MARK: Out

  /// Hands bundles to the broker as long as its window has room.
  mutating func send(_ now: Now) {
    if case .leaving = stage { return }
    guard link.isUp else { return }
    while unanswered.count < Limits.sendWindowBundles, broker.room > 0,
      let (item, count) = settler.next(now: now)
    {
      let topic = topics.bundle(for: item.node)
      let bundle = settler.courier.bundle
      let expiry = UInt32(Limits.bundleLifetimeMilliseconds / 1000)
      let payload = bundle.span.extracting(first: count)
      do throws(BrokerError) {
        let id = try broker.publish(
          topic: topic.span, payload: payload, isRetained: false, expirySeconds: expiry)
        unanswered[id] = .bundle(item)
      } catch {
        // The connection's end is an event of its own.
        tell(error)
        return settler.unsent(item, now: now)
      }
    }
  }

  private func tell(_ error: BrokerError) {
    journal.write(.warning, "publish_failed", [("reason", "\(error)")])
  }

  mutating func publishHealth(_ status: String, _ now: Now) {
    gatherCounters()
    let health = Topics.health(
      status, boot: boot, time: now.instant.milliseconds, settler.counters)
    do throws(BrokerError) {
      let topic = topics.health
      let id = try broker.publish(
        topic: topic.span, payload: health.span, isRetained: true, expirySeconds: 0)
      unanswered[id] = .health
    } catch {
      tell(error)
    }
  }
}
