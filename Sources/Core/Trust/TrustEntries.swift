// What a trust document says, one value per kind of entry (Records/FORMAT.md), each read and
// written in one place.

import Limits
public import Wire

public enum KeyStatus: UInt8, Sendable {
  case active = 0
  case revoked = 1
}

public enum DeviceRole: UInt8, Sendable {
  case gate = 0
  case rover = 1
}

/// What stands before the lists.
public struct TrustHead: Sendable, Equatable {
  /// Rises with every document.
  public var version: UInt64
  /// 1 to 32 bytes of UTF-8.
  public var network: BoundedBytes<32>
  /// Unix seconds.
  public var issued: UInt64?
  /// Unix seconds, exclusive.
  public var expires: UInt64?
  /// Age in seconds up to which the document is fresh. Needs `issued`.
  public var freshSeconds: UInt64?
  /// Age in seconds from which it is expired; not below `freshSeconds`. Needs `issued`.
  public var staleSeconds: UInt64?
  /// Hash of the whole previous document.
  public var previous: Hash?

  public init(
    version: UInt64, network: BoundedBytes<32>, issued: UInt64? = nil, expires: UInt64? = nil,
    freshSeconds: UInt64? = nil, staleSeconds: UInt64? = nil, previous: Hash? = nil
  ) {
    self.version = version
    self.network = network
    self.issued = issued
    self.expires = expires
    self.freshSeconds = freshSeconds
    self.staleSeconds = staleSeconds
    self.previous = previous
  }

  /// A document whose age matters says when it was issued; fresh ends before expired begins.
  var isConsistent: Bool {
    if (freshSeconds != nil || staleSeconds != nil) && issued == nil { return false }
    if let freshSeconds, let staleSeconds, staleSeconds < freshSeconds { return false }
    return true
  }
}

/// Who may sign CWT tickets.
public struct Issuer: Sendable {
  /// 1 to 32 bytes. A hint, not unique.
  public var keyID: BoundedBytes<32>
  public var key: PublicKey
  public var status: KeyStatus
  private var events = InlineArray<16, UInt32>(repeating: 0)
  /// Events that the issuer is held to; none means all.
  public private(set) var eventCount = 0
  /// Unix seconds, inclusive.
  public var notBefore: UInt64?
  /// Unix seconds, exclusive.
  public var notAfter: UInt64?

  public init(
    keyID: BoundedBytes<32>, key: PublicKey, status: KeyStatus = .active,
    notBefore: UInt64? = nil, notAfter: UInt64? = nil
  ) {
    self.keyID = keyID
    self.key = key
    self.status = status
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  public func event(at index: Int) -> UInt32 {
    precondition(index < eventCount, "no such event")
    return events[index]
  }

  /// - Precondition: fewer than `Limits.eventsPerIssuerMax` events so far.
  public mutating func append(event: UInt32) {
    precondition(eventCount < Limits.eventsPerIssuerMax, "an issuer has no room for the event")
    events[eventCount] = event
    eventCount += 1
  }

  /// Whether the issuer may sign tickets of `event`.
  public func allows(event: UInt32) -> Bool {
    if eventCount == 0 { return true }
    for i in 0..<eventCount where events[i] == event { return true }
    return false
  }

  /// Whether the key is within its own time.
  /// - Parameter seconds: Unix time.
  public func isCurrent(at seconds: Int64) -> Bool {
    let now = UInt64(max(seconds, 0))
    if let notBefore, now < notBefore { return false }
    if let notAfter, now >= notAfter { return false }
    return true
  }

  init(reading reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 6)
    let keyID = try BoundedBytes<32>(reader.byteString())
    guard let keyID, !keyID.isEmpty else { throw .outOfRange }
    let key: PublicKey = try reader.fixed()
    try self.init(keyID: keyID, key: key, status: KeyStatus(reading: &reader))
    let count = try reader.array(max: Limits.eventsPerIssuerMax)
    for _ in 0..<count { try append(event: UInt32(reader.unsigned(max: UInt64(UInt32.max)))) }
    notBefore = try Self.time(&reader)
    notAfter = try Self.time(&reader)
  }

