// The record of one scan (FORMAT.md, "Records").
// Invariants: what parses is in its one encoding, so encoding it again gives the same bytes; the
// record's id is the hash of those bytes.

public import Wire

/// A supervisor's credential that admitted against the rules.
public struct Override: Sendable, Equatable {
  /// Of the credential.
  public var identity: TicketIdentity
  /// Which use of it this is, as this gate counts: 1 for the first.
  public var use: UInt16

  public init(identity: TicketIdentity, use: UInt16) {
    self.identity = identity
    self.use = use
  }
}

public struct ScanRecord: Sendable, Equatable {
  /// Per device, epoch and class; from 1, without a hole.
  public var sequence: UInt64
  /// Hash of the record before in the class; zero for the first.
  public var previous: Hash
  public var instant: Instant
  /// Nil when nothing was verified.
  public var subject: TicketIdentity?
  public var operation: Operation
  public var reason: Reason
  /// The gate's event and zone mask.
  public var event: UInt32
  public var zone: UInt32
  /// Which use of the ticket this is, as this gate counts: 1 for the first, 0 if refused.
  public var use: UInt16
  /// How many the ticket allows; 0 if refused before the claims were read.
  public var entries: UInt16
  public var clock: KnownClock
  /// What the gate remembers of the passage, as its used-set keeps it (Gates/FORMAT.md, "Table
  /// page"); nil if that follows from operation and time alone.
  public var passage: UInt32?
  public var override: Override?

  static let kind: UInt64 = 1
  /// Items of a record, without and with passage and override.
  static let items = 14
  static let itemsWithPassage = 16
  private var hasPassage: Bool { passage != nil || override != nil }

  public init(
    sequence: UInt64, previous: Hash, instant: Instant, subject: TicketIdentity?,
    operation: Operation, reason: Reason, event: UInt32, zone: UInt32, use: UInt16,
    entries: UInt16, clock: KnownClock, passage: UInt32? = nil,
    override: Override? = nil
  ) {
    self.sequence = sequence
    self.previous = previous
    self.instant = instant
    self.subject = subject
    self.operation = operation
    self.reason = reason
    self.event = event
    self.zone = zone
    self.use = use
    self.entries = entries
    self.clock = clock
    self.passage = passage
    self.override = override
  }

  /// Admissions or refusals.
  public var recordClass: RecordClass { reason == .valid ? .admissions : .refusals }

  /// Encodes to the beginning of `output`; returns the number of bytes, at most
  /// `Limits.recordBytesMax`.
  @_lifetime(output: copy output)
  public func encode(into output: inout MutableSpan<UInt8>) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try writer.array(hasPassage ? Self.itemsWithPassage : Self.items)
    try writer.unsigned(Self.kind)
    try writer.unsigned(sequence)
    try writer.byteString(previous.span)
    try instant.encode(into: &writer)
    if let subject {
      try writer.byteString(subject.span)
    } else {
      try writer.null()
    }
    try writer.unsigned(UInt64(operation.rawValue))
    try writer.unsigned(UInt64(reason.rawValue))
    try writer.unsigned(UInt64(event))
    try writer.unsigned(UInt64(zone))
    try writer.unsigned(UInt64(use))
    try writer.unsigned(UInt64(entries))
    try clock.encode(into: &writer)
    guard hasPassage else { return writer.count }
    if let passage { try writer.unsigned(UInt64(passage)) } else { try writer.null() }
    if let override {
      try writer.array(2)
      try writer.byteString(override.identity.span)
      try writer.unsigned(UInt64(override.use))
    } else {
      try writer.null()
    }
    return writer.count
  }

  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    guard case .scan(let scan) = try Record(parsing: bytes) else { throw .unexpectedType }
    self = scan
  }

  /// Reads what follows the kind.
  /// - Parameter hasPassage: whether the record says more than the clock.
  init(from reader: inout CBORReader, hasPassage: Bool) throws(WireError) {
    sequence = try reader.ordinal()
    previous = try reader.fixed()
    instant = try Instant(from: &reader)
    subject = try reader.null() ? nil : reader.fixed()
    guard let operation = Operation(rawValue: UInt8(try reader.unsigned(max: 255))),
      let reason = Reason(rawValue: UInt8(try reader.unsigned(max: 255)))
    else { throw .outOfRange }
    self.operation = operation
    self.reason = reason
    event = try reader.uint32()
    zone = try reader.uint32()
    use = try reader.uint16()
    entries = try reader.uint16()
    clock = try KnownClock(from: &reader)
    guard hasPassage else { return }
    if try !reader.null() { passage = try reader.uint32() }
    if try !reader.null() {
      try reader.array(exactly: 2)
      override = try Override(identity: reader.fixed(), use: reader.uint16())
    }
    // What says nothing has the shorter form.
    guard self.hasPassage else { throw .notCanonical }
  }
}

extension Instant {
  /// boot, time, uncertainty: the order in which every record has them.
  @_lifetime(writer: copy writer)
  func encode(into writer: inout CBORWriter) throws(WireError) {
    try writer.unsigned(UInt64(boot))
    try writer.integer(milliseconds)
    try writer.unsigned(UInt64(uncertainty))
  }

  init(from reader: inout CBORReader) throws(WireError) {
    let boot = try reader.uint32()
    let milliseconds = try reader.integer()
    self.init(milliseconds: milliseconds, uncertainty: try reader.uint32(), boot: boot)
  }
}
