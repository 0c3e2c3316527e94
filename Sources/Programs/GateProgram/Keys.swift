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

enum PasswordError: Error {
  case file(KernelError)
  case empty
  case tooLong
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

  /// 1 to 128 bytes, with white space around them.
  static func password(_ path: Path) throws(PasswordError) -> BoundedBytes<128> {
    var text = InlineArray<256, UInt8>(repeating: 0)
    var span = text.mutableSpan
    let count: Int
    do throws(KernelError) {
      count = try File.read(path, into: &span)
    } catch {
      throw .file(error)
    }
    let password = trimmed(text.span.extracting(first: count))
    if password.isEmpty { throw .empty }
    guard let bounded = BoundedBytes<128>(password) else { throw .tooLong }
    return bounded
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
