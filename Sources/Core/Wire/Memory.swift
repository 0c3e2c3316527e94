// Memory that the rim took once, at start, and never gives back: every buffer of the core whose
// size follows from the configuration. The only file of the core that knows a pointer.
// Invariants: `base` is valid for `count` bytes for the life of the process; a Memory is owned by
// one place (it is not copyable); an Extent names bytes of a Memory without borrowing it, so that
// an action can carry it to the rim and back.

import Limits
/// `count` bytes, zero at first, owned by one state machine.
@safe
public struct Memory: ~Copyable {
  private let base: UnsafeMutablePointer<UInt8>
  public private(set) var count: Int

  /// - Parameter base: `count` bytes, zeroed, that live as long as the process and that nothing
  ///   else writes.
  public init(unsafe base: UnsafeMutablePointer<UInt8>, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeStart: base, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  public var mutableSpan: MutableSpan<UInt8> {
    @_lifetime(&self)
    mutating get {
      let span = unsafe MutableSpan(_unsafeStart: base, count: count)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  @_lifetime(&self)
  public mutating func mutableSpan(_ range: Range<Int>) -> MutableSpan<UInt8> {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range beyond the memory")
    let span = unsafe MutableSpan(_unsafeStart: base + range.lowerBound, count: range.count)
    return unsafe _overrideLifetime(span, mutating: &self)
  }

  @_lifetime(borrow self)
  public func span(_ range: Range<Int>) -> Span<UInt8> { span.extracting(range) }

  /// Splits off the last `bytes`, for another owner.
  public mutating func takeLast(_ bytes: Int) -> Memory {
    precondition(bytes >= 0 && bytes <= count, "split beyond the memory")
    count -= bytes
    return unsafe Memory(unsafe: base + count, count: bytes)
  }

  /// Names `range` for an action. Whoever performs the action reads or writes there until it has
  /// reported; the owner leaves the bytes alone until then.
  public func extent(_ range: Range<Int>) -> Extent {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range beyond the memory")
    return unsafe Extent(base: base + range.lowerBound, count: range.count)
  }
}

/// Bytes of some Memory, named and not borrowed.
@safe
public struct Extent: @unchecked Sendable {
  public let base: UnsafeMutablePointer<UInt8>
  public let count: Int

  init(base: UnsafeMutablePointer<UInt8>, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  public init() {
    unsafe base = UnsafeMutablePointer(bitPattern: 1)!
    count = 0
  }

  /// The bytes now.
  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeStart: base, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

/// Hands out Memory from one block, at start only.
@safe
public struct Arena: ~Copyable {
  private let base: UnsafeMutablePointer<UInt8>
  private let count: Int
  public private(set) var used: Int = 0

  /// - Parameter base: `count` zeroed bytes, aligned to 4096, that live as long as the process.
  public init(unsafe base: UnsafeMutablePointer<UInt8>, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  /// Takes `bytes`, aligned to a page of the ring. A programmer error if the arena is too small:
  /// its size is computed from the same limits.
  public mutating func take(_ bytes: Int) -> Memory {
    let start = (used + Limits.pageBytes - 1) / Limits.pageBytes * Limits.pageBytes
    precondition(bytes >= 0 && bytes <= count - start, "arena is smaller than its limits say")
    used = start + bytes
    return unsafe Memory(unsafe: base + start, count: bytes)
  }
}
