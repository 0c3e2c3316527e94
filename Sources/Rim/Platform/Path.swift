// A file's path, as configuration gives it and as the kernel wants it.
// Invariants: at most `Limits.pathBytesMax` bytes, none of them zero.

import Limits
public import Wire

public struct Path: Sendable, Equatable {
  private var bytes = BoundedBytes<256>()

  /// `text`, or `folder` and `text` if that is relative; nil if it is too long, empty, or has a zero
  /// byte in it.
  public init?(_ text: Span<UInt8>, in folder: Path? = nil) {
    guard text.count > 0 else { return nil }
    var whole = InlineArray<256, UInt8>(repeating: 0)
    var count = 0
    if let folder, text[0] != 0x2f {
      for i in folder.bytes.span.indices { whole[i] = folder.bytes.span[i] }
      count = folder.bytes.count
      whole[count] = 0x2f
      count += 1
    }
    guard count + text.count < Limits.pathBytesMax else { return nil }
    for i in text.indices {
      if text[i] == 0 { return nil }
      whole[count + i] = text[i]
    }
    guard let bytes = BoundedBytes<256>(whole.span.extracting(first: count + text.count)) else {
      return nil
    }
    self.bytes = bytes
  }

  public init?(_ text: StaticString, in folder: Path? = nil) {
    guard let text = Optional(BoundedBytes<256>(text)), let path = Path(text.span, in: folder)
    else {
      return nil
    }
    self = path
  }

  /// The folder that it is in; "." for a bare name.
  public var folder: Path {
    var end = bytes.count
    while end > 0 && bytes.span[end - 1] != 0x2f { end -= 1 }
    if end > 1 { end -= 1 }
    if end == 0 { return Path(".") ?? self }
    return Path(bytes.span.extracting(first: end)) ?? self
  }

  public var text: BoundedBytes<256> { bytes }

  /// Lends the path as C wants it.
  public func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
    var buffer = InlineArray<257, CChar>(repeating: 0)
    for i in bytes.span.indices { buffer[i] = CChar(bitPattern: bytes.span[i]) }
    return unsafe buffer.span.withUnsafeBufferPointer { pointer in
      guard let base = pointer.baseAddress else { preconditionFailure("a buffer without bytes") }
      return unsafe body(base)
    }
  }
}
