// `ticket reasons`: the closed list of results of a scan, with what pretix calls each.

import Foundation
import Records

let ticketReasons = Command(
  group: "ticket", verb: "reasons", summary: "Lists the results of a scan, with pretix's names.",
  options: [.json]
) { (arguments) throws(Failure) in
  for number in 0..<UInt8(Reason.count) {
    guard let reason = Reason(rawValue: number) else { continue }
    if arguments.has("json") {
      var object = JSONObject()
      object.put("number", number)
      object.put("result", "\(reason.name)")
      object.put("pretix", "\(reason.pretixName)")
      try Output.line(object.line)
    } else {
      let name = "\(reason.name)".padding(toLength: 16, withPad: " ", startingAt: 0)
      try Output.line("\(number < 10 ? " " : "")\(number)  \(name)\(reason.pretixName)")
    }
  }
}
