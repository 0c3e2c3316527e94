// Why a command did not do what it was asked.

enum Failure: Error {
  /// Wrong usage; `help` is the command line that explains.
  case usage(String, help: String)
  /// A configuration file that says something wrong on this line.
  case configuration(file: String, line: Int, String)
  case failed(String)

  var status: Int32 {
    switch self {
    case .usage, .configuration: 2
    case .failed: 1
    }
  }

  var message: String {
    switch self {
    case .usage(let reason, let help): "tollctl: \(reason) (see: \(help))"
    case .configuration(let file, let line, let reason): "\(file):\(line): \(reason)"
    case .failed(let reason): "tollctl: \(reason)"
    }
  }
}
