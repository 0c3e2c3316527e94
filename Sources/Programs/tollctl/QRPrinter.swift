// QR codes through the qrencode program: error correction M; all of Base45 is in QR's alphanumeric
// set, so that it takes 5.5 bits a character.

import Foundation

struct QRPrinter {
  let folder: String
  private let program: URL
  private let format: String

  /// Nil if no QR codes are wanted.
  init?(_ arguments: Arguments) throws(Failure) {
    guard let folder = arguments.text("qr") else {
      if arguments.has("qr-format") { throw arguments.usage("--qr-format goes with --qr DIR") }
      return nil
    }
    self.folder = folder
    format = arguments.text("qr-format") ?? "png"
    guard format == "png" || format == "svg" else {
      throw arguments.usage("--qr-format is png or svg, not '\(format)'")
    }
    guard let program = Self.find() else {
      throw .failed("the program qrencode is not there: apt-get install qrencode")
    }
    self.program = program
    try Files.createFolder(folder)
  }

  func write(_ text: String, named name: String) throws(Failure) {
    let path = URL(fileURLWithPath: folder).appendingPathComponent("\(name).\(format)").path
    let process = Process()
    let output = Pipe()
    process.executableURL = program
    process.arguments = ["-t", format.uppercased(), "-l", "M", "-o", "-", "--", text]
    process.standardOutput = output
    do { try process.run() } catch {
      throw .failed("qrencode cannot be run: \(error.localizedDescription)")
    }
    // Not to a file of its own: qrencode does not tell when that could not be written.
    let image: Data?
    do { image = try output.fileHandleForReading.readToEnd() } catch {
      throw .failed("qrencode cannot be read: \(error.localizedDescription)")
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0, let image else {
      throw .failed("qrencode made no code for \(path)")
    }
    try Files.replace(path, [UInt8](image))
  }

  private static func find() -> URL? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
      .map { URL(fileURLWithPath: String($0)).appendingPathComponent("qrencode") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}
