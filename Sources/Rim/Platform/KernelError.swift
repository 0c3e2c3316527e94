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
  public var isLocked: Bool { code == 11 }
  public var isTooLarge: Bool { code == 27 }

  /// In words that an operator can act on.
  public var name: StaticString {
    switch code {
    case 1, 13: "permission denied"
    case 2: "no such file or folder"
    case 5: "input/output error"
    case 11: "in use by another process"
    case 20: "not a folder"
    case 21: "is a folder"
    case 22: "invalid argument"
    case 27: "file too large"
    case 28: "no space left"
    case 30: "read-only file system"
    case 36: "name too long"
    case 61: "file too short"
    case 111: "nobody listens there"
    case 113: "host cannot be found or reached"
    default: "operating system error"
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
