// Reading and writing files.
// Invariants: a file is there whole and durable or not at all; a private key is never written over;
// what is replaced is a regular file, the one that a link leads to; a descriptor is closed on every way.

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

  /// Writes a file that must not be there yet. If that fails, there is none.
  static func create(_ path: String, _ text: String, mode: mode_t) throws(Failure) {
    try write(Array(text.utf8), to: path, mode: mode)
    do throws(Failure) {
      try syncFolder(of: path)
    } catch {
      remove(path)
      throw error
    }
  }

  static func remove(_ path: String) { _ = unsafe unlink(path) }

  /// Writes a file so that a reader sees the old or the new one, whole; the new one has the old one's
  /// mode. A link stays: what it leads to is replaced.
  /// - Parameter mayReplace: asked with what the file holds, if it holds something.
  static func replace(
    _ path: String, _ bytes: [UInt8], ifOld mayReplace: ([UInt8]) throws(Failure) -> Void = { _ in }
  ) throws(Failure) {
    let old = try replaceable(path)
    if let old, old.bytes > 0 { try mayReplace(try read(old.path)) }
    let target = old?.path ?? path
    let temporary = "\(target).\(getpid()).new"
    try write(bytes, to: temporary, mode: old?.mode ?? 0o666, shownAs: path)
    guard unsafe rename(temporary, target) == 0 else {
      let reason = systemReason()
      remove(temporary)
      throw .failed("\(path) cannot be written: \(reason)")
    }
    try syncFolder(of: target)
  }

  /// Keeps every other process that calls this for the same file waiting, for as long as `body` runs.
  static func locked<R>(_ path: String, _ body: () throws(Failure) -> R) throws(Failure) -> R {
    while true {
      let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .failed("\(path) cannot be read: \(systemReason())") }
      defer { close(descriptor) }
      guard flock(descriptor, LOCK_EX) == 0 else {
        throw .failed("\(path) cannot be locked: \(systemReason())")
      }
      // Who had the lock has put a new file in its place: that is the one to lock.
      var locked = stat()
      var named = stat()
      guard unsafe fstat(descriptor, &locked) == 0, unsafe stat(path, &named) == 0,
        locked.st_ino == named.st_ino, locked.st_dev == named.st_dev
      else { continue }
      return try body()
    }
  }

  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  static func createFolder(_ path: String) throws(Failure) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .failed("\(path) cannot be made a folder: \(error.localizedDescription)")
    }
  }

  /// The regular file that has this name, links resolved; nil if there is none yet.
  private static func replaceable(
    _ path: String
  ) throws(Failure) -> (path: String, mode: mode_t, bytes: Int)? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw .failed("\(path) cannot be written: \(systemReason())")
    }
    guard unsafe stat(path, &status) == 0 else {
      throw .failed("\(path) is a link that leads nowhere, and is left as it is")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .failed("\(path) is no regular file, and is left as it is")
    }
    guard let resolved = unsafe realpath(path, nil) else {
      throw .failed("\(path) cannot be written: \(systemReason())")
    }
    defer { unsafe free(resolved) }
    return (unsafe String(cString: resolved), status.st_mode & 0o777, Int(status.st_size))
  }

  /// Writes and flushes a file that must not be there yet. If that fails, there is none.
  private static func write(
    _ bytes: [UInt8], to path: String, mode: mode_t, shownAs name: String? = nil
  ) throws(Failure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      if errno == EEXIST {
        throw .failed("\(path) is there already and is left as it is: choose another --out")
      }
      throw .failed("\(name ?? path) cannot be written: \(systemReason())")
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try file.write(contentsOf: Data(bytes))
      try file.synchronize()
      try file.close()
    } catch {
      remove(path)
      throw .failed("\(name ?? path) cannot be written: \(reason(error))")
    }
  }

  /// A new name is durable when its folder is.
  private static func syncFolder(of path: String) throws(Failure) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    // Who may not read a folder may yet write to it, and cannot flush it.
    if descriptor < 0 && errno == EACCES { return }
    guard descriptor >= 0, fsync(descriptor) == 0 else {
      throw .failed("\(folder) cannot be flushed: \(systemReason())")
    }
  }

  /// What the system says about a failed transfer.
  static func reason(_ error: any Error) -> String {
    if let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError,
      underlying.domain == NSPOSIXErrorDomain
    {
      return unsafe String(cString: strerror(Int32(underlying.code)))
    }
    return error.localizedDescription
  }

  private static func systemReason() -> String { unsafe String(cString: strerror(errno)) }
}
