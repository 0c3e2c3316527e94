// The command line, as bytes.

import Wire

@safe
struct Arguments {
  private let count: Int
  private let values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

  init(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    self.count = Int(count)
    unsafe self.values = unsafe values
  }

  /// The argument at `index`; empty beyond the last. Arguments live as long as the process.
  subscript(_ index: Int) -> Span<UInt8> {
    @_lifetime(immortal)
    get {
      guard index < count, let start = unsafe values?[index] else {
        return unsafe _overrideLifetime(Span(), copying: ())
      }
      var length = 0
      while unsafe start[length] != 0 { length += 1 }
      let bytes = unsafe UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self)
      let span = unsafe Span(_unsafeStart: bytes, count: length)
      return unsafe _overrideLifetime(span, copying: ())
    }
  }

  var indices: Range<Int> { 0..<count }

  /// The value that follows `name`; nil if `name` is not there.
  func place(of name: StaticString) -> Int? {
    for i in indices where i > 1 && equal(self[i], name) { return i + 1 }
    return nil
  }

  func has(_ name: StaticString) -> Bool { place(of: name) != nil }
}
