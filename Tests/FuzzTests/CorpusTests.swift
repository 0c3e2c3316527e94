// What the fuzzer has found worth keeping, once more: every property holds for it.

import Foundation
import Fuzz
import Seal
import Testing

/// Tests/Fuzz/corpus: a folder for each target.
private let corpus = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "Fuzz/corpus")

@Suite struct CorpusTests {
  init() throws { try Sodium.start() }

  @Test(arguments: FuzzTarget.allCases)
  func `seeds and corpus break no property`(_ target: FuzzTarget) throws {
    var fuzzer = Fuzzer(target)
    let seeds = target.seeds
    #expect(!seeds.isEmpty)
    for seed in seeds { try fuzzer.check(seed.span) }
    let folder = corpus.appending(path: target.rawValue)
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files {
      let input = try [UInt8](Data(contentsOf: file))
      do throws(Broken) { try fuzzer.check(input.span) } catch {
        Issue.record("\(target.rawValue)/\(file.lastPathComponent): \(error.property)")
      }
    }
  }
}
