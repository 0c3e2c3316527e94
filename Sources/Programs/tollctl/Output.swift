// Standard output and standard error, and JSON objects of one line.
// Invariants: lines stand on standard output in the order in which they were put; what cannot be
// written there is a failure of the command.

import Foundation
import Synchronization

enum Output {
  private static let waiting = Mutex(Data())
  private static let waitingMax = 64 * 1024

  /// A line on standard output, at the latest when the program ends.
  static func line(_ text: String) throws(Failure) {
    let isFull = waiting.withLock { waiting in
      waiting.append(contentsOf: text.utf8)
      waiting.append(0x0a)
      return waiting.count >= waitingMax
    }
    if isFull { try flush() }
  }

  /// A line on standard error: what to do next, warnings, failures.
  static func error(_ text: String) {
    // Where it cannot be written, the status says it.
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }

  static func flush() throws(Failure) {
    let bytes = waiting.withLock { waiting in
      defer { waiting = Data() }
      return waiting
    }
    do {
      try FileHandle.standardOutput.write(contentsOf: bytes)
    } catch {
      throw .failed("standard output cannot be written: \(Files.reason(error))")
    }
  }
}

/// `1 ticket`, `2 tickets`.
func counted(_ number: Int, _ noun: String) -> String {
  "\(number) \(noun)\(number == 1 ? "" : "s")"
}

/// A JSON object (RFC 8259) whose members keep their order.
struct JSONObject {
  private var members: [String] = []

  mutating func put(_ name: String, _ value: String?) {
    members.append("\(Self.quoted(name)):\(value.map(Self.quoted) ?? "null")")
  }

  mutating func put(_ name: String, _ value: some BinaryInteger) {
    members.append("\(Self.quoted(name)):\(value)")
  }

  mutating func put(_ name: String, _ value: (some BinaryInteger)?) {
    members.append("\(Self.quoted(name)):\(value.map { "\($0)" } ?? "null")")
  }

  mutating func put(_ name: String, _ value: Bool) {
    members.append("\(Self.quoted(name)):\(value)")
  }

  var line: String { "{" + members.joined(separator: ",") + "}" }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{0}"..<"\u{20}", "\u{7f}":
        quoted += "\\u" + String(scalar.value + 0x10000, radix: 16).dropFirst()
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
