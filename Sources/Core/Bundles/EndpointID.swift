// Endpoint IDs (RFC 9171 4.2.5.1; RFC 9758 for the ipn scheme).
// Invariants: an ipn endpoint is the same value whether it came as two numbers or as three.

import Wire

public enum EndpointID: Sendable, Equatable {
  /// `dtn:none`.
  case none
  /// `node` is the fully qualified node number: allocator times 2^32 plus node (RFC 9758 3.2).
  case ipn(node: UInt64, service: UInt64)
  /// `dtn:` and the text in this range of the bundle.
  case dtn(Range<Int>)
  /// A scheme that is not known here.
  case other(scheme: UInt64)

  /// Whether it names nobody: `dtn:none`, and `ipn:0.n` (RFC 9758 3.4.1).
  public var isNull: Bool {
    switch self {
    case .none: true
    case .ipn(let node, _): node == 0
    case .dtn, .other: false
    }
  }

  private static let dtnScheme: UInt64 = 1
  private static let ipnScheme: UInt64 = 2

  init(_ reader: inout CBORReader) throws(BundleError) {
    do throws(WireError) {
      try reader.array(exactly: 2)
      switch try reader.unsigned() {
      case Self.dtnScheme: self = try Self.dtn(&reader)
      case Self.ipnScheme: self = try Self.ipn(&reader)
      case let scheme:
        try reader.skip()
        self = .other(scheme: scheme)
      }
    } catch .truncated {
      throw .truncated
    } catch {
      throw .endpoint
    }
  }

  private static func dtn(_ reader: inout CBORReader) throws(WireError) -> EndpointID {
    if try reader.peekMajor() == 0 {
      _ = try reader.unsigned(max: 0)
      return .none
    }
    let text = try reader.text()
    return .dtn(reader.position - text.count..<reader.position)
  }

  private static func ipn(_ reader: inout CBORReader) throws(WireError) -> EndpointID {
    switch try reader.array(max: 3) {
    case 2:
      let node = try reader.unsigned()
      return .ipn(node: node, service: try reader.unsigned())
    case 3:
      let allocator = try reader.unsigned(max: UInt64(UInt32.max))
      let node = try reader.unsigned(max: UInt64(UInt32.max))
      return .ipn(node: allocator << 32 | node, service: try reader.unsigned())
    default: throw .outOfRange
    }
  }
}

extension CBORWriter {
  /// Only what our nodes are: `ipn` as two numbers, and nobody.
  @_lifetime(self: copy self)
  mutating func endpoint(_ endpoint: EndpointID) throws(BundleError) {
    do throws(WireError) {
      try array(2)
      switch endpoint {
      case .none:
        try unsigned(1)
        try unsigned(0)
        return
      case .ipn(let node, let service):
        try unsigned(2)
        try array(2)
        try unsigned(node)
        try unsigned(service)
        return
      case .dtn, .other: break
      }
    } catch {
      throw BundleError(error)
    }
    throw .endpoint
  }
}
