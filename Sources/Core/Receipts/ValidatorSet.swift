// The validators whose quorum is believed.
// Invariants: at most `Limits.validatorsMax`, sorted by node, each node once.

import Limits
public import Wire

public struct Validator: Sendable, Equatable {
  public var node: UInt64
  public var key: PublicKey

  public init(node: UInt64, key: PublicKey) {
    self.node = node
    self.key = key
  }
}

public struct ValidatorSet: Sendable, Equatable {
  private var members: InlineArray<10, Validator>
  public private(set) var count = 0

  public static var capacity: Int { Limits.validatorsMax }

  /// The empty set, which nobody believes.
  public init() { members = .init(repeating: Validator(node: 0, key: PublicKey())) }

  public subscript(_ index: Int) -> Validator {
    precondition(index >= 0 && index < count, "no such validator")
    return members[index]
  }

  /// Adds a validator after the others.
  /// - Throws: `duplicateKey` unless its node is above all before it; `noSpace` if the set is full.
  public mutating func append(_ validator: Validator) throws(WireError) {
    guard count < Self.capacity else { throw .noSpace }
    guard count == 0 || validator.node > members[count - 1].node else { throw .duplicateKey }
    members[count] = validator
    count += 1
  }

  /// Signatures of distinct validators that make a certificate: n - floor((n-1)/3).
  public var quorum: Int { Self.quorum(of: count) }

  /// - Precondition: `count` >= 0.
  public static func quorum(of count: Int) -> Int { count == 0 ? 1 : count - (count - 1) / 3 }

  public func key(of node: UInt64) -> PublicKey? {
    for i in 0..<count where members[i].node == node { return members[i].key }
    return nil
  }

  public static func == (a: Self, b: Self) -> Bool {
    guard a.count == b.count else { return false }
    for i in 0..<a.count where a.members[i] != b.members[i] { return false }
    return true
  }

  /// What a header holds of the set: H of the CBOR array [* [node, key]].
  public func hash<P: Primitives>(with primitives: P.Type) -> Hash {
    var bytes = InlineArray<512, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    var writer = CBORWriter(span.whole())
    do throws(WireError) {
      try writer.array(count)
      for i in 0..<count {
        try writer.array(2)
        try writer.unsigned(members[i].node)
        try writer.byteString(members[i].key.span)
      }
    } catch {
      preconditionFailure("ten validators take 441 bytes at most")
    }
    return P.hash(writer.written())
  }
}
