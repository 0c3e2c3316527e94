// QR codes as images, one file each.

import Foundation

struct QRPrinter {
  static let options = [
    Option(name: "qr", value: "DIR", help: "also one QR code each, DIR/ID.png"),
    Option(name: "qr-format", value: "png|svg", help: "their format (default png)"),
  ]

  let folder: String
  private let encoder: QREncoder
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
    encoder = try QREncoder()
    try Files.createFolder(folder)
  }

  func write(_ text: String, named name: String) throws(Failure) {
    let path = URL(fileURLWithPath: folder).appendingPathComponent("\(name).\(format)").path
    try Files.replace(path, encoder.image(of: text, format: format.uppercased(), for: path))
  }

  func report(_ count: Int) {
    Output.error("tollctl: \(counted(count, "QR code")) written to \(folder)")
  }
}
