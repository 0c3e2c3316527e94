// The one place where errno becomes a case.

import CPlatform
import Wire

/// A failure that the kernel named.
public struct KernelError: Error, Equatable, Sendable {
  /// errno, positive.
  public var code: Int32

  init(_ result: Int32) { code = -result }
  init(_ result: Int64) { code = Int32(clamping: -result) }

  public var isMissing: Bool { code == 2 }

  /// In words that an operator can act on.
  public var name: StaticString { words ?? "operating system error" }

  /// Whether `name` says which error it is.
  public var isNamed: Bool { words != nil }

  private var words: StaticString? {
    switch code {
    case 1, 13: "permission denied"
    case 2: "no such file or folder"
    case 5: "input/output error"
    case 9: "not open"
    case 6, 19: "no such device"
    case 11: "in use by another process"
    case 16: "another program has it for itself"
    case 20: "not a folder"
    case 21: "is a folder"
    case 22: "invalid argument"
    case 25: "not a device of this kind"
    case 27: "file too large"
    case 28: "no space left"
    case 30: "read-only file system"
    case 32: "nobody reads it"
    case 36: "name too long"
    case 61: "file too short"
    case 111: "nobody listens there"
    case 113: "host cannot be found or reached"
    default: nil
    }
  }
}

extension DiskError {
  /// From a negative errno.
  init(result: Int32) {
    switch -result {
    case 27, 28, 122: self = .noSpace
    case 30, 13, 1: self = .readOnly
    case 61: self = .shortRead
    default: self = .inputOutput
    }
  }
}
