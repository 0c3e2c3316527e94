// The options and operands of a command line, checked against what the command takes.

import Foundation
import Wire

struct Arguments {
  let command: Command
  private var values: [String: String] = [:]
  private(set) var operand: String?

  init(_ words: ArraySlice<String>, of command: Command) throws(Failure) {
    self.command = command
    var rest = words
    var onlyOperands = false
    while let word = rest.popFirst() {
      if word == "--" && !onlyOperands {
        onlyOperands = true
      } else if word.hasPrefix("--") && !onlyOperands {
        try take(word.dropFirst(2), &rest)
      } else {
        guard command.operand != nil, operand == nil else {
          throw usage("'\(word)' is one word too many")
        }
        operand = word
      }
    }
    for option in command.options where option.isRequired && values[option.name] == nil {
      throw usage("--\(option.name) is missing")
    }
    if command.isOperandRequired && operand == nil {
      throw usage("\(command.operand ?? "") is missing")
    }
  }

  private mutating func take(
    _ word: Substring, _ rest: inout ArraySlice<String>
  ) throws(Failure) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let option = command.options.first(where: { $0.name == name }) else {
      throw usage("there is no option --\(name)")
    }
    if values[name] != nil { throw usage("--\(name) stands twice") }
    if option.value == nil {
      if parts.count > 1 { throw usage("--\(name) takes no value") }
      values[name] = ""
    } else if parts.count > 1 {
      values[name] = String(parts[1])
    } else {
      guard let value = rest.popFirst() else { throw usage("--\(name) wants a value") }
      values[name] = value
    }
  }

  func usage(_ reason: String) -> Failure {
    .usage(reason, help: "tollctl \(command.name) --help")
  }

  func has(_ name: String) -> Bool { values[name] != nil }

  func text(_ name: String) -> String? { values[name] }

  /// The value of an option that the command requires.
  func required(_ name: String) -> String { values[name] ?? "" }

  /// A number, decimal or 0x.
  func number<T: FixedWidthInteger>(
    _ name: String, in range: ClosedRange<T>
  ) throws(Failure) -> T? {
    guard let text = values[name] else { return nil }
    let isHex = text.hasPrefix("0x") || text.hasPrefix("0X")
    let digits = isHex ? text.dropFirst(2) : text[...]
    // Integer parsing takes a sign, which a mask has not.
    guard digits.allSatisfy(\.isHexDigit), let number = UInt64(digits, radix: isHex ? 16 : 10)
    else { throw usage("--\(name) wants a number of 0 or more, not '\(text)'") }
    guard let value = T(exactly: number), range.contains(value) else {
      throw usage("--\(name) is from \(range.lowerBound) to \(range.upperBound), not \(text)")
    }
    return value
  }

  /// Bytes in hex.
  func bytes(_ name: String, count range: ClosedRange<Int>) throws(Failure) -> [UInt8]? {
    guard let text = values[name] else { return nil }
    guard let bytes = decodedHex(text) else {
      throw usage("--\(name) wants an even number of hex digits, not '\(text)'")
    }
    guard range.contains(bytes.count) else {
      throw usage("--\(name) has \(range.lowerBound) to \(range.upperBound) bytes")
    }
    return bytes
  }

  /// An instant, Unix milliseconds.
  func time(_ name: String, now: Int64) throws(Failure) -> Int64? {
    guard let text = values[name] else { return nil }
    guard let time = instant(text, now: now) else {
      throw usage(
        "--\(name) wants Unix seconds, 2026-06-01T18:00:00Z or +3h, not '\(text)'")
    }
    return time
  }

  /// Seconds since 1970 that fit a claim.
  func seconds(_ name: String, now: Int64) throws(Failure) -> UInt64? {
    guard let time = try time(name, now: now) else { return nil }
    guard time >= 0 else { throw usage("--\(name) is before 1970") }
    return UInt64(time / 1000)
  }
}

/// The bytes that `text` spells in hex; nil if it spells none.
func decodedHex(_ text: String) -> [UInt8]? {
  let digits = Array(text.utf8)
  var bytes = [UInt8](repeating: 0, count: digits.count / 2)
  var target = bytes.mutableSpan
  do throws(WireError) { _ = try Hex.decode(digits.span, into: &target) } catch { return nil }
  return bytes
}

func hex(_ bytes: Span<UInt8>) -> String {
  var text: [UInt8] = []
  for i in bytes.indices { text += [Hex.digit(bytes[i] >> 4), Hex.digit(bytes[i] & 15)] }
  return String(decoding: text, as: UTF8.self)
}

func hex(_ bytes: [UInt8]) -> String { hex(bytes.span) }
