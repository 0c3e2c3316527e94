// A sheet as SVG 1.1: one page of A4, each code one path in modules.

enum SheetSVG {
  /// - Precondition: the codes fit a page.
  static func bytes(_ codes: [SheetCode], _ layout: SheetLayout) -> [UInt8] {
    let (width, height) = (drawn(SheetLayout.width), drawn(SheetLayout.height))
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" "
        + "viewBox=\"0 0 \(width) \(height)\">",
      "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#fff\"/>",
    ]
    if let title = layout.title {
      let size = SheetLayout.titleSize
      lines.append(
        text(title, "sans-serif", size, SheetLayout.margin, SheetLayout.margin + size))
    }
    for (index, code) in codes.enumerated() {
      let place = layout.place(index, modules: code.modules.count)
      let path = code.runs.map { "M\($0.x) \($0.y)h\($0.width)v1h-\($0.width)z" }.joined()
      lines.append(
        "<path transform=\"translate(\(drawn(place.x)) \(drawn(place.y))) "
          + "scale(\(drawn(place.module)))\" d=\"\(path)\"/>")
      let label = layout.label(code.label, index)
      lines.append(text(label.text, "monospace", SheetLayout.labelSize, label.x, label.y))
    }
    lines.append("</svg>")
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  private static func text(
    _ text: String, _ font: String, _ size: Double, _ x: Double, _ y: Double
  ) -> String {
    "<text x=\"\(drawn(x))\" y=\"\(drawn(y))\" font-family=\"\(font)\" font-size=\"\(drawn(size))\">"
      + "\(escaped(text))</text>"
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case " "..."~", "\u{a0}"..."\u{ff}": escaped.unicodeScalars.append(scalar)
      default: escaped += "?"
      }
    }
    return escaped
  }
}