  private static func time(_ reader: inout CBORReader) throws(WireError) -> UInt64? {
    try reader.null() ? nil : reader.unsigned()
  }

  @_lifetime(writer: copy writer)
  func write(to writer: inout CBORWriter) throws(WireError) {
    try writer.array(6)
    try writer.byteString(keyID.span)
    try writer.byteString(key.span)
    try writer.unsigned(UInt64(status.rawValue))
    try writer.array(eventCount)
    for i in 0..<eventCount { try writer.unsigned(UInt64(events[i])) }
    try Self.write(notBefore, to: &writer)
    try Self.write(notAfter, to: &writer)
  }

  @_lifetime(writer: copy writer)
  private static func write(_ time: UInt64?, to writer: inout CBORWriter) throws(WireError) {
    if let time { try writer.unsigned(time) } else { try writer.null() }
  }
}

/// Who may sign pretix sig1 tickets of an event; an event may have several keys.
public struct PretixKey: Sendable {
  public var event: UInt32
  public var key: PublicKey
  public var status: KeyStatus

  public init(event: UInt32, key: PublicKey, status: KeyStatus = .active) {
    self.event = event
    self.key = key
    self.status = status
  }

  init(reading reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 3)
    event = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    key = try reader.fixed()
    status = try KeyStatus(reading: &reader)
  }

  @_lifetime(writer: copy writer)
  func write(to writer: inout CBORWriter) throws(WireError) {
    try writer.array(3)
    try writer.unsigned(UInt64(event))
    try writer.byteString(key.span)
    try writer.unsigned(UInt64(status.rawValue))
  }
}

/// An enrolled gate or rover.
public struct Device: Sendable, Equatable {
  /// 1 to 2^53 - 1.
  public var node: UInt64
  public var role: DeviceRole
  public var key: PublicKey
  public var zone: UInt32
  /// The enrolment, drawn at random.
  public var epoch: UInt64
  public var status: KeyStatus

  public init(
    node: UInt64, role: DeviceRole, key: PublicKey, zone: UInt32, epoch: UInt64,
    status: KeyStatus = .active
  ) {
    self.node = node
    self.role = role
    self.key = key
    self.zone = zone
    self.epoch = epoch
    self.status = status
  }

  init(reading reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 6)
    node = try readNode(&reader)
    guard let role = try DeviceRole(rawValue: UInt8(reader.unsigned(max: 1))) else {
      throw .outOfRange
    }
    self.role = role
    key = try reader.fixed()
    zone = try UInt32(reader.unsigned(max: UInt64(UInt32.max)))
    epoch = try reader.unsigned()
    status = try KeyStatus(reading: &reader)
  }

  @_lifetime(writer: copy writer)
  func write(to writer: inout CBORWriter) throws(WireError) {
    try writer.array(6)
    try writer.unsigned(node)
    try writer.unsigned(UInt64(role.rawValue))
    try writer.byteString(key.span)
    try writer.unsigned(UInt64(zone))
    try writer.unsigned(epoch)
    try writer.unsigned(UInt64(status.rawValue))
  }
}

public struct Validator: Sendable, Equatable {
  /// 1 to 2^53 - 1.
  public var node: UInt64
  public var key: PublicKey

  public init(node: UInt64, key: PublicKey) {
    self.node = node
    self.key = key
  }

  init(reading reader: inout CBORReader) throws(WireError) {
    try reader.array(exactly: 2)
    node = try readNode(&reader)
    key = try reader.fixed()
  }

  @_lifetime(writer: copy writer)
  func write(to writer: inout CBORWriter) throws(WireError) {
    try writer.array(2)
    try writer.unsigned(node)
    try writer.byteString(key.span)
  }
}

extension KeyStatus {
  init(reading reader: inout CBORReader) throws(WireError) {
    guard let status = try KeyStatus(rawValue: UInt8(reader.unsigned(max: 1))) else {
      throw .outOfRange
    }
    self = status
  }
}

private func readNode(_ reader: inout CBORReader) throws(WireError) -> UInt64 {
  let node = try reader.unsigned(max: 1 << 53 - 1)
  guard node > 0 else { throw .outOfRange }
  return node
}
