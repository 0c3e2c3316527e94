// The link's actions on the broker, and the broker's events to the agent.

import Agent
import Broker
import Limits
import Platform
import Sync
import Wire

/// The topics of MAPPING.md.
private struct TopicName {
  private var bytes = InlineArray<128, UInt8>(repeating: 0)
  private var count = 0

  init(_ write: (inout TextWriter) -> Void) {
    var span = bytes.mutableSpan
    var writer = TextWriter(span.whole())
    writer.put("tollkeeper/1/")
    write(&writer)
    count = writer.count
  }

  @_transparent
  var span: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(first: count) }
  }
}

extension Loop {
  mutating func perform(_ action: Link.Action, _ now: Now) {
    switch action {
    case .none, .greet: return
    case .connect:
      guard !isResolving else { return }
      isResolving = true
      worker.resolve(configuration.brokerHost)
    case .subscribe:
      let node = configuration.node
      let topic = TopicName {
        $0.put("bundle/")
        $0.put(node)
        $0.put("/+")
      }
      do throws(BrokerError) {
        _ = try broker.subscribe(topic: topic.span)
      } catch {
        tell(.lost, now)
      }
    case .drop: broker.drop()
    case .leave:
      // A DISCONNECT silences the will: without a farewell it must speak.
      if send(agent.farewell(now)) == nil { broker.drop() } else { broker.disconnect() }
    }
  }

  /// The broker's name is resolved, or cannot be.
  mutating func connect(_ now: Now, _ error: KernelError?) {
    guard case .connecting = agent.link.state else { return }
    guard error == nil else {
      log.write(Notice(.warning, "broker_not_found"), at: now)
      return tell(.lost, now)
    }
    let topic = healthTopic()
    broker.setWill(topic: topic.span, payload: agent.will(now).span)
    do throws(BrokerError) {
      try broker.connect(address: worker.address.span, port: configuration.brokerPort)
    } catch {
      tell(.lost, now)
    }
  }

  /// Publishes what is due, as far as the agent and the library take it.
  mutating func publish(_ now: Now) {
    // What the broker's Receive Maximum leaves no room for waits for a PUBACK.
    while agent.link.isUp, broker.room > 0 {
      guard
        let publication = agent.nextPublication(now, disk: &files, into: &actions.notices)
      else { break }
      guard let messageID = send(publication) else {
        tell(.lost, now)
        return
      }
      agent.handedOver(messageID, now: now)
    }
    perform(now)
  }

  /// Hands over everything that the broker has sent.
  mutating func takeNews(_ now: Now) {
    while let event = broker.nextEvent() {
      switch event {
      case .connected(let reason, let sessionPresent):
        if reason != 0 {
          log.write(Notice(.error, "broker_refused").with("reason", Int64(reason)), at: now)
        } else {
          log.write(
            Notice(.info, "connected").with(
              "session_present", Int64(sessionPresent ? 1 : 0)), at: now)
        }
        tell(reason == 0 ? .connected : .lost, now)
      case .disconnected(let reason):
        if agent.link.state != .closed {
          log.write(Notice(.info, "disconnected").with("reason", Int64(reason)), at: now)
        }
        tell(.lost, now)
      case .subscribed(_, let isGranted):
        if !isGranted { log.write(Notice(.error, "subscription_refused"), at: now) }
        tell(isGranted ? .subscribed : .lost, now)
      case .published(let messageID, let reason):
        tell(.published(messageID: messageID, reason: reason), now)
      case .message:
        agent.received(broker.payload, now: now, disk: &files, into: &actions)
        perform(now)
      }
    }
  }

  private mutating func tell(_ news: LinkNews, _ now: Now) {
    agent.link(news, now: now, disk: &files, into: &actions)
    perform(now)
  }

  private func healthTopic() -> TopicName {
    let node = configuration.node
    return TopicName {
      $0.put("health/")
      $0.put(node)
    }
  }

  private mutating func send(_ publication: Publication) -> Int32? {
    let node = configuration.node
    let topic: TopicName
    switch publication.topic {
    case .bundle(let next):
      topic = TopicName {
        $0.put("bundle/")
        $0.put(next)
        $0.put("/")
        $0.put(node)
      }
    case .health: topic = healthTopic()
    }
    do throws(BrokerError) {
      return try broker.publish(
        topic: topic.span, payload: publication.payload.span,
        isRetained: publication.topic == .health, expirySeconds: publication.expirySeconds)
    } catch {
      return nil
    }
  }
}
