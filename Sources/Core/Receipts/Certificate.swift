// The signatures that make a block final.
// Invariants: at most `Limits.validatorsMax`, sorted by node, each node once: what is counted is
// distinct validators.

import Limits
import Records
public import Wire

public struct Certificate: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public var node: UInt64
    public var signature: Signature

    public init(node: UInt64, signature: Signature) {
      self.node = node
      self.signature = signature
    }
  }

  private var entries: InlineArray<10, Entry>
  public private(set) var count = 0

  public static var capacity: Int { Limits.validatorsMax }
  /// Array; per entry array, node, signature.
  public static let bytesMax = 1 + Limits.validatorsMax * (1 + 9 + 66)

  public init() { entries = .init(repeating: Entry(node: 0, signature: Signature())) }

  public subscript(_ index: Int) -> Entry {
    precondition(index >= 0 && index < count, "no such signature")
    return entries[index]
  }

  /// Adds a signature after the others.
  /// - Throws: `duplicateKey` unless its node is above all before it; `noSpace` if there are
  ///   `capacity` of them.
  public mutating func append(_ entry: Entry) throws(WireError) {
    guard count < Self.capacity else { throw .noSpace }
    guard count == 0 || entry.node > entries[count - 1].node else { throw .duplicateKey }
    entries[count] = entry
    count += 1
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.count == b.count else { return false }
    for i in 0..<a.count where a.entries[i] != b.entries[i] { return false }
    return true
  }

  /// Encodes to the beginning of `output`; returns the number of bytes, at most `bytesMax`.
  @_lifetime(output: copy output)
  public func encode(into output: inout MutableSpan<UInt8>) throws(WireError) -> Int {
    var writer = CBORWriter(output.whole())
    try encode(into: &writer)
    return writer.count
  }

  @_lifetime(writer: copy writer)
  func encode(into writer: inout CBORWriter) throws(WireError) {
    try writer.array(count)
    for i in 0..<count {
      try writer.array(2)
      try writer.unsigned(entries[i].node)
      try writer.byteString(entries[i].signature.span)
    }
  }

  public init(parsing bytes: Span<UInt8>) throws(WireError) {
    var reader = CBORReader(bytes)
    try self.init(from: &reader)
    try reader.finish()
  }

  init(from reader: inout CBORReader) throws(WireError) {
    self.init()
    let signatures = try reader.array(max: Self.capacity)
    guard signatures > 0 else { throw .outOfRange }
    for _ in 0..<signatures {
      try reader.array(exactly: 2)
      try append(Entry(node: reader.node(), signature: reader.fixed()))
    }
  }

  /// Checks that a quorum of `validators`, which must be the set that the header names, signed
  /// `header`. One signature that does not hold spoils the certificate: whoever put it together had
  /// checked them all.
  /// - Complexity: a signature check per entry.
  public func verify<P: Primitives>(
    _ header: BlockHeader, by validators: ValidatorSet, with primitives: P.Type
  ) throws(ProofError) {
    guard validators.count > 0, header.validators == validators.hash(with: primitives) else {
      throw .wrongValidators
    }
    let signed = EncodedHeader(toBeSigned: header)
    for i in 0..<count {
      guard let key = validators.key(of: entries[i].node) else { throw .unknownSigner }
      guard P.verify(entries[i].signature.span, over: signed.span, by: key) else {
        throw .badSignature
      }
    }
    guard count >= validators.quorum else { throw .noQuorum }
  }
}
