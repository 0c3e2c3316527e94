// An MQTT 5 client for one node (Sync/MAPPING.md), without a thread and without a call that blocks.
// Invariants: nothing is published before this connection's CONNACK; nothing that was published on
// one connection is sent again by the library on the next; whatever the broker says fits the inbox
// or is counted. A PUBACK of any kind frees a place in the window and releases nothing.
//
// The loop: poll `descriptor` for reading, and for writing while `wantsWrite`; give `handle` what
// came (POLLERR and POLLHUP count as readable), then take events until there are none; call `misc`
// at least once a second while `descriptor` is not -1.

import CBroker
public import Limits

public enum BrokerError: Error {
  /// A code of libmosquitto's (`MOSQ_ERR_*`), or 147 (MQTT 5, Receive Maximum exceeded): `room`
  /// is 0.
  case refused(Int32)
  /// There is no connection, or its CONNACK has not come, or it broke in this call.
  case noConnection
  /// Larger than our own limit, or than the packets that this broker takes.
  case tooLarge
  case outOfMemory
  /// The file of authorities cannot be used, or no name to compare a certificate with was given;
  /// or `certificateError` is not 0, and a broker on this machine was refused before `connect`
  /// returned.
  case tls
  /// Not a numeric IPv4 or IPv6 address.
  case address
}

public enum BrokerEvent {
  /// CONNACK. 0 is success (MQTT 5, 3.2.2.2); after another reason `disconnected` follows.
  case connected(reason: UInt8, sessionPresent: Bool)
  /// The end of a connection, once, after everything else that it brought: 0 after our own
  /// DISCONNECT, 128 and above the broker's reason (MQTT 5, 3.14.2.1), else a `MOSQ_ERR_*`.
  case disconnected(reason: Int32)
  /// See `topic` and `payload`.
  case message
  /// PUBACK (MQTT 5, 3.4.2.1): 16 says that nobody has it, 128 and above that it was refused.
  case published(messageID: Int32, reason: UInt8)
  case subscribed(messageID: Int32, isGranted: Bool)
}

@safe
public struct Broker: ~Copyable {
  private let broker: OpaquePointer
  private var event: tk_broker_event

  /// - Parameters:
  ///   - node: Client id and user name, in decimal.
  ///   - inboxBytes: What the messages of one `handle` may take; beyond it they are dropped and
  ///     counted. One read brings up to as many packets as publishes are in flight, at least one,
  ///     so that `(sendMax + 1) * Limits.mqttPacketBytesMax` drops none without TLS. Pages that are
  ///     never reached cost address space alone.
  ///   - receiveMax: Messages that the broker may send us ahead of our PUBACK.
  ///   - sendMax: Publishes and subscriptions without an answer, at most. Twice the bundles of
  ///     the window leaves room for health.
  public init(
    node: UInt64, inboxBytes: Int, receiveMax: UInt16 = 16,
    sendMax: UInt16 = UInt16(Limits.sendWindowBundles * 2)
  ) {
    let made = unsafe tk_broker_create(
      node, inboxBytes, receiveMax, sendMax, UInt32(Limits.mqttPacketBytesMax))
    guard let made = unsafe made else {
      preconditionFailure("no memory for the inbox, or less than its events need")
    }
    unsafe broker = made
    unsafe event = tk_broker_event()
  }

  deinit { unsafe tk_broker_destroy(broker) }

  // MARK: Settings

  // What is wrong with a setting is thrown by each `connect`.

  /// - Parameter password: At most 256 bytes, none of them 0.
  public mutating func setPassword(_ password: Span<UInt8>) {
    unsafe password.withUnsafeBufferPointer { p in
      unsafe tk_broker_set_password(broker, p.baseAddress, p.count)
    }
  }

  /// Turns TLS (1.2 or later) on. Reads the file now.
  /// - Parameters:
  ///   - path: A file of certificates in PEM, at most 256 bytes.
  ///   - serverName: The name, or the address, that the broker's certificate must bear.
  public mutating func setCA(path: Span<UInt8>, serverName: Span<UInt8>) {
    unsafe path.withUnsafeBufferPointer { p in
      unsafe serverName.withUnsafeBufferPointer { n in
        unsafe tk_broker_set_ca(broker, p.baseAddress, p.count, n.baseAddress, n.count)
      }
    }
  }

  /// What the broker publishes, retained, 5 s after a connection ends without a DISCONNECT. Holds
  /// for the connections that begin after it.
  /// - Parameter payload: At most 1,024 bytes.
  public mutating func setWill(topic: Span<UInt8>, payload: Span<UInt8>) {
    unsafe topic.withUnsafeBufferPointer { t in
      unsafe payload.withUnsafeBufferPointer { p in
        unsafe tk_broker_set_will(broker, t.baseAddress, t.count, p.baseAddress, p.count)
      }
    }
  }

  // MARK: Connection

