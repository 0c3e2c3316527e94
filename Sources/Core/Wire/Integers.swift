// Little-endian integers at fixed places, as the files on flash hold them.

extension Span<UInt8> {
  @inlinable public func uint16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) | UInt16(self[offset + 1]) << 8
  }

  @inlinable public func uint32(at offset: Int) -> UInt32 {
    UInt32(uint16(at: offset)) | UInt32(uint16(at: offset + 2)) << 16
  }

  @inlinable public func uint64(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count - 8, "eight bytes beyond the end")
    return unsafe withUnsafeBytes {
      unsafe UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
  }
}

extension MutableSpan<UInt8> {
  /// Writes `value` little-endian at `offset`.
  @_lifetime(self: copy self)
  @inlinable public mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    for i in 0..<T.bitWidth / 8 {
      self[offset + i] = UInt8(truncatingIfNeeded: value >> T(8 * i))
    }
  }
}
