// Keys and passwords from files.

import Limits
import Platform
import Seal
import Wire

enum KeyFileError: Error {
  case file(KernelError)
  /// Not 64 hex digits.
  case content
}

enum KeyFile {
  /// 32 bytes as 64 hex digits, with white space around them.
  static func read(_ path: Path) throws(KeyFileError) -> Bytes<32> {
    var text = InlineArray<256, UInt8>(repeating: 0)
    var span = text.mutableSpan
    let count: Int
    do throws(KernelError) {
      count = try File.read(path, into: &span)
    } catch {
      throw .file(error)
    }
    do throws(WireError) {
      return try Hex.fixed(trimmed(text.span.extracting(first: count)))
    } catch {
      throw .content
    }
  }

  /// A first line of at most 128 bytes.
  static func password(_ path: Path) throws(KernelError) -> BoundedBytes<128> {
    var text = InlineArray<256, UInt8>(repeating: 0)
    var span = text.mutableSpan
    let count = try File.read(path, into: &span)
    return BoundedBytes(trimmed(text.span.extracting(first: count))) ?? BoundedBytes()
  }

  @_lifetime(copy text)
  private static func trimmed(_ text: Span<UInt8>) -> Span<UInt8> {
    var start = 0
    var end = text.count
    while start < end && text[start] <= 0x20 { start += 1 }
    while end > start && text[end - 1] <= 0x20 { end -= 1 }
    return text.extracting(start..<end)
  }
}
