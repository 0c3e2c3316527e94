// A JSON object (RFC 8259) of one line, whose members keep their order.

import Wire

struct JSONObject {
  private var members: [String] = []

  mutating func put(_ name: String, _ value: String) {
    members.append("\(Self.quoted(name)):\(Self.quoted(value))")
  }

  mutating func put(_ name: String, _ value: some BinaryInteger) {
    members.append("\(Self.quoted(name)):\(value)")
  }

  mutating func put(_ name: String, _ value: Bool) {
    members.append("\(Self.quoted(name)):\(value)")
  }

  mutating func put(_ name: String, _ value: JSONObject) {
    members.append("\(Self.quoted(name)):\(value.line)")
  }

  var line: String { "{" + members.joined(separator: ",") + "}" }

  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{0}"..<"\u{20}", "\u{7f}":
        quoted += "\\u" + String(scalar.value + 0x10000, radix: 16).dropFirst()
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

func hex(_ bytes: Span<UInt8>) -> String {
  var text: [UInt8] = []
  for i in bytes.indices { text += [Hex.digit(bytes[i] >> 4), Hex.digit(bytes[i] & 15)] }
  return String(decoding: text, as: UTF8.self)
}

func hex(_ number: UInt64) -> String {
  let digits = String(number, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
