// Changes to the tables of a TOML file that leave the rest of it as it is, comments and order
// included.
// Invariants: lines are told apart by bytes, for to a String CR LF is one character; a line that is
// not changed is written as it was; new lines end as the file's first does.

import Foundation

struct TableEdit {
  /// What stands in place of each line of the file.
  private var lines: [[[UInt8]]]
  private let ending: [UInt8]
  /// New tables, each with the empty line before it.
  private var tail: [[UInt8]] = []

  init(_ bytes: [UInt8]) {
    lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map { [Array($0)] }
    ending = lines[0][0].last == 0x0d ? [0x0d] : []
  }

  var bytes: [UInt8] {
    var all = Array(lines.joined())
    if !tail.isEmpty {
      while all.last.map(Self.isBlank) == true { all.removeLast() }
      all += (all.isEmpty ? Array(tail.dropFirst()) : tail) + [[]]
    }
    return Array(all.joined(separator: [0x0a]))
  }

  /// Puts a table at the end of the file.
  mutating func append(_ name: String, _ pairs: [(key: String, value: String)]) {
    tail += [ending, written("[[\(name)]]")] + pairs.map { written("\($0.key) = \($0.value)") }
  }

  /// Gives `key` a value, where it stands or below the table's other keys.
  mutating func set(_ key: String, to value: String, in table: ConfigurationTable) {
    if let old = table.values[key] {
      lines[old.line - 1][0] = written(
        "\(key) = \(value)", Self.comment(lines[old.line - 1][0]))
    } else {
      // An array may go on below its first line.
      let last = table.values.values.filter(\.isScalar).map(\.line).max()
      lines[(last ?? table.line) - 1].append(written("\(key) = \(value)"))
    }
  }

  mutating func remove(_ key: String, of table: ConfigurationTable) {
    if let old = table.values[key] { lines[old.line - 1].removeFirst() }
  }

  /// Takes a table away, with the empty line before it. Comments on lines of their own stay.
  mutating func remove(_ table: ConfigurationTable) {
    for key in table.values.keys { remove(key, of: table) }
    let header = table.line - 1
    lines[header].removeFirst()
    if header > 0, lines[header - 1].count == 1, Self.isBlank(lines[header - 1][0]) {
      lines[header - 1] = []
    }
  }

  private func written(_ text: String, _ rest: [UInt8]? = nil) -> [UInt8] {
    Array(text.utf8) + (rest ?? ending)
  }

  private static func isBlank(_ line: [UInt8]) -> Bool {
    line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
  }

  /// What follows the value on a line: spaces and a comment, or its end.
  private static func comment(_ line: [UInt8]) -> [UInt8] {
    var isInString = false
    var valueEnd = 0
    for (i, byte) in line.enumerated() {
      if byte == 0x23 && !isInString { break }
      if byte == 0x22 && (i == 0 || line[i - 1] != 0x5c) { isInString.toggle() }
      if isInString || byte != 0x20 && byte != 0x09 && byte != 0x0d { valueEnd = i + 1 }
    }
    return Array(line[valueEnd...])
  }
}

extension ConfigurationValue {
  fileprivate var isScalar: Bool {
    switch kind {
    case .string, .integer, .boolean: true
    case .integers, .otherArray: false
    }
  }
}

/// `text` as a basic string of TOML, with its quotes.
func quotedTOML(_ text: String) -> String {
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
