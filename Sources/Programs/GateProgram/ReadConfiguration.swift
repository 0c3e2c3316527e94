// From `--config FILE` to a Configuration, or to what is wrong with it, and with what it names.

import Limits
import Platform
import Wire

/// Why there is no configuration; it has been said already.
struct ConfigurationProblem: Error {
  var status: Int32
}

func readConfiguration(
  _ arguments: Arguments
) -> Result<Configuration, ConfigurationProblem> {
  guard let place = arguments.place(of: "--config"), let path = Path(arguments[place]) else {
    return .failure(ConfigurationProblem(status: wrongUsage("--config FILE is missing")))
  }
  guard var arena = System.arena(bytes: Limits.configBytesMax) else {
    complain { $0.put("there is not enough memory") }
    return .failure(ConfigurationProblem(status: Status.failed))
  }
  var memory = arena.take(Limits.configBytesMax)
  var text = memory.mutableSpan
  let count: Int
  do throws(KernelError) {
    count = try File.read(path, into: &text)
  } catch {
    complain(about: path, error)
    return .failure(ConfigurationProblem(status: Status.usage))
  }
  do throws(TOMLError) {
    return .success(
      try Configuration(parsing: text.span.extracting(first: count), of: path))
  } catch {
    complain(about: path, line: error.line, error.reason)
    return .failure(ConfigurationProblem(status: Status.usage))
  }
}

extension Configuration {
  /// `FILE:LINE: PATH: what is wrong`, about a file that a line of the configuration names.
  func complain(line: Int, _ path: Path, _ write: (inout TextWriter) -> Void) {
    GateProgram.complain {
      $0.put(file.text.span)
      // A value that no line says is the default.
      if line > 0 {
        $0.put(":")
        $0.put(line)
      }
      $0.put(": ")
      $0.put(path.text.span)
      $0.put(": ")
      write(&$0)
    }
  }
}

/// `FILE:LINE: what is wrong`.
func complain(about path: Path, line: Int, _ reason: StaticString) {
  complain {
    $0.put(path.text.span)
    $0.put(":")
    $0.put(line)
    $0.put(": ")
    $0.put(reason)
  }
}
