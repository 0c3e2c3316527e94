// `tollkeeper`: what it can do, and how it is asked.

import CPlatform
import Platform
import Seal
import Selftest
import Wire

private let usage: StaticString = """
  usage: tollkeeper COMMAND

    run --config FILE [--json] [--until-end]
        Decides about codes from the configured input, one verdict a line, each record durable
        before its verdict; sends records up when a contact window opens. SIGTERM stops it;
        --until-end stops it when the input has ended and every verdict is out.
    status --config FILE [--json]
        Asks the agent that runs with this configuration for its counters.
    verify --trust FILE --event N --zone MASK [--authority FILE.pub] [--now UNIX_SECONDS] [--json]
        Decides about codes on standard input, one a line: RESULT TICKET. Records nothing.
    ring check FILE [--json]
    ring list FILE [--json]
        Reads a ring, of a stopped or a running agent, and changes nothing.
    selftest
        Checks every module against golden vectors.

  Exit status: 0 done, 1 failed, 2 wrong usage or configuration.

  """

@c(tollkeeper_main)
public func tollkeeperMain(
  _ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  // Before a file is opened, which would take the number of a descriptor that is missing.
  tk_standard_descriptors()
  let arguments = unsafe Arguments(count, values)
  if arguments.has("--help") || equal(arguments[1], "help") { return say(usage) }
  do throws(SealError) {
    try Sodium.start()
  } catch {
    complain { $0.put("libsodium cannot start") }
    return Status.failed
  }
  return perform(arguments)
}

private func perform(_ arguments: Arguments) -> Int32 {
  let command = arguments[1]
  if equal(command, "run") {
    return refusal(
      arguments.wrong(behind: 1, operands: 0) {
        equal($0, "--config") || equal($0, "--json") || equal($0, "--until-end")
      }, arguments) ?? run(arguments)
  }
  if equal(command, "status") {
    return refusal(
      arguments.wrong(behind: 1, operands: 0) { equal($0, "--config") || equal($0, "--json") },
      arguments) ?? status(arguments)
  }
  if equal(command, "verify") {
    return refusal(
      arguments.wrong(behind: 1, operands: 0) {
        equal($0, "--trust") || equal($0, "--event") || equal($0, "--zone")
          || equal($0, "--authority") || equal($0, "--now") || equal($0, "--json")
      }, arguments) ?? verify(arguments)
  }
  if equal(command, "ring") {
    return refusal(
      arguments.wrong(behind: 2, operands: 1) { equal($0, "--json") }, arguments)
      ?? ring(arguments)
  }
  if equal(command, "selftest") {
    return refusal(arguments.wrong(behind: 1, operands: 0) { _ in false }, arguments)
      ?? selftest()
  }
  return wrongUsage("this command is not known; `tollkeeper --help` lists them")
}

/// Says what is wrong with a word of the command line; nil if nothing is.
private func refusal(
  _ wrong: (problem: Arguments.Problem, place: Int)?, _ arguments: Arguments
) -> Int32? {
  guard let wrong else { return nil }
  complain {
    $0.put("'")
    $0.escaped(arguments[wrong.place])
    switch wrong.problem {
    case .unknown: $0.put("' is no option of this command; `tollkeeper --help` lists them")
    case .twice: $0.put("' stands twice")
    case .noValue: $0.put("' wants a value")
    case .oneTooMany: $0.put("' is one word too many")
    }
  }
  return Status.usage
}

func wrongUsage(_ reason: StaticString) -> Int32 {
  complain { $0.put(reason) }
  return Status.usage
}

/// `FILE: what the kernel said`.
func complain(about path: Path, _ error: KernelError) {
  complain {
    $0.put(path.text.span)
    $0.put(": ")
    $0.put(error)
  }
}

private func selftest() -> Int32 {
  let result = Selftest.run()
  var bytes = InlineArray<128, UInt8>(repeating: 0)
  var span = bytes.mutableSpan
  var writer = TextWriter(span.whole())
  if result.failed > 0 {
    writer.put("first failure: ")
    writer.put(result.firstFailure)
    writer.put("\n")
  }
  writer.put("selftest: ")
  writer.put(result.passed)
  writer.put(" passed, ")
  writer.put(result.failed)
  writer.put(" failed\n")
  return written(writer.written(), result.failed == 0 ? Status.done : Status.failed)
}
