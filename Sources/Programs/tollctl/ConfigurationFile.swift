// A TOML file as its tables, each key with its line, so that every complaint can name one.

import Foundation
import Wire

struct ConfigurationValue {
  enum Kind {
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    case integers([Int64])
    case otherArray
  }
  var kind: Kind
  var line: Int
}

/// A table, and which of its keys were asked for.
final class ConfigurationTable {
  let file: String
  /// Empty for what stands before the first table.
  let name: String
  /// Of its header; 1 for what stands before the first table.
  let line: Int
  let isArray: Bool
  private(set) var values: [String: ConfigurationValue] = [:]
  private var asked: Set<String> = []

  init(file: String, name: String, line: Int, isArray: Bool) {
    self.file = file
    self.name = name
    self.line = line
    self.isArray = isArray
  }

  func add(_ key: String, _ value: ConfigurationValue) { values[key] = value }

  func error(_ reason: String, at line: Int? = nil) -> Failure {
    .configuration(file: file, line: line ?? self.line, reason)
  }

  func has(_ key: String) -> Bool { values[key] != nil }

  func line(of key: String) -> Int { values[key]?.line ?? line }

  func string(_ key: String) throws(Failure) -> String? {
    asked.insert(key)
    guard let value = values[key] else { return nil }
    guard case .string(let text) = value.kind else {
      throw error("\(key) is a string in double quotes", at: value.line)
    }
    return text
  }

  func integer<T: FixedWidthInteger>(
    _ key: String, in range: ClosedRange<T>
  ) throws(Failure) -> T? {
    asked.insert(key)
    guard let value = values[key] else { return nil }
    guard case .integer(let number) = value.kind else {
      throw error("\(key) is an integer", at: value.line)
    }
    return try inRange(key, number, range, value.line)
  }

  func boolean(_ key: String) throws(Failure) -> Bool? {
    asked.insert(key)
    guard let value = values[key] else { return nil }
    guard case .boolean(let flag) = value.kind else {
      throw error("\(key) is true or false", at: value.line)
    }
    return flag
  }

  func integers<T: FixedWidthInteger>(
    _ key: String, in range: ClosedRange<T>, countMax: Int
  ) throws(Failure) -> [T] {
    asked.insert(key)
    guard let value = values[key] else { return [] }
    guard case .integers(let numbers) = value.kind else {
      throw error("\(key) is an array of integers", at: value.line)
    }
    guard numbers.count <= countMax else {
      throw error("\(key) has at most \(countMax) elements", at: value.line)
    }
    return try numbers.map { number throws(Failure) in
      try inRange(key, number, range, value.line)
    }
  }

  private func inRange<T: FixedWidthInteger>(
    _ key: String, _ number: Int64, _ range: ClosedRange<T>, _ line: Int
  ) throws(Failure) -> T {
    guard let value = T(exactly: number), range.contains(value) else {
      throw error("\(key) is from \(range.lowerBound) to \(range.upperBound)", at: line)
    }
    return value
  }

  /// A string of hex digits as bytes.
  func bytes(_ key: String, count range: ClosedRange<Int>) throws(Failure) -> [UInt8]? {
    guard let text = try string(key) else { return nil }
    guard let bytes = decodedHex(text), range.contains(bytes.count) else {
      let digits =
        "\(2 * range.lowerBound)" + (range.count > 1 ? " to \(2 * range.upperBound)" : "")
      throw error("\(key) is \(digits) hex digits", at: line(of: key))
    }
    return bytes
  }

  func key(_ key: String) throws(Failure) -> PublicKey {
    let bytes = try required(key, bytes(key, count: 32...32))
    return PublicKey(bytes.span)
  }

  func required<T>(_ key: String, _ value: T?) throws(Failure) -> T {
    guard let value else {
      throw error(name.isEmpty ? "\(key) is missing" : "\(key) is missing in this [[\(name)]]")
    }
    return value
  }

  /// Refuses keys that nobody has asked for.
  func refuseOthers() throws(Failure) {
    let others = values.filter { !asked.contains($0.key) }
    if let first = others.min(by: { $0.value.line < $1.value.line }) {
      throw error("'\(first.key)' is not known here", at: first.value.line)
    }
  }
}

struct ConfigurationFile {
  static let stringBytesMax = 1024

  let path: String
  /// In the order of the file; the first is what stands before any table.
  private(set) var tables: [ConfigurationTable]

  init(_ path: String, _ bytes: [UInt8]) throws(Failure) {
    self.path = path
    tables = [ConfigurationTable(file: path, name: "", line: 1, isArray: false)]
    var reader = TOMLReader(bytes.span)
    do throws(TOMLError) {
      while let event = try reader.next() {
        switch event {
        case .table(let name): begin(bytes[name], reader.line, isArray: false)
        case .arrayTable(let name): begin(bytes[name], reader.line, isArray: true)
        case .pair(let pair):
          let key = String(decoding: bytes[pair.key], as: UTF8.self)
          tables[tables.count - 1].add(
            key, ConfigurationValue(kind: try Self.kind(pair, reader), line: pair.line))
        }
      }
    } catch {
      throw .configuration(file: path, line: error.line, "\(error.reason)")
    }
  }

  private mutating func begin(_ name: ArraySlice<UInt8>, _ line: Int, isArray: Bool) {
    tables.append(
      ConfigurationTable(
        file: path, name: String(decoding: name, as: UTF8.self), line: line, isArray: isArray))
  }

  private static func kind(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> ConfigurationValue.Kind {
    switch pair.value {
    case .integer(let number): return .integer(number)
    case .boolean(let flag): return .boolean(flag)
    case .string(let text):
      var decoded = [UInt8](repeating: 0, count: stringBytesMax)
      var target = decoded.mutableSpan
      let count = try reader.decode(text, into: &target)
      return .string(String(decoding: decoded[..<count], as: UTF8.self))
    case .array:
      var numbers: [Int64] = []
      var elements = try reader.elements(pair)
      while let element = try elements.next() {
        guard case .integer(let number) = element else { return .otherArray }
        numbers.append(number)
      }
      return .integers(numbers)
    }
  }
}
