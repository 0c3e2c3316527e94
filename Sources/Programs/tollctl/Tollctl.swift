// tollctl: keys, tickets, trust documents and contact plans, for issuers and operators.
// Exit status: 0 done, 1 it failed, 2 wrong usage or configuration.

import CPlatform
import Foundation
import Seal

@main
enum Tollctl {
  static let commands = [
    keyNew, ticketMint, ticketShow, ticketReasons, ticketSheet, overrideMint, trustSign,
    trustRevoke, trustRotate, deviceEnroll, contactsCheck,
  ]

  static func main() {
    // Before a file is opened, which would take the number of a descriptor that is missing.
    tk_standard_descriptors()
    // A file size limit is an error of the write, which is told and cleaned up after.
    signal(SIGXFSZ, SIG_IGN)
    do throws(Failure) {
      do throws(SealError) { try Sodium.start() } catch {
        throw .failed("the system gives no random numbers: is /dev/urandom there?")
      }
      try run(Array(CommandLine.arguments.dropFirst()))
      try Output.flush()
    } catch {
      end(error)
    }
  }

  /// What was put out before a failure stands there.
  private static func end(_ failure: Failure) -> Never {
    do throws(Failure) { try Output.flush() } catch { Output.error(error.message) }
    Output.error(failure.message)
    exit(failure.status)
  }

  private static func run(_ words: [String]) throws(Failure) {
    if words.isEmpty { throw .usage("say what to do", help: "tollctl --help") }
    if isHelp(words[0]) { return try Output.line(help(commands)) }
    let group = commands.filter { $0.group == words[0] }
    if group.isEmpty { throw .usage("there is no command '\(words[0])'", help: "tollctl --help") }
    guard words.count > 1 else {
      throw .usage("'\(words[0])' wants one more word", help: "tollctl \(words[0]) --help")
    }
    if isHelp(words[1]) { return try Output.line(help(group)) }
    guard let command = group.first(where: { $0.verb == words[1] }) else {
      throw .usage(
        "there is no command '\(words[0]) \(words[1])'", help: "tollctl \(words[0]) --help")
    }
    let rest = words.dropFirst(2)
    // Before anything else, so that a wrong line can be turned into a question.
    if rest.prefix(while: { $0 != "--" }).contains(where: isHelp) {
      return try Output.line(command.help)
    }
    try command.run(Arguments(rest, of: command))
  }

  private static func isHelp(_ word: String) -> Bool { word == "--help" || word == "-h" }

  private static func help(_ commands: [Command]) -> String {
    let width = commands.map { $0.name.count }.max() ?? 0
    let lines = commands.map {
      "  tollctl \($0.name.padding(toLength: width, withPad: " ", startingAt: 0))  \($0.summary)"
    }
    return """
      usage: tollctl COMMAND [OPTIONS]

      \(lines.joined(separator: "\n"))

      tollctl COMMAND --help says more about each. Exit status: 0 done, 1 it failed, 2 wrong usage
      or configuration.
      """
  }
}
