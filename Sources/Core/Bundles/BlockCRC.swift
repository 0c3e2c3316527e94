// The CRC of a block (RFC 9171 4.2.1): over the whole block, its CRC's value as zeros. The value is
// the block's last item, so its bytes are the block's last.

import Wire

extension CRCType {
  /// The CRC of `block`, whose last `byteCount` bytes are its value's place.
  func value<P: Primitives>(of block: Span<UInt8>, with primitives: P.Type) -> UInt32 {
    let body = block.extracting(0..<block.count - byteCount)
    let zeros = InlineArray<4, UInt8>(repeating: 0)
    switch self {
    case .none: return 0
    case .crc16:
      let state = x25(body, from: 0xffff)
      return UInt32(x25(zeros.span.extracting(0..<2), from: state) ^ 0xffff)
    case .crc32c: return P.crc32c(zeros.span, from: P.crc32c(body))
    }
  }

  /// Whether the value at the end of `block` is the CRC of the block.
  func holds<P: Primitives>(in block: Span<UInt8>, with primitives: P.Type) -> Bool {
    var found: UInt32 = 0
    for i in block.count - byteCount..<block.count { found = found << 8 | UInt32(block[i]) }
    return found == value(of: block, with: P.self)
  }
}

/// CRC-16/X.25 (ITU-T X.25: polynomial 0x1021 reflected), without the last inversion. Nibble by
/// nibble: others' bundles only, ours have CRC-32C.
private func x25(_ bytes: Span<UInt8>, from start: UInt16) -> UInt16 {
  let table: [16 of UInt16] = [
    0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
    0x8408, 0x9489, 0xa50a, 0xb58b, 0xc60c, 0xd68d, 0xe70e, 0xf78f,
  ]
  var state = start
  for i in bytes.indices {
    let byte = UInt16(bytes[i])
    state = state >> 4 ^ table[Int((state ^ byte) & 15)]
    state = state >> 4 ^ table[Int((state ^ byte >> 4) & 15)]
  }
  return state
}
