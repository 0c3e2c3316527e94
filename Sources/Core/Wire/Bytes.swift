// A value of a fixed number of bytes: hashes, keys, signatures, identities.
// Invariants: the size is part of the type; comparing takes the same time whatever differs.
// Inlinable, because a generic of another module that is not specialized is three times slower. The
// spans are transparent, as InlineArray's own are: a getter that is specialized later (6.3.1) takes
// the bytes as a copy on the stack, and the span outlives the copy.

/// `size` bytes by value.
public struct Bytes<let size: Int>: Sendable, Equatable {
  public var storage: InlineArray<size, UInt8>

  /// All zero.
  @inlinable
  public init() { storage = .init(repeating: 0) }

  /// Copies `source`, whose count must be `size` (a programmer error otherwise).
  @inlinable
  public init(_ source: Span<UInt8>) {
    precondition(source.count == size, "byte count differs from the type's")
    storage = InlineArray<size, UInt8> { source[$0] }
  }

  @_transparent
  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get { storage.span }
  }

  @_transparent
  public var mutableSpan: MutableSpan<UInt8> {
    @_lifetime(&self)
    mutating get { storage.mutableSpan }
  }

  @inlinable
  public static func == (a: Self, b: Self) -> Bool {
    var difference: UInt8 = 0
    for i in 0..<size { difference |= a.storage[i] ^ b.storage[i] }
    return difference == 0
  }

  public var isZero: Bool { self == Self() }

  /// Byte order of the contents, as sorted lists in documents use it.
  public static func < (a: Self, b: Self) -> Bool {
    for i in 0..<size where a.storage[i] != b.storage[i] { return a.storage[i] < b.storage[i] }
    return false
  }
}

/// BLAKE2b-256 of something.
public typealias Hash = Bytes<32>
/// Ed25519 public key, as RFC 8032 encodes it.
public typealias PublicKey = Bytes<32>
/// Ed25519 signature, R then S.
public typealias Signature = Bytes<64>
/// libsodium's secret key: the 32-byte seed, then the public key.
public typealias SecretKey = Bytes<64>
/// What makes a ticket the same ticket, from signed bytes only: see Records/FORMAT.md.
public typealias TicketIdentity = Bytes<16>

/// Bytes of bounded length by value: labels, names, key identifiers.
public struct BoundedBytes<let capacity: Int>: Sendable, Equatable {
  @usableFromInline var storage: InlineArray<capacity, UInt8>
  public private(set) var count: Int

  public init() {
    storage = .init(repeating: 0)
    count = 0
  }

  /// Copies `source`; nil if it is longer than the capacity.
  public init?(_ source: Span<UInt8>) {
    guard source.count <= capacity else { return nil }
    self.init()
    for i in source.indices { storage[i] = source[i] }
    count = source.count
  }

  /// Copies `text`; a programmer error if it is longer than the capacity.
  public init(_ text: StaticString) {
    self.init()
    precondition(text.utf8CodeUnitCount <= capacity, "text is longer than its place")
    for byte in TextBytes(text) {
      storage[count] = byte
      count += 1
    }
  }

  public var isEmpty: Bool { count == 0 }

  @_transparent
  public var span: Span<UInt8> {
    @_lifetime(borrow self)
    get { storage.span.extracting(first: count) }
  }

  public static func == (a: Self, b: Self) -> Bool { equal(a.span, b.span) }

  public func equals(_ other: Span<UInt8>) -> Bool { equal(span, other) }
}

/// Whether two runs of bytes are the same.
public func equal(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
  guard a.count == b.count else { return false }
  for i in a.indices where a[i] != b[i] { return false }
  return true
}

/// Whether `bytes` spells `text` in ASCII.
public func equal(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
  guard bytes.count == text.utf8CodeUnitCount else { return false }
  var i = 0
  for byte in TextBytes(text) {
    if bytes[i] != byte { return false }
    i += 1
  }
  return true
}

/// Copies `source` to the beginning of `target`, which must be at least as long.
@_lifetime(target: copy target)
public func copy(_ source: Span<UInt8>, to target: inout MutableSpan<UInt8>, at offset: Int = 0) {
  precondition(
    offset >= 0 && source.count <= target.count - offset, "copy beyond the end")
  unsafe source.withUnsafeBufferPointer { from in
    unsafe target.withUnsafeMutableBufferPointer { to in
      guard let start = from.baseAddress, let place = to.baseAddress else { return }
      unsafe (place + offset).update(from: start, count: from.count)
    }
  }
}

/// The UTF-8 bytes of a literal, without making a String of it.
public struct TextBytes: Sequence, IteratorProtocol {
  private let text: StaticString
  private var position = 0

  public init(_ text: StaticString) { self.text = text }

  public mutating func next() -> UInt8? {
    guard position < text.utf8CodeUnitCount else { return nil }
    defer { position += 1 }
    return unsafe text.utf8Start[position]
  }

  #if hasFeature(Embedded)
    /// Sequence's own would allocate, and the no-heap build refuses to compile it.
    public func _copyToContiguousArray() -> ContiguousArray<UInt8> { fatalError("no heap") }
  #endif
}

extension MutableSpan<UInt8> {
  /// The same bytes, lent on: for handing to a writer without giving the span away.
  @_lifetime(&self)
  public mutating func whole() -> MutableSpan<UInt8> { _mutatingExtracting(...) }

  @_lifetime(&self)
  public mutating func part(_ range: Range<Int>) -> MutableSpan<UInt8> {
    _mutatingExtracting(range)
  }
}
