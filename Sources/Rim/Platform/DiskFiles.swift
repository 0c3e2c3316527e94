// A device's files: reads at once, writes and flushes by the flush thread, in order.
// Invariants: at most one job of a file is on the way (the core asks for no more); the folder is
// locked for as long as its files are open.

import CPlatform
public import Wire

public struct DiskFiles: Disk, ~Copyable {
  private let ring: File
  private let used: File
  private let trust: File
  private let revoked: File?
  private let folder: File?

  /// - Parameters:
  ///   - revoked: nil if the device keeps no revocation shards.
  ///   - folder: locked; nil if nobody else can come.
  public init(
    ring: consuming File, used: consuming File, trust: consuming File,
    revoked: consuming File? = nil, in folder: consuming File? = nil
  ) {
    self.ring = ring
    self.used = used
    self.trust = trust
    self.revoked = revoked
    self.folder = folder
  }

  private func descriptor(_ file: FileName) -> Int32 {
    switch file {
    case .ring: ring.descriptor
    case .used: used.descriptor
    case .trust: trust.descriptor
    case .revoked:
      switch revoked {
      case .some(let file): file.descriptor
      case .none: -1
      }
    }
  }

  @_lifetime(target: copy target)
  public mutating func read(
    _ file: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError) {
    let descriptor = descriptor(file)
    let count = target.count
    let result = unsafe target.withUnsafeMutableBufferPointer {
      unsafe tk_read_at(descriptor, $0.baseAddress, count, offset)
    }
    if result < 0 { throw DiskError(result: result) }
  }

  /// Hands over what a step asked for.
  public func perform(_ actions: borrowing DiskActions) {
    for i in 0..<actions.count {
      switch actions[i] {
      case .write(let write):
        unsafe tk_job_write(
          Int32(write.file.rawValue), descriptor(write.file), write.extent.base,
          write.extent.count, write.offset)
      case .flush(let file):
        tk_job_flush(Int32(file.rawValue), descriptor(file))
      }
    }
  }
}

/// One file to read, for inspections: whatever is asked for is this one.
public struct SingleFile: Disk, ~Copyable {
  private let file: File

  public init(_ file: consuming File) { self.file = file }

  @_lifetime(target: copy target)
  public mutating func read(
    _ name: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError) {
    let descriptor = file.descriptor
    let count = target.count
    let result = unsafe target.withUnsafeMutableBufferPointer {
      unsafe tk_read_at(descriptor, $0.baseAddress, count, offset)
    }
    if result < 0 { throw DiskError(result: result) }
  }
}
