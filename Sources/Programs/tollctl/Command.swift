// What a command is: its words, its options, its help, and what it does.

import Foundation

struct Option: Sendable {
  var name: String
  /// What stands for its value in the help; nil for a switch.
  var value: String?
  var help: String
  var isRequired = false

  static let json = Option(name: "json", value: nil, help: "one JSON object a line")
}

struct Command: Sendable {
  var group: String
  var verb: String
  var summary: String
  var options: [Option]
  /// What stands for its operand in the help; nil if it takes none.
  var operand: String?
  var isOperandRequired = false
  /// What else the help says.
  var notes = ""
  var run: @Sendable (Arguments) throws(Failure) -> Void

  var name: String { "\(group) \(verb)" }

  var help: String {
    var usage = "usage: tollctl \(name)"
    for option in options {
      let shown = "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
      usage += option.isRequired ? " \(shown)" : " [\(shown)]"
    }
    if let operand { usage += isOperandRequired ? " \(operand)" : " [\(operand)]" }
    let shown = options.map { "--\($0.name)" + ($0.value.map { " \($0)" } ?? "") }
    let width = shown.map(\.count).max() ?? 0
    var lines = zip(shown, options).map {
      "  \($0.padding(toLength: width, withPad: " ", startingAt: 0))  \($1.help)"
    }
    lines.append("  \("--help".padding(toLength: width, withPad: " ", startingAt: 0))  this text")
    let tail = notes.isEmpty ? "" : "\n\n\(notes)"
    return wrapped(usage) + "\n\n\(summary)\n\n" + lines.joined(separator: "\n") + tail
  }

  /// Breaks a usage line between options, at 90 columns.
  private func wrapped(_ usage: String) -> String {
    var lines = [""]
    for word in usage.replacing(" [", with: "\u{0}[").replacing(" --", with: "\u{0}--")
      .split(separator: "\u{0}")
    {
      if lines[lines.count - 1].count + word.count > 88 { lines.append("   ") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines.joined(separator: "\n")
  }
}
