// Where the codes of a sheet stand on A4, in points (1/72 inch) from the upper left corner.
// Invariants: a code has its quiet zone of four modules (ISO/IEC 18004) within its own cell; labels
// are in a font whose characters are all 0.6 of its size wide.

struct SheetLayout {
  static let width = 595.0
  static let height = 842.0
  static let margin = 36.0
  static let titleSize = 14.0
  static let labelSize = 7.0
  private static let quietModules = 4.0
  private static let labelSpace = 12.0

  let columns: Int
  let title: String?

  private var cellWidth: Double { (Self.width - 2 * Self.margin) / Double(columns) }
  private var cellHeight: Double { cellWidth + Self.labelSpace }
  private var top: Double { Self.margin + (title == nil ? 0 : 2 * Self.titleSize) }

  private var rows: Int { Int((Self.height - Self.margin - top) / cellHeight) }
  var codesPerPage: Int { rows * columns }

  /// Where the first module of code `index` of a page is, and how large a module is.
  func place(_ index: Int, modules: Int) -> (x: Double, y: Double, module: Double) {
    let (x, y) = corner(index)
    let module = cellWidth / (Double(modules) + 2 * Self.quietModules)
    return (x + Self.quietModules * module, y + Self.quietModules * module, module)
  }

  /// Where the label of code `index` of a page begins, on its base line; and the label.
  func label(_ text: String, _ index: Int) -> (x: Double, y: Double, text: String) {
    let character = 0.6 * Self.labelSize
    let shown = shortened(text, to: Int(cellWidth / character) - 1)
    let (x, y) = corner(index)
    return (
      x + (cellWidth - character * Double(shown.unicodeScalars.count)) / 2,
      y + cellWidth + Self.labelSize, shown
    )
  }

  private func corner(_ index: Int) -> (x: Double, y: Double) {
    (
      Self.margin + cellWidth * Double(index % columns),
      top + cellHeight * Double(index / columns)
    )
  }

  /// A text of at most `count` characters, `abc..xyz`.
  private func shortened(_ text: String, to count: Int) -> String {
    let characters = Array(text.unicodeScalars)
    guard characters.count > count else { return text }
    let kept = count - 2
    var shown = String.UnicodeScalarView()
    shown.append(contentsOf: characters.prefix((kept + 1) / 2))
    shown.append(contentsOf: "..".unicodeScalars)
    shown.append(contentsOf: characters.suffix(kept / 2))
    return String(shown)
  }
}

/// A number of a drawing, with at most three places after the point.
func drawn(_ number: Double) -> String {
  let thousandths = Int((number * 1000).rounded())
  let whole = thousandths / 1000
  let rest = thousandths % 1000
  if rest == 0 { return "\(whole)" }
  let digits = "\(1000 + rest)".dropFirst()
  return "\(whole).\(digits)"
}
