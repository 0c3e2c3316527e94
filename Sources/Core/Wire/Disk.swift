// How the core asks for its files. Reads happen at once, through a Disk that is handed in; writes
// and flushes are actions that the rim (or the simulated world) performs, in order, on a thread of
// its own, and reports by file.
// Invariants: writes of one file that stand before its flush are durable when the flush has
// succeeded, and no earlier; a state machine has at most one flush of its file on the way, and
// leaves the extents of the writes alone until it hears of it.

/// The files of a device.
public enum FileName: UInt8, Sendable {
  case ring = 0
  case used = 1
  case trust = 2
  case revoked = 3
}

/// Why the kernel did not do what it was asked. The one place where errno becomes a case is the rim.
public enum DiskError: Error, Equatable, Sendable {
  /// EIO and its like. After a failed flush the pages are lost: never retried.
  case inputOutput
  /// ENOSPC, EDQUOT.
  case noSpace
  /// The file ends before what was asked for.
  case shortRead
  /// EROFS, EACCES.
  case readOnly
}

public protocol Disk: ~Copyable {
  /// Reads exactly `target.count` bytes of `file` at `offset` bytes.
  @_lifetime(target: copy target)
  mutating func read(
    _ file: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError)
}

/// One write that is asked for.
public struct DiskWrite: Sendable {
  public var file: FileName
  /// Bytes from the beginning of the file.
  public var offset: Int64
  public var extent: Extent

  public init(file: FileName, offset: Int64, extent: Extent) {
    self.file = file
    self.offset = offset
    self.extent = extent
  }
}

public enum DiskAction: Sendable {
  case write(DiskWrite)
  /// fdatasync, after all writes of this file that stand before it; answered by `flushed`.
  case flush(FileName)
}

/// What a step asks of the disk, in order.
public struct DiskActions: ~Copyable {
  /// A round of a used-set checkpoint (64 pages), one of the revoked store (16 shards) and a ring
  /// commit (4 blocks), with their flushes.
  public static let capacity = 96
  private var actions: InlineArray<96, DiskAction>
  public private(set) var count = 0

  public init() { actions = .init(repeating: .flush(.ring)) }

  public subscript(_ index: Int) -> DiskAction {
    precondition(index < count, "no such action")
    return actions[index]
  }

  /// - Precondition: fewer than `capacity` actions are waiting.
  public mutating func append(_ action: DiskAction) {
    actions[count] = action
    count += 1
  }

  public mutating func removeAll() { count = 0 }
}
