// The flush thread, as the loop sees it (CPlatform/worker.c).

import CPlatform
public import Wire

/// What the thread has done.
public enum JobResult: Sendable, Equatable {
  case flushed(FileName, DiskError?)
  /// A name is resolved: `Worker.address`; or it cannot be.
  case resolved(KernelError?)
}

public struct Worker: ~Copyable {
  private static var resolveTag: Int32 { 7 }
  /// Readable when a job is done.
  public let descriptor: Int32

  /// Starts the thread. Once a process.
  public init() throws(KernelError) {
    let result = tk_worker_start()
    if result < 0 { throw KernelError(result) }
    descriptor = result
  }

  /// Jobs that are on the way.
  public var pending: Int { Int(tk_jobs_pending()) }

  /// The next job that is done; nil if none is.
  public func next() -> JobResult? {
    var error: Int32 = 0
    let tag = unsafe tk_job_done(&error)
    guard tag >= 0 else { return nil }
    if tag == Self.resolveTag { return .resolved(error == 0 ? nil : KernelError(error)) }
    guard let file = FileName(rawValue: UInt8(tag)) else { return nil }
    return .flushed(file, error == 0 ? nil : DiskError(result: error))
  }

  /// Looks a host name up: `resolved` will say.
  public func resolve(_ host: BoundedBytes<128>) {
    guard let path = Path(host.span) else { return }
    unsafe path.withCString { unsafe tk_resolve($0) }
  }

  /// What the last name gave, as text.
  public var address: BoundedBytes<64> {
    var text = InlineArray<64, UInt8>(repeating: 0)
    var count = 0
    let resolved = unsafe tk_resolved()
    while count < 64, let source = unsafe resolved, unsafe source[count] != 0 {
      text[count] = unsafe UInt8(bitPattern: source[count])
      count += 1
    }
    return BoundedBytes(text.span.extracting(first: count)) ?? BoundedBytes()
  }
}
