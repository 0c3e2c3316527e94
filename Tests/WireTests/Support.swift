// What the tests of this module share: bytes from hex, published vectors, random input with a seed.

import Foundation
import Testing
import Wire

func bytes(_ hex: String) -> [UInt8] {
  var result: [UInt8] = []
  var high: UInt8?
  for digit in hex where digit != " " {
    guard let value = digit.hexDigitValue else { fatalError("not hex: \(hex)") }
    if let first = high {
      result.append(first << 4 | UInt8(value))
      high = nil
    } else {
      high = UInt8(value)
    }
  }
  precondition(high == nil, "half a byte: \(hex)")
  return result
}

func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

/// Where the published vectors are. Tests that need them are disabled without.
enum Vectors {
  static let folder = ProcessInfo.processInfo.environment["TOLLKEEPER_VECTORS"]

  static func json(_ path: String) throws -> Any {
    let url = URL(fileURLWithPath: try #require(folder)).appendingPathComponent(path)
    return try JSONSerialization.jsonObject(with: Data(contentsOf: url))
  }
}

extension Trait where Self == ConditionTrait {
  static var vectors: Self {
    .enabled(if: Vectors.folder != nil, "skipped: TOLLKEEPER_VECTORS names no folder of vectors")
  }
}

/// SplitMix64: the same seed, the same numbers.
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// A new seed at every run, printed so that a failure can be repeated with TOLLKEEPER_SEED.
  init(for name: String) {
    let given = ProcessInfo.processInfo.environment["TOLLKEEPER_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: .min ... .max)
    print("seed of \(name): \(seed)")
    self.init(seed: seed)
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
  }
}
