// Standard output and standard error, which may be full, or closed at the other end.
// Invariants: what is put out stands there in the order in which it was put; whatever cannot be written
// is said to the caller, and ends nothing by itself.

import Foundation

/// Standard output, for many lines.
struct Output {
  private var waiting = Data()

  private static let waitingMax = 64 * 1024

  mutating func put(_ line: String) throws(Failure) {
    waiting.append(contentsOf: line.utf8)
    waiting.append(0x0a)
    if waiting.count >= Self.waitingMax { try finish() }
  }

  mutating func finish() throws(Failure) {
    guard Self.write(waiting, to: .standardOutput) else {
      throw .failed("standard output cannot be written")
    }
    waiting.removeAll(keepingCapacity: true)
  }

  static func put(_ line: String) throws(Failure) {
    var output = Output()
    try output.put(line)
    try output.finish()
  }

  /// - Returns: false if it was not written, or not to its end.
  static func error(_ line: String) -> Bool { write(Data((line + "\n").utf8), to: .standardError) }

  private static func write(_ bytes: Data, to file: FileHandle) -> Bool {
    do {
      try file.write(contentsOf: bytes)
      return true
    } catch {
      return false
    }
  }
}
