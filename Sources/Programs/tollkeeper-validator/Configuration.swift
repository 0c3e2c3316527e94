// validator.toml, read and checked. Paths in it are relative to its own folder.

import Foundation
import Limits
import Seal
import Wire

struct BrokerSettings {
  var host = "127.0.0.1"
  var port: UInt16 = 1883
  var password: [UInt8]?
  /// Presence turns TLS on.
  var authorityFile: String?
}

struct Configuration {
  var node: UInt64 = 0
  var key = SecretKey()
  var authority = PublicKey()
  var trustPath = ""
  /// Holds ledger.log and index.sqlite.
  var state = ""
  var broker = BrokerSettings()
  var level = Journal.Level.info

  var logPath: String { state + "/ledger.log" }
  var indexPath: String { state + "/index.sqlite" }

  private let file: String
  private let bytes: [UInt8]
  private var lines: [String: Int] = [:]

  init(_ path: String) throws(Failure) {
    file = path
    do throws(Failure) {
      bytes = try Self.read(path)
    } catch {
      throw .usage("the configuration \(path) cannot be read")
    }
    guard bytes.count <= Limits.configBytesMax else {
      throw .configuration(file: path, line: 1, "a configuration has at most 64 KiB")
    }
    do throws(TOMLError) {
      try readPairs()
    } catch {
      throw .configuration(file: path, line: error.line, "\(error.reason)")
    }
    for name in ["node", "key", "authority", "trust", "state"] where lines[name] == nil {
      throw .configuration(file: path, line: 1, "\(name) is missing")
    }
    try readFiles()
  }

  private var keyPath = ""
  private var authorityPath = ""
  private var passwordPath: String?

  private mutating func readPairs() throws(TOMLError) {
    let bytes = bytes
    var reader = TOMLReader(bytes.span)
    var table = ""
    while let event = try reader.next() {
      switch event {
      case .arrayTable: throw TOMLError(line: reader.line, "there is no such array of tables here")
      case .table(let name):
        table = String(decoding: bytes[name], as: UTF8.self)
        guard table == "broker" || table == "log" else {
          throw TOMLError(line: reader.line, "the tables here are [broker] and [log]")
        }
      case .pair(let pair):
        let key = String(decoding: bytes[pair.key], as: UTF8.self)
        let name = table.isEmpty ? key : "\(table).\(key)"
        lines[name] = pair.line
        try read(pair, name, reader)
      }
    }
  }

  private mutating func read(
    _ pair: TOMLPair, _ name: String, _ reader: borrowing TOMLReader
  ) throws(TOMLError) {
    switch name {
    case "node": node = UInt64(try reader.integer(pair, in: 1...(1 << 53 - 1)))
    case "key": keyPath = try Self.text(pair, reader)
    case "authority": authorityPath = try Self.text(pair, reader)
    case "trust": trustPath = path(try Self.text(pair, reader))
    case "state": state = path(try Self.text(pair, reader))
    case "broker.host":
      broker.host = try Self.text(pair, reader)
      guard broker.host.utf8.count <= Limits.brokerHostBytesMax else {
        throw TOMLError(line: pair.line, "a host name has at most 128 bytes here")
      }
    case "broker.port": broker.port = UInt16(try reader.integer(pair, in: 1...65_535))
    case "broker.password_file": passwordPath = try Self.text(pair, reader)
    case "broker.tls_ca": broker.authorityFile = path(try Self.text(pair, reader))
    case "log.level":
      guard let level = Journal.Level(name: try Self.text(pair, reader)) else {
        throw TOMLError(line: pair.line, "a level is debug, info, warning or error")
      }
      self.level = level
    default: throw TOMLError(line: pair.line, "this key is not known here")
    }
  }

  private static func text(
    _ pair: TOMLPair, _ reader: borrowing TOMLReader
  ) throws(TOMLError) -> String {
    var decoded = [UInt8](repeating: 0, count: 1024)
    var target = decoded.mutableSpan
    let count = try reader.string(pair, into: &target)
    guard count > 0 else { throw TOMLError(line: pair.line, "this must not be empty") }
    return String(decoding: decoded[..<count], as: UTF8.self)
  }

  /// Relative to the configuration's folder.
  private func path(_ text: String) -> String {
    if text.hasPrefix("/") { return text }
    guard let slash = file.lastIndex(of: "/") else { return text }
    return file[...slash] + text
  }

  private mutating func readFiles() throws(Failure) {
    key = Sodium.secretKey(seed: try hex("key", keyPath))
    authority = try hex("authority", authorityPath)
    guard let passwordPath else { return }
    var password = try file("broker.password_file", passwordPath)
    while let last = password.last, last == 0x0a || last == 0x0d { password.removeLast() }
    broker.password = password
  }

  private func hex(_ name: String, _ text: String) throws(Failure) -> Bytes<32> {
    var digits = try file(name, text)
    while let last = digits.last, last == 0x0a || last == 0x0d { digits.removeLast() }
    do throws(WireError) {
      return try Hex.fixed(digits.span)
    } catch {
      throw .configuration(
        file: file, line: lines[name] ?? 1,
        "\(text) is no key: 64 hex digits are expected, as tollctl key new writes them")
    }
  }

  /// A file that the configuration names.
  private func file(_ name: String, _ text: String) throws(Failure) -> [UInt8] {
    do throws(Failure) {
      return try Self.read(path(text))
    } catch {
      throw .configuration(file: file, line: lines[name] ?? 1, "\(path(text)) cannot be read")
    }
  }

  static func read(_ path: String) throws(Failure) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw .failed("\(path) cannot be read")
    }
  }
}
