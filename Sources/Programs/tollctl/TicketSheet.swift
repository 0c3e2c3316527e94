// `ticket sheet`: QR codes to print and cut, with a label under each.

import Foundation
import Tickets

let ticketSheet = Command(
  group: "ticket", verb: "sheet", summary: "Makes a printable sheet of QR codes: A4, PDF or SVG.",
  options: [
    Option(name: "in", value: "FILE", help: "tickets, one text a line", isRequired: true),
    Option(name: "out", value: "FILE.pdf|FILE.svg", help: "the sheet", isRequired: true),
    Option(name: "columns", value: "N", help: "codes beside each other, 1 to 8 (default 4)"),
    Option(name: "title", value: "TEXT", help: "what stands above, on each page"),
    .json,
  ],
  notes: """
    Under each code stands its cti or seed, shortened in the middle where it is too long. A PDF has as
    many pages as it takes, an SVG one. Characters beyond Latin-1 are printed as '?'.
    """
) { (arguments) throws(Failure) in
  let path = arguments.required("out")
  guard path.hasSuffix(".pdf") || path.hasSuffix(".svg") else {
    throw arguments.usage("--out ends in .pdf or .svg, not '\(path)'")
  }
  let layout = SheetLayout(
    columns: try arguments.number("columns", in: 1...8) ?? 4, title: arguments.text("title"))
  let codes = try codes(arguments.required("in"))
  let pages = (codes.count + layout.codesPerPage - 1) / layout.codesPerPage
  if path.hasSuffix(".svg") {
    guard pages == 1 else {
      throw .failed(
        "\(codes.count) codes are \(pages) pages of \(layout.codesPerPage), and an SVG has one: choose "
          + ".pdf, or more --columns")
    }
    try Files.replace(path, SheetSVG.bytes(codes, layout))
  } else {
    try Files.replace(path, SheetPDF.bytes(codes, layout))
  }
  if arguments.has("json") {
    var object = JSONObject()
    object.put("file", path)
    object.put("codes", codes.count)
    object.put("pages", pages)
    try Output.line(object.line)
  } else {
    try Output.line("\(path): \(counted(codes.count, "code")), \(counted(pages, "page"))")
  }
}

/// A code to be printed.
struct SheetCode {
  /// True where it is dark.
  var modules: [[Bool]]
  var label: String

  /// Dark runs: column, row and width, in modules.
  var runs: [(x: Int, y: Int, width: Int)] {
    var runs: [(x: Int, y: Int, width: Int)] = []
    for (y, row) in modules.enumerated() {
      var start: Int?
      for x in 0...row.count {
        let isDark = x < row.count && row[x]
        if isDark && start == nil { start = x }
        if let first = start, !isDark {
          runs.append((first, y, x - first))
          start = nil
        }
      }
    }
    return runs
  }
}

private func codes(_ path: String) throws(Failure) -> [SheetCode] {
  let encoder = try QREncoder()
  var codes: [SheetCode] = []
  let lines = try Files.read(path).split(separator: 0x0a, omittingEmptySubsequences: false)
  for (number, line) in lines.enumerated() {
    // Spaces are digits of Base45 and stay.
    let isCR = line.last == 0x0d
    let text = String(decoding: isCR ? line.dropLast() : line, as: UTF8.self)
    if text.isEmpty { continue }
    guard let name = ScannedTicket(text).name else {
      throw .configuration(file: path, line: number + 1, "this is no ticket")
    }
    codes.append(
      SheetCode(
        modules: try encoder.modules(of: text, for: "line \(number + 1) of \(path)"), label: name))
  }
  guard !codes.isEmpty else { throw .failed("\(path) has no tickets") }
  return codes
}
