// The index is what the ledger's blocks did, and nothing else.

import CSQLite
import Foundation
import Ledger
import Limits
import Receipts
import Records
import Seal
import Store
import Testing
import Trust
import Wire

@Suite final class StoreTests {
  private let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "store-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func path(_ name: String) -> String { folder + "/" + name }

  private func dump(_ store: Store) throws -> [String] {
    var lines: [String] = []
    try store.dump { lines.append($0) }
    return lines
  }

  @Test func `the index of a replayed ledger equals the one that was made on the way`() throws {
    let story = try Story()
    let live = try Store(path: path("live"))
    for effects in story.effects { try live.add([effects]) }
    let again = try Store(path: path("again"))
    try again.add(try story.replayed())
    let lines = try dump(live)
    #expect(lines == (try dump(again)))
    #expect(lines.filter { $0.hasPrefix("scans") }.count == 62)
    #expect(lines.filter { $0.hasPrefix("duplicates") }.count == 11)
    #expect(lines.filter { $0.hasPrefix("evidence") }.count == 1)
    #expect(lines.filter { $0.hasPrefix("devices") }.count == 2)
    #expect(lines.filter { $0.hasPrefix("blocks") }.count == story.effects.count)
  }

  @Test func `an index that is behind is caught up from where it is`() throws {
    let story = try Story()
    let whole = try Store(path: path("whole"))
    try whole.add(story.effects)
    do {
      let part = try Store(path: path("part"))
      try part.add(Array(story.effects.prefix(2)))
      #expect(part.height == 2)
    }
    let part = try Store(path: path("part"))
    #expect(part.height == 2)
    try part.add(try story.replayed())
    #expect(try dump(part) == (try dump(whole)))
    #expect(try part.id(at: 3) == story.effects[2].block.id)
    #expect(try part.id(at: 99) == nil)
  }

  @Test func `blocks that are in the index already are left out`() throws {
    let story = try Story()
    let store = try Store(path: path("twice"))
    try store.add(story.effects)
    let lines = try dump(store)
    try store.add(story.effects)
    #expect(try dump(store) == lines)
  }

  @Test func `a block that fails leaves the index as it was`() throws {
    let story = try Story()
    let store = try Store(path: path("failing"))
    try store.add([story.effects[0], story.effects[1]])
    let lines = try dump(store)
    var bad = story.effects[2]
    bad.scans += story.effects[1].scans
    #expect(throws: StoreError.self) { try store.add([bad]) }
    #expect(try dump(store) == lines && store.height == 2)
    try store.add(story.effects)
    #expect(store.height == UInt64(story.effects.count))
  }

  @Test func `the feed brings everything to the index in order`() throws {
    let story = try Story()
    let expected = try Store(path: path("expected"))
    try expected.add(story.effects)
    do {
      let feed = IndexFeed(try Store(path: path("fed")))
      for effects in story.effects { feed.add(effects) }
      feed.drain()
      #expect(feed.rows == 0 && feed.takeFailure() == nil)
    }
    #expect(try dump(Store(path: path("fed"))) == (try dump(expected)))
  }

  @Test func `a feed that fails says so once and takes no more`() throws {
    let story = try Story()
    let feed = IndexFeed(try Store(path: path("broken")))
    var bad = story.effects[1]
    bad.scans += bad.scans
    feed.add(story.effects[0])
    feed.add(bad)
    feed.drain()
    #expect(feed.takeFailure() != nil)
    #expect(feed.takeFailure() == nil)
    feed.add(story.effects[2])
    #expect(feed.rows == 0)
  }

  @Test(arguments: [
    "UPDATE blocks SET height = -height", "UPDATE devices SET node = -node",
    "UPDATE devices SET epoch = 'never'",
  ])
  func `an index that holds what it cannot hold is refused`(damage: String) throws {
    do {
      let store = try Store(path: path("damaged"))
      try store.add(try Story().effects)
      try store.checkpoint()
    }
    var handle: OpaquePointer?
    #expect(sqlite3_open(path("damaged"), &handle) == SQLITE_OK)
    #expect(sqlite3_exec(handle, damage, nil, nil, nil) == SQLITE_OK)
    #expect(sqlite3_close(handle) == SQLITE_OK)
    #expect(throws: StoreError.self) { try Store(path: path("damaged")) }
  }

  @Test func `a file that is no index is refused`() throws {
    try Data(repeating: 0x41, count: 9_000).write(to: URL(fileURLWithPath: path("noise")))
    #expect(throws: StoreError.self) { try Store(path: path("noise")) }
  }
}
