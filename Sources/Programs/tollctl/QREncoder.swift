// QR codes through the qrencode program: error correction M; all of Base45 is in QR's alphanumeric
// set, so that it takes 5.5 bits a character. What pretix sells is Base64 and takes 8.

import Foundation

struct QREncoder {
  private let program: URL

  init() throws(Failure) {
    let program = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
      .map { URL(fileURLWithPath: String($0)).appendingPathComponent("qrencode") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    guard let program else {
      throw .failed("the program qrencode is not there: apt-get install qrencode")
    }
    self.program = program
  }

  /// - Parameters:
  ///   - format: as qrencode calls it.
  ///   - purpose: what it is for, should it fail.
  func image(
    of text: String, format: String, margin: Int? = nil, for purpose: String
  ) throws(Failure) -> [UInt8] {
    let process = Process()
    let output = Pipe()
    process.executableURL = program
    process.arguments =
      ["-t", format, "-l", "M"] + (margin.map { ["-m", "\($0)"] } ?? []) + ["-o", "-", "--", text]
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
      throw .failed("qrencode made no code for \(purpose)")
    }
    return [UInt8](image)
  }

  /// The modules of a code, true where it is dark, without a quiet zone.
  func modules(of text: String, for purpose: String) throws(Failure) -> [[Bool]] {
    // Two characters a module.
    let picture = try image(of: text, format: "ASCII", margin: 0, for: purpose)
    let rows = picture.split(separator: 0x0a).map { line in
      stride(from: 0, to: line.count, by: 2).map { line[line.startIndex + $0] == 0x23 }
    }
    guard !rows.isEmpty, rows.allSatisfy({ $0.count == rows.count }) else {
      throw .failed("qrencode made something else than a code for \(purpose)")
    }
    return rows
  }
}
