// Reading and writing files: whole, atomically, and never a private key over another.

import Foundation

enum Files {
  static func read(_ path: String) throws(Failure) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      let reason = unsafe access(path, R_OK) == 0 ? error.localizedDescription : systemReason()
      throw .failed("\(path) cannot be read: \(reason)")
    }
  }

  /// Writes a file that must not be there yet, and flushes it.
  static func create(_ path: String, _ text: String, mode: mode_t) throws(Failure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      if errno == EEXIST {
        throw .failed("\(path) is there already and is left as it is: choose another --out")
      }
      throw .failed("\(path) cannot be written: \(systemReason())")
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try file.write(contentsOf: Data(text.utf8))
      try file.synchronize()
      try file.close()
    } catch {
      throw .failed("\(path) cannot be written: \(reason(error))")
    }
  }

  /// Writes a file so that a reader sees the old or the new one, whole; the new one has the old
  /// one's mode.
  static func replace(_ path: String, _ bytes: [UInt8]) throws(Failure) {
    let mode = (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions]
    do {
      try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
      if let mode {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      }
    } catch {
      throw .failed("\(path) cannot be written: \(reason(error))")
    }
  }

  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  static func createFolder(_ path: String) throws(Failure) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .failed("\(path) cannot be made a folder: \(reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    if let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError,
      underlying.domain == NSPOSIXErrorDomain
    {
      return unsafe String(cString: strerror(Int32(underlying.code)))
    }
    return error.localizedDescription
  }

  private static func systemReason() -> String { unsafe String(cString: strerror(errno)) }
}
