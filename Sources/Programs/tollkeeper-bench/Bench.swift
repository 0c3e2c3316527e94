// `tollkeeper-bench NAME FOLDER`: figures that a process can measure by itself, on files in FOLDER.

import Platform
import Seal
import Wire

@main
struct Bench {
  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let folder = Path(Array(arguments[2].utf8).span) else {
      print("usage: tollkeeper-bench scan|durable FOLDER")
      return
    }
    do {
      try Sodium.start()
    } catch {
      fatalError("libsodium cannot start")
    }
    switch arguments[1] {
    case "scan": ScanBench.run(folder: folder)
    case "durable": DurableBench.run(folder: folder)
    default: print("usage: tollkeeper-bench scan|durable FOLDER")
    }
  }
}
