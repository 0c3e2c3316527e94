// trust.toml as commands change it: one at a time, and the version rises with every change.
// Invariants: who changes it has its lock; what is written was read back and can be signed; a file
// that says already what was asked for stays as it is.

import Foundation
import Trust

struct TrustFile {
  let path: String
  let file: ConfigurationFile
  let source: TrustSource
  var edit: TableEdit

  /// Runs `body` on the file, and writes what it has changed; returns the version that the file has
  /// then, and whether it is a new one.
  /// - Parameter check: whether the new file says what was meant.
  static func change(
    _ path: String, check: (TrustSource) -> Bool,
    by body: (inout TrustFile) throws(Failure) -> Void
  ) throws(Failure) -> (version: UInt64, isChanged: Bool) {
    // Who changes it at the same time waits, and finds this change.
    try Files.locked(path) { () throws(Failure) in
      let bytes = try Files.read(path)
      let file = try ConfigurationFile(path, bytes)
      var trust = TrustFile(
        path: path, file: file, source: try TrustSource(file), edit: TableEdit(bytes))
      let before = trust.source.head.version
      try body(&trust)
      let isChanged = trust.edit.bytes != bytes
      if isChanged {
        guard before < UInt64(Int64.max) else { throw .failed("\(path) has the last version") }
        let head = file.tables[0]
        trust.edit.set("version", to: "\(before + 1)", in: head)
        if head.has("issued") {
          trust.edit.set("issued", to: "\(currentTime() / 1000)", in: head)
        }
      }
      let changed = trust.edit.bytes
      let after = try TrustSource(ConfigurationFile(path, changed))
      guard check(after), !isChanged || after.head.version == before + 1 else {
        throw .failed("\(path) is written in a way that cannot be changed: edit it by hand")
      }
      if isChanged { try Files.replace(path, changed) }
      return (after.head.version, isChanged)
    }
  }

  private init(path: String, file: ConfigurationFile, source: TrustSource, edit: TableEdit) {
    self.path = path
    self.file = file
    self.source = source
    self.edit = edit
  }

  /// What to do next.
  static func remind(_ path: String, _ version: UInt64) {
    Output.error(
      "tollctl: it is version \(version) now: sign it: "
        + "tollctl trust sign --in \(path) --key FILE --out FILE")
  }
}
