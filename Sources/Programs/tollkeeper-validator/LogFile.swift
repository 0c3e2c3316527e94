// ledger.log as a file: read at any place, written at its end only (Upstream/Ledger/FORMAT.md).
// Invariants: what is written is a copy that nothing else touches until the flush thread has answered;
// after a failure the file is cut back before anything is written again.

import CPlatform
import Foundation
import Ledger
import Platform
import Seal
import Wire

struct FileFailure: Error {
  /// errno, positive.
  var code: Int32

  init(_ result: Int) { code = Int32(clamping: -result) }

  var reason: String { unsafe String(cString: strerror(code)) }
}

@safe
final class LogFile: LogSource {
  private let descriptor: Int32
  private(set) var count: Int64
  /// The frame that is on its way.
  private var frame = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var frameBytes = 0

  enum Access {
    case read
    /// No other process may open it for writing.
    case lock
    /// Likewise; made if it is not there.
    case write
  }

  init(_ path: String, for use: Access) throws(FileFailure) {
    if use == .write, unsafe access(path, F_OK) != 0 {
      // The header follows: a log of zeros is one that was never begun.
      let made = unsafe tk_create_zeroed(path, Int64(LogFormat.headerBytes))
      if made < 0 { throw FileFailure(Int(made)) }
    }
    let mode = use == .read ? TK_READ : TK_WRITE
    let result = unsafe tk_open(path, Int32(mode))
    if result < 0 { throw FileFailure(Int(result)) }
    descriptor = result
    count = 0
    let size = tk_size(descriptor)
    if size < 0 { throw FileFailure(Int(size)) }
    count = size
    guard use != .read else { return }
    let lock = tk_lock(descriptor)
    if lock < 0 { throw FileFailure(Int(lock)) }
    if use == .write { try begin() }
  }

  deinit {
    tk_close(descriptor)
    unsafe frame.deallocate()
  }

  func read(at offset: Int64, count: Int, into target: inout [UInt8]) throws(LedgerError) {
    let start = target.count
    target.append(contentsOf: repeatElement(0, count: count))
    let result = unsafe target.withUnsafeMutableBytes { bytes in
      unsafe tk_read_at(descriptor, bytes.baseAddress.map { unsafe $0 + start }, count, offset)
    }
    if result < 0 { throw .unreadable }
  }

  /// Hands a copy of `frame` to the flush thread, to be written at the end of the file and flushed.
  /// The answer carries `tag`.
  func append(_ frame: Span<UInt8>, tag: Int32) {
    if unsafe self.frame.count < frame.count {
      unsafe self.frame.deallocate()
      unsafe self.frame = .allocate(byteCount: 2 * frame.count, alignment: 4096)
    }
    unsafe frame.withUnsafeBytes { unsafe self.frame.copyMemory(from: $0) }
    frameBytes = frame.count
    retry(tag: tag)
  }

  /// Hands over the same frame again.
  func retry(tag: Int32) {
    unsafe tk_job_write(tag, descriptor, frame.baseAddress, frameBytes, count)
    tk_job_flush(tag, descriptor)
  }

  /// The frame is durable.
  func appended() { count += Int64(frameBytes) }

  /// Cuts off what follows `end`, and flushes.
  func cut(to end: Int64) throws(FileFailure) {
    guard ftruncate(descriptor, off_t(end)) == 0 else { throw FileFailure(-Int(errno)) }
    let result = tk_sync(descriptor)
    if result < 0 { throw FileFailure(Int(result)) }
    count = end
  }

  /// Writes the header of a log that has none yet.
  private func begin() throws(FileFailure) {
    guard count == Int64(LogFormat.headerBytes) else { return }
    var found: [UInt8] = []
    do throws(LedgerError) {
      try read(at: 0, count: LogFormat.headerBytes, into: &found)
    } catch {
      throw FileFailure(-Int(EIO))
    }
    guard found.allSatisfy({ $0 == 0 }) else { return }
    let header = LogFormat.header(with: Sodium.self)
    let result = unsafe header.withUnsafeBytes {
      unsafe tk_write_at(descriptor, $0.baseAddress, $0.count, 0)
    }
    if result < 0 { throw FileFailure(Int(result)) }
    let synced = tk_sync(descriptor)
    if synced < 0 { throw FileFailure(Int(synced)) }
  }
}
