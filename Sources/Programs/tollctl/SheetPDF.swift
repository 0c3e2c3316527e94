// A sheet as PDF 1.4 (ISO 32000): pages of filled rectangles, in a standard font, uncompressed.
// Invariants: the cross-reference table names the byte at which each object begins; every entry of
// it has 20 bytes.

enum SheetPDF {
  private static let catalog = 1
  private static let pageTree = 2
  private static let labelFont = 3
  private static let titleFont = 4
  private static let firstPage = 5

  static func bytes(_ codes: [SheetCode], _ layout: SheetLayout) -> [UInt8] {
    let pages = stride(from: 0, to: codes.count, by: layout.codesPerPage).map {
      content(Array(codes[$0..<min($0 + layout.codesPerPage, codes.count)]), layout)
    }
    // A page and its content each.
    let numbers = pages.indices.map { firstPage + 2 * $0 }
    var objects = [
      "<< /Type /Catalog /Pages \(pageTree) 0 R >>",
      "<< /Type /Pages /Count \(pages.count) /Kids ["
        + numbers.map { "\($0) 0 R" }.joined(separator: " ") + "] >>",
      font("Courier"), font("Helvetica"),
    ]
    for (page, number) in zip(pages, numbers) {
      objects.append(
        "<< /Type /Page /Parent \(pageTree) 0 R /MediaBox [0 0 \(drawn(SheetLayout.width)) "
          + "\(drawn(SheetLayout.height))] /Resources << /Font << /F1 \(labelFont) 0 R /F2 "
          + "\(titleFont) 0 R >> >> /Contents \(number + 1) 0 R >>")
      objects.append("<< /Length \(page.utf8.count) >>\nstream\n\(page)\nendstream")
    }
    return file(objects)
  }

  private static func font(_ name: String) -> String {
    "<< /Type /Font /Subtype /Type1 /BaseFont /\(name) /Encoding /WinAnsiEncoding >>"
  }

  private static func file(_ objects: [String]) -> [UInt8] {
    // The second line says that there may be bytes above 127 (7.5.2).
    var bytes = Array("%PDF-1.4\n%".utf8) + [0xe2, 0xe3, 0xcf, 0xd3, 0x0a]
    var table = "0000000000 65535 f \n"
    for (index, object) in objects.enumerated() {
      let place = "\(bytes.count)"
      table += String(repeating: "0", count: 10 - place.utf8.count) + place + " 00000 n \n"
      bytes += Array("\(index + 1) 0 obj\n\(object)\nendobj\n".utf8)
    }
    let start = bytes.count
    bytes += Array("xref\n0 \(objects.count + 1)\n\(table)".utf8)
    bytes += Array(
      "trailer\n<< /Size \(objects.count + 1) /Root \(catalog) 0 R >>\nstartxref\n\(start)\n%%EOF\n"
        .utf8)
    return bytes
  }

  /// The operators of a page. PDF counts from the lower left corner.
  private static func content(_ codes: [SheetCode], _ layout: SheetLayout) -> String {
    var lines: [String] = []
    if let title = layout.title {
      let size = SheetLayout.titleSize
      lines.append(
        text(title, "F2", size, SheetLayout.margin, SheetLayout.margin + size))
    }
    for (index, code) in codes.enumerated() {
      let place = layout.place(index, modules: code.modules.count)
      let module = drawn(place.module)
      lines.append(
        "q \(module) 0 0 -\(module) \(drawn(place.x)) \(drawn(SheetLayout.height - place.y)) cm")
      lines += code.runs.map { "\($0.x) \($0.y) \($0.width) 1 re" }
      lines.append("f Q")
      let label = layout.label(code.label, index)
      lines.append(text(label.text, "F1", SheetLayout.labelSize, label.x, label.y))
    }
    return lines.joined(separator: "\n")
  }

  private static func text(
    _ text: String, _ font: String, _ size: Double, _ x: Double, _ y: Double
  ) -> String {
    "BT /\(font) \(drawn(size)) Tf \(drawn(x)) \(drawn(SheetLayout.height - y)) Td "
      + "(\(literal(text))) Tj ET"
  }

  /// A literal string (7.3.4.2) in WinAnsiEncoding, which is Latin-1 but for its controls.
  private static func literal(_ text: String) -> String {
    var literal = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "(", ")", "\\": literal += "\\\(scalar)"
      case " "..."~": literal.unicodeScalars.append(scalar)
      case "\u{a0}"..."\u{ff}": literal += "\\" + String(scalar.value, radix: 8)
      default: literal += "?"
      }
    }
    return literal
  }
}
