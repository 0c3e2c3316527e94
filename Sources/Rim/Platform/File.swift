// Files and folders, whole transfers only.

import CPlatform
import Wire

public struct File: ~Copyable {
  public enum Access: Sendable {
    case read
    case write
  }

  let descriptor: Int32

  public init(_ path: Path, for access: Access) throws(KernelError) {
    let result = unsafe path.withCString {
      unsafe tk_open($0, Int32(access == .write ? TK_WRITE : TK_READ))
    }
    if result < 0 { throw KernelError(result) }
    descriptor = result
  }

  deinit { tk_close(descriptor) }

  /// Bytes.
  public func size() throws(KernelError) -> Int64 {
    let result = tk_size(descriptor)
    if result < 0 { throw KernelError(result) }
    return result
  }

  /// Keeps every other agent away from this file or folder as long as it is open.
  /// - Throws: "in use by another process" if one has it.
  public func lock() throws(KernelError) {
    let result = tk_lock(descriptor)
    if result < 0 { throw KernelError(result) }
  }

  /// Says that `count` bytes at each `stride` from `offset` will be read soon.
  public func expect(offset: Int64, stride: Int64, count: Int64) {
    tk_expect(descriptor, offset, stride, count)
  }

  /// Makes a file of `bytes` zeros that has its name only when it is complete and durable.
  /// - Precondition: the caller holds a lock that keeps others from making it too.
  public static func create(_ path: Path, bytes: Int64) throws(KernelError) {
    let result = unsafe path.withCString { unsafe tk_create_zeroed($0, bytes) }
    if result < 0 { throw KernelError(result) }
  }

  /// Reads a whole file to the beginning of `target`; returns its length.
  /// - Throws: "file too large" if it does not fit.
  @_lifetime(target: copy target)
  public static func read(
    _ path: Path, into target: inout MutableSpan<UInt8>
  ) throws(KernelError) -> Int {
    let capacity = target.count
    let result = unsafe target.withUnsafeMutableBufferPointer { buffer in
      unsafe path.withCString { unsafe tk_read_file($0, buffer.baseAddress, capacity) }
    }
    if result < 0 { throw KernelError(result) }
    return Int(result)
  }

  /// Makes a folder, or finds it; its name is durable then.
  public static func makeFolder(_ path: Path) throws(KernelError) {
    let result = unsafe path.withCString { unsafe tk_make_folder($0) }
    if result < 0 { throw KernelError(result) }
  }

  /// When the file was changed last, nanoseconds of Unix time.
  public static func modified(_ path: Path) throws(KernelError) -> Int64 {
    let result = unsafe path.withCString { unsafe tk_modified($0) }
    if result < 0 { throw KernelError(result) }
    return result
  }
}
