// Memory, clocks, descriptors, signals, the status socket.

import CPlatform
public import Wire

public enum System {
  /// Memory for everything whose size is known at start; nil if there is not enough.
  public static func arena(bytes: Int) -> Arena? {
    guard let base = unsafe tk_arena(bytes) else { return nil }
    return unsafe Arena(
      unsafe: base.bindMemory(to: UInt8.self, capacity: bytes), count: bytes)
  }

  /// Bounds the memory of the process: libmosquitto 2.0.11 allocates whatever length a broker's
  /// packet claims, up to 256 MB; beyond this bound it gets an error and ends the connection.
  public static func limitMemory(bytes: Int) { tk_limit_memory(bytes) }

  /// The wall clock, without a boot number.
  public static func now() -> Now {
    Now(instant: Instant(milliseconds: tk_realtime_ms()), elapsed: tk_boottime_ms())
  }

  public static var monotonicNanoseconds: UInt64 { tk_monotonic_ns() }
  public static var cpuNanoseconds: UInt64 { tk_cpu_ns() }
}

/// A descriptor that bytes come from or go to.
public struct Channel: ~Copyable {
  public let descriptor: Int32
  private let isOwned: Bool

  init(_ descriptor: Int32, isOwned: Bool) {
    self.descriptor = descriptor
    self.isOwned = isOwned
  }

  deinit { if isOwned { tk_close(descriptor) } }

  public static var standardInput: Channel { Channel(0, isOwned: false) }
  public static var standardOutput: Channel { Channel(1, isOwned: false) }
  public static var standardError: Channel { Channel(2, isOwned: false) }

  /// A serial line, raw, 8N1.
  public static func serial(_ path: Path, baud: Int32) throws(KernelError) -> Channel {
    let result = unsafe path.withCString { unsafe tk_serial($0, baud) }
    if result < 0 { throw KernelError(result) }
    return Channel(result, isOwned: true)
  }

  /// A socket that answers with the status.
  public static func statusListener(_ path: Path) throws(KernelError) -> Channel {
    let result = unsafe path.withCString { unsafe tk_status_listen($0) }
    if result < 0 { throw KernelError(result) }
    return Channel(result, isOwned: true)
  }

  public static func statusClient(_ path: Path) throws(KernelError) -> Channel {
    let result = unsafe path.withCString { unsafe tk_status_connect($0) }
    if result < 0 { throw KernelError(result) }
    return Channel(result, isOwned: true)
  }

  public func accept() throws(KernelError) -> Channel {
    let result = tk_status_accept(descriptor)
    if result < 0 { throw KernelError(result) }
    return Channel(result, isOwned: true)
  }

  /// What is there, up to `target.count` bytes: 0 at the end, nil if nothing is there now.
  @_lifetime(target: copy target)
  public func read(into target: inout MutableSpan<UInt8>) throws(KernelError) -> Int? {
    let count = target.count
    let descriptor = self.descriptor
    let result = unsafe target.withUnsafeMutableBufferPointer {
      unsafe tk_read(descriptor, $0.baseAddress, count)
    }
    if result == -11 { return nil }
    if result < 0 { throw KernelError(result) }
    return Int(result)
  }

  /// Everything, however long it takes.
  public func write(_ bytes: Span<UInt8>) throws(KernelError) {
    let descriptor = self.descriptor
    let result = unsafe bytes.withUnsafeBufferPointer {
      unsafe tk_write_all(descriptor, $0.baseAddress, $0.count)
    }
    if result < 0 { throw KernelError(result) }
  }

  /// What the reader takes within `patience` milliseconds, at most 4,096 bytes: their number, or nil if
  /// it takes none.
  public func writeSome(
    _ bytes: Span<UInt8>, patience: Int32 = 0
  ) throws(KernelError) -> Int? {
    let descriptor = self.descriptor
    let result = unsafe bytes.withUnsafeBufferPointer {
      unsafe tk_write_some(descriptor, $0.baseAddress, $0.count, patience)
    }
    if result == -11 { return nil }
    if result < 0 { throw KernelError(result) }
    return Int(result)
  }
}

public enum Signal: Sendable {
  /// SIGTERM or SIGINT.
  case stop
  /// SIGHUP.
  case reload
}

public struct Signals: ~Copyable {
  public let descriptor: Int32

  /// Before the flush thread starts, so that it leaves the signals to the loop.
  public init() throws(KernelError) {
    let result = tk_signals()
    if result < 0 { throw KernelError(result) }
    descriptor = result
  }

  public func next() -> Signal? {
    switch tk_next_signal(descriptor) {
    case 1: .reload
    case 2, 15: .stop
    default: nil
    }
  }
}

/// What the loop waits for.
public struct Poller: ~Copyable {
  private var polls = InlineArray<8, tk_poll>(repeating: tk_poll(fd: -1, events: 0, ready: 0))
  private var count: Int32 = 0

  public init() {}

  public mutating func removeAll() { count = 0 }

  /// Waits for `descriptor` too; returns its place. A negative descriptor is never ready.
  public mutating func add(_ descriptor: Int32, forWriting: Bool = false) -> Int {
    let events = TK_IN | (forWriting ? TK_OUT : 0)
    polls[Int(count)] = tk_poll(fd: descriptor, events: Int16(events), ready: 0)
    count += 1
    return Int(count) - 1
  }

  /// Waits until `descriptor` takes bytes, and for nothing that it may give.
  public mutating func addOutput(_ descriptor: Int32) {
    polls[Int(count)] = tk_poll(fd: descriptor, events: Int16(TK_OUT), ready: 0)
    count += 1
  }

  /// - Parameter timeout: milliseconds; nil waits for ever.
  public mutating func wait(timeout: Int64?) throws(KernelError) {
    var span = polls.mutableSpan
    let count = self.count
    let result = unsafe span.withUnsafeMutableBufferPointer {
      unsafe tk_wait($0.baseAddress, count, timeout ?? -1)
    }
    if result < 0 { throw KernelError(result) }
  }

  /// Bytes are there, or the end, or an error.
  public func isReadable(_ place: Int) -> Bool { polls[place].ready & ~Int16(TK_OUT) != 0 }

  public func isWritable(_ place: Int) -> Bool { polls[place].ready & Int16(TK_OUT) != 0 }
}