  /// Begins a connection, and ends the one that there was as `drop` does. Events that nobody took
  /// are forgotten, messages among them counted as dropped. After a throw no event follows; after
  /// none, `disconnected` does, sooner or later.
  /// - Parameter address: Numeric; the part before the first zero.
  public mutating func connect(address: Span<UInt8>, port: UInt16) throws(BrokerError) {
    let code = unsafe address.withUnsafeBufferPointer { a in
      unsafe tk_broker_connect(broker, a.baseAddress, a.count, port)
    }
    try Broker.check(code)
  }

  /// Says DISCONNECT, so that the will stays silent. What the kernel did not take at once is left:
  /// poll until `disconnected` comes, or `drop`.
  public mutating func disconnect() { unsafe tk_broker_disconnect(broker) }

  /// Closes without DISCONNECT: the will speaks. No event follows.
  public mutating func drop() { unsafe tk_broker_drop(broker) }

  /// For poll; -1 if there is none. Another one after every `connect`.
  public var descriptor: Int32 { unsafe tk_broker_descriptor(broker) }

  public var wantsWrite: Bool { unsafe tk_broker_wants_write(broker) != 0 }

  public mutating func handle(readable: Bool, writable: Bool) {
    unsafe tk_broker_handle(broker, readable ? 1 : 0, writable ? 1 : 0)
  }

  /// Keeps alive, and gives up a connection whose TCP, TLS or CONNACK takes longer than 30 s.
  public mutating func misc() { unsafe tk_broker_misc(broker) }

  // MARK: Messages

  /// How many more publishes would be accepted now: what `sendMax` and the broker's Receive Maximum
  /// leave, 0 before CONNACK. A place is free again when its `published` or `subscribed` is taken.
  public var room: Int { Int(unsafe tk_broker_room(broker)) }

  /// Publishes at QoS 1.
  /// - Parameter expirySeconds: Message expiry; 0 for none.
  /// - Returns: The message id that `published` will name.
  public mutating func publish(
    topic: Span<UInt8>, payload: Span<UInt8>, isRetained: Bool, expirySeconds: UInt32
  ) throws(BrokerError) -> Int32 {
    let result = unsafe topic.withUnsafeBufferPointer { t in
      unsafe payload.withUnsafeBufferPointer { p in
        unsafe tk_broker_publish(
          broker, t.baseAddress, t.count, p.baseAddress, p.count, isRetained ? 1 : 0,
          expirySeconds)
      }
    }
    return try Broker.identifier(result)
  }

  /// Subscribes at QoS 1.
  /// - Returns: The message id that `subscribed` will name.
  public mutating func subscribe(topic: Span<UInt8>) throws(BrokerError) -> Int32 {
    let result = unsafe topic.withUnsafeBufferPointer { t in
      unsafe tk_broker_subscribe(broker, t.baseAddress, t.count)
    }
    return try Broker.identifier(result)
  }

  /// The oldest event that nobody has taken. Its bytes make room with the next call.
  public mutating func nextEvent() -> BrokerEvent? {
    unsafe tk_broker_next(broker, &event)
    let kind = unsafe Int(event.kind)
    let reason = unsafe event.reason
    let number = unsafe event.number
    let flag = unsafe event.flag != 0
    switch kind {
    case TK_BROKER_CONNECTED: return .connected(reason: reason, sessionPresent: flag)
    case TK_BROKER_DISCONNECTED: return .disconnected(reason: number)
    case TK_BROKER_MESSAGE: return .message
    case TK_BROKER_PUBLISHED: return .published(messageID: number, reason: reason)
    case TK_BROKER_SUBSCRIBED: return .subscribed(messageID: number, isGranted: flag)
    default: return nil
    }
  }

  /// Topic of the last `message`; empty after another event.
  public var topic: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let bytes = unsafe UnsafeBufferPointer(start: event.topic, count: Int(event.topic_count))
      return unsafe _overrideLifetime(Span(_unsafeElements: bytes), borrowing: self)
    }
  }

  /// Payload of the last `message`; empty after another event.
  public var payload: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let bytes = unsafe UnsafeBufferPointer(start: event.payload, count: Int(event.payload_count))
      return unsafe _overrideLifetime(Span(_unsafeElements: bytes), borrowing: self)
    }
  }

  // MARK: Figures

  /// Messages that found the inbox full, since `init`.
  public var droppedMessages: UInt64 { unsafe tk_broker_dropped(broker) }

  /// Why the last connection's certificate was refused, as OpenSSL's `X509_V_ERR_*` (62: not for
  /// the configured name); 0 if it was not.
  public var certificateError: Int32 { unsafe tk_broker_certificate_error(broker) }

  // MARK: Codes of C

  private static func identifier(_ result: Int32) throws(BrokerError) -> Int32 {
    if result > 0 { return result }
    try check(result <= -100 ? -(result + 100) : result)
    return result
  }

  private static func check(_ code: Int32) throws(BrokerError) {
    switch Int(code) {
    case 0: return
    case TK_BROKER_OFFLINE: throw .noConnection
    case TK_BROKER_TOO_LARGE: throw .tooLarge
    case TK_BROKER_ADDRESS: throw .address
    case TK_BROKER_TLS: throw .tls
    case TK_BROKER_NO_MEMORY: throw .outOfMemory
    default: throw .refused(code)
    }
  }
}
