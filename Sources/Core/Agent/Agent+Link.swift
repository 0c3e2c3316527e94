// The link and what goes up on it (Sync/MAPPING.md).

public import Contacts
import Gates
import Limits
import Records
import Rings
public import Sync
public import Wire

/// What the broker said.
public enum LinkNews: Sendable, Equatable {
  /// CONNACK, accepted.
  case connected
  /// SUBACK, granted.
  case subscribed
  /// Refused, or gone.
  case lost
  /// PUBACK. `reason` below 0x80 is success; 0x10 says that nobody was there to take it.
  case published(messageID: Int32, reason: UInt8)
}

extension Agent {
  /// Takes a new contact plan, or keeps the old one.
  /// - Parameter reference: what `+seconds` count from, Unix milliseconds.
  public mutating func loadPlan(
    _ text: Span<UInt8>, reference: Int64
  ) throws(ContactError) { try plan.load(text, reference: reference) }

  public func isWindowOpen(_ now: Now) -> Bool {
    plan.isOpen(settings.node, to: settings.upstream, at: instant(now).milliseconds)
  }

  public mutating func link<D: Disk & ~Copyable>(
    _ news: LinkNews, now: Now, disk: inout D, into actions: inout Actions
  ) {
    switch news {
    case .connected:
      step(.connected, now: now, into: &actions)
    case .subscribed:
      step(.subscribed, now: now, into: &actions)
    case .lost:
      step(.lost, now: now, into: &actions)
    case .published(let messageID, let reason):
      published(messageID, reason, now: now, into: &actions.notices)
    }
    tend(now, disk: &disk, into: &actions)
  }

  mutating func step(_ event: Link.Event, now: Now, into actions: inout Actions) {
    let wasOpen = link.state != .closed
    let isOpen = isWindowOpen(now)
    let action = link.step(event, windowIsOpen: isOpen, now: now.elapsed)
    if isOpen && !wasOpen { actions.notices.append(Notice(.info, "window_open")) }
    if !isOpen && wasOpen { actions.notices.append(Notice(.info, "window_closed")) }
    switch action {
    case .none: return
    case .greet:
      owesBirth = true
      owesGreeting = true
      greetingID = 0
      actions.notices.append(Notice(.info, "link_up"))
      uplink.rewind(to: ring)
    case .drop, .leave:
      owesBirth = false
      owesGreeting = false
      greetingDue = .max
      uplink.rewind(to: ring)
      if case .waiting(let until) = link.state {
        actions.notices.append(
          Notice(.warning, "link_lost").with("retry_ms", until - now.elapsed))
      }
    case .connect, .subscribe: break
    }
    actions.link = action
  }

  private mutating func published(
    _ messageID: Int32, _ reason: UInt8, now: Now, into notices: inout Notices
  ) {
    if reason == 0x10 {
      counters.unmatchedPublishes += 1
      // The validator has not subscribed yet; records are sent again without this.
      if messageID == greetingID {
        greetingDue = min(greetingDue, now.elapsed + Self.unheardMilliseconds)
      }
    }
    if reason >= 0x80 {
      counters.refusedPublishes += 1
      notices.append(Notice(.error, "publish_refused").with("reason", Int64(reason)))
    }
    // Refused or not: the receipt decides. Without one, the bundle's time will run out.
    uplink.published(messageID, now: now.elapsed)
  }

  /// The next message for the broker; nil if there is none now. Publish it, then call `handedOver`.
  /// Its bytes stand until the next call of anything.
  public mutating func nextPublication<D: Disk & ~Copyable>(
    _ now: Now, disk: inout D, into notices: inout Notices
  ) -> Publication? {
    guard link.isUp else { return nil }
    if owesBirth { return birth(now) }
    let header = BatchHeader(
      node: settings.node, epoch: epoch, boot: ring.boot, height: used.coveredHeight,
      trust: trustVersion)
    let expiry = UInt32(Limits.bundleLifetimeMilliseconds / 1000)
    let topic = Publication.Topic.bundle(next: settings.upstream)
    while true {
      do throws(UplinkError) {
        if owesGreeting {
          var asking = header
          asking.want = wantedShards
          let bundle = try uplink.greeting(header: asking, now: instant(now))
          return Publication(topic: topic, payload: bundle, expirySeconds: expiry)
        }
        guard
          let (flight, bundle) = try uplink.next(
            ring, header: header, now: instant(now), disk: &disk)
        else { return nil }
        flightOnOffer = flight
        return Publication(topic: topic, payload: bundle, expirySeconds: expiry)
      } catch {
        notices.append(Notice(.alarm, "records_unreadable"))
        // The cursor stands behind the hole: what is there need not wait.
        guard error == .ring(.corrupt) else { return nil }
      }
    }
  }

  /// The publication that was offered is with the library.
  public mutating func handedOver(_ messageID: Int32, now: Now) {
    if owesBirth {
      owesBirth = false
      return
    }
    counters.bundlesSent += 1
    if owesGreeting {
      owesGreeting = false
      // Only a greeting is the next one's measure: a busy gate's batches would put it off for ever.
      greetingDue = now.elapsed + Self.greetingMilliseconds
      shardsAwaited = wantedShards?.count ?? 0
      greetingID = messageID
      return
    }
    guard let flight = flightOnOffer else { return }
    for index in 0..<Limits.ringClasses where !flight.runs[index].isEmpty {
      counters.recordsSent += flight.runs[index].last - flight.runs[index].first + 1
    }
    uplink.sent(flight, messageID: messageID, now: now.elapsed)
    flightOnOffer = nil
  }

  public var bundlesInFlight: Int { uplink.window.count }
  public var bundlesResent: UInt64 { uplink.window.resent }
}
