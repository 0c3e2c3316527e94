// Standard output and standard error, and JSON objects of one line.

import Foundation

enum Output {
  /// A line on standard output.
  static func line(_ text: String) { print(text) }

  /// A line on standard error: what to do next, warnings, failures.
  static func error(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  static func flush() { fflush(nil) }
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
