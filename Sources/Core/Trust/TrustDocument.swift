// The trust document that a device or validator goes by: who may sign what, and which tickets are
// refused (Records/FORMAT.md).
// Invariants: what is loaded was signed by a vouched-for authority and keeps every rule of the
// format; a document that is refused changes nothing; the version never goes back.

import Limits
public import Wire

public enum TrustError: Error, Equatable {
  case tooLarge
  /// No COSE_Sign1 in the form that we write, or a payload that breaks the format.
  case malformed
  case badAlgorithm
  /// Signed by a key that nobody here vouches for.
  case unknownAuthority
  case badSignature
  /// Of another network than the document that is loaded.
  case wrongNetwork
  /// A version below the loaded one or the floor.
  case older
  /// Another document with the version of the loaded one: somebody signed two.
  case conflict
  /// Only when writing: the output is too small.
  case noSpace
}

/// Who vouches for the first document. Later ones must be signed by an authority that the loaded
/// document names, so that a key that was rotated away no longer signs.
public enum TrustAnchor: Sendable {
  case pinned(PublicKey)
  /// Whatever key the document itself names: its signature is checked, but nobody vouches for it.
  case named
}

public enum TrustChange: Sendable, Equatable {
  case loaded
  /// The very document that was loaded before.
  case unchanged
}

/// How far a document can be relied on for what it does not say.
public enum TrustAge: Sendable, Equatable {
  case fresh
  case stale
  case expired
}

public struct TrustDocument<P: Primitives>: ~Copyable {
  /// What `init(memory:)` needs, bytes.
  public static var memoryBytes: Int { Limits.trustBytesMax }
  /// What `load` needs as scratch, bytes.
  public static var scratchBytes: Int { Limits.trustBytesMax + 128 }

  var memory: Memory
  var layout = TrustLayout()
  private var count = 0
  private let versionFloor: UInt64
  /// H of the whole document; zero when none is loaded.
  public private(set) var hash = Hash()
  /// Who signed the document.
  public private(set) var signer = PublicKey()

  /// - Parameters:
  ///   - memory: at least `memoryBytes`.
  ///   - versionFloor: the lowest version that is accepted.
  public init(memory: consuming Memory, versionFloor: UInt64 = 0) {
    precondition(memory.count >= Self.memoryBytes, "memory is smaller than a trust document")
    self.memory = memory
    self.versionFloor = versionFloor
  }

  public var isLoaded: Bool { count > 0 }
  public var head: TrustHead { layout.head }
  /// 0 when none is loaded.
  public var version: UInt64 { layout.head.version }

  /// The whole signed document, as it came.
  public var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    get { memory.span(0..<count) }
  }

  /// Replaces the loaded document by `document`, or throws and changes nothing.
  /// - Parameter scratch: at least `scratchBytes`.
  /// - Throws: any `TrustError` but `noSpace`; the first that applies in the order of its cases.
  /// - Complexity: one signature check and one pass.
  @_lifetime(scratch: copy scratch)
  public mutating func load(
    _ document: Span<UInt8>, anchor: TrustAnchor, scratch: inout MutableSpan<UInt8>
  ) throws(TrustError) -> TrustChange {
    precondition(scratch.count >= Self.scratchBytes, "scratch is smaller than a trust document")
    if isLoaded && equal(document, bytes) { return .unchanged }
    guard document.count <= Limits.trustBytesMax else { throw .tooLarge }
    let (sign1, key) = try Self.envelope(document)
    guard vouches(for: key, anchor) else { throw .unknownAuthority }
    guard
      sign1.verify(
        document, external: trustContext, by: key, with: P.self, scratch: &scratch)
    else { throw .badSignature }
    let layout: TrustLayout
    do throws(WireError) {
      layout = try TrustLayout(parsing: document, payload: sign1.payload)
    } catch {
      throw .malformed
    }
    guard !isLoaded || layout.head.network == head.network else { throw .wrongNetwork }
    guard layout.head.version >= max(version, versionFloor) else { throw .older }
    guard !isLoaded || layout.head.version > version else { throw .conflict }
    var target = memory.mutableSpan(0..<document.count)
    copy(document, to: &target)
    count = document.count
    self.layout = layout
    hash = P.hash(document)
    signer = key
    return .loaded
  }

  private static func envelope(_ document: Span<UInt8>) throws(TrustError) -> (Sign1, PublicKey) {
    let sign1: Sign1
    do throws(COSEError) {
      sign1 = try Sign1(parsing: document)
    } catch {
      throw error == .badAlgorithm ? .badAlgorithm : .malformed
    }
    guard sign1.isDeterministic(document), let keyID = sign1.keyID, keyID.count == 32 else {
      throw .malformed
    }
    return (sign1, PublicKey(document.extracting(keyID)))
  }

  private func vouches(for key: PublicKey, _ anchor: TrustAnchor) -> Bool {
    guard isLoaded else {
      switch anchor {
      case .pinned(let pinned): return key == pinned
      case .named: return true
      }
    }
    for i in 0..<layout.authorities.count
    where equal(bytes.run(32, at: layout.authorities[i]), key.span) { return true }
    return false
  }
}

/// `external_aad` of a trust document's signature.
var trustContext: StaticString { "tollkeeper/trust/1" }
