// tollkeeper-validator: settles what gates have recorded, keeps the ledger, and tells devices.
// Exit status: 0 done, 1 it failed, 2 wrong usage or configuration.

import CPlatform
import Foundation
import Seal

@main
enum TollkeeperValidator {
  private static let help = """
    usage: tollkeeper-validator run --config FILE
           tollkeeper-validator report --config FILE [--json]
           tollkeeper-validator reindex --config FILE [--json]

      run      settle, until SIGTERM; SIGHUP reads the trust document again
      report   totals, duplicates and evidence, computed from the block log
      reindex  make index.sqlite anew from the block log, while no validator runs

    FILE is validator.toml: node, key, authority, trust, state; [broker] host, port, password_file,
    tls_ca; [log] level. Exit status: 0 done, 1 it failed, 2 wrong usage or configuration.
    """

  static func main() {
    // Before a file is opened, which would take the number of a descriptor that is missing.
    tk_standard_descriptors()
    // What the ledger and its index hold is for their owner alone.
    umask(0o077)
    do throws(Failure) {
      do throws(SealError) { try Sodium.start() } catch {
        throw .failed("the system gives no random numbers: is /dev/urandom there?")
      }
      try run(Array(CommandLine.arguments.dropFirst()))
    } catch {
      // Where it cannot be written, the status says it.
      _ = Output.error(error.message)
      exit(error.status)
    }
  }

  private static func run(_ words: [String]) throws(Failure) {
    if words.isEmpty { throw .usage("say what to do") }
    if words.contains("--help") || words.contains("-h") { return try Output.put(help) }
    guard ["run", "report", "reindex"].contains(words[0]) else {
      throw .usage("there is no command '\(words[0])'")
    }
    var path: String?
    var isJSON = false
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      switch word {
      case "--config":
        guard let value = rest.popFirst() else { throw .usage("--config wants a file") }
        if path != nil { throw .usage("--config stands twice") }
        path = value
      case "--json" where words[0] != "run": isJSON = true
      default: throw .usage("'\(word)' is not known to \(words[0])")
      }
    }
    guard let path else { throw .usage("--config is missing") }
    let configuration = try Configuration(path)
    switch words[0] {
    case "run": try Validator.run(configuration)
    case "report": try Report.run(configuration, isJSON: isJSON)
    default: try LedgerFolder.reindex(configuration, isJSON: isJSON)
    }
  }
}
