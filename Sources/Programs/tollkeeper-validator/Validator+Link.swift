// The connection to the broker: what the link wants done, and what the broker says.

import Broker
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
        unanswered = 0
        if reason == 0 {
          perform(link.step(.connected, windowIsOpen: true, now: now.elapsed), now)
        } else {
          journal.write(.error, "broker_refuses", [("reason", "\(reason)")])
        }
      case .disconnected(let reason):
        unanswered = 0
        journal.write(.warning, "link_down", [("reason", "\(reason)")])
        lose(now)
      case .message:
        settler.receive(broker.payload, now: now)
      case .published(let id, let reason):
        unanswered = max(0, unanswered - 1)
        if reason != 0 && id != healthID { settler.countUnclaimed() }
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
}
