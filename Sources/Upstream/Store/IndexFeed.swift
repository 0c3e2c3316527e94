// Brings blocks to the index behind the back of whoever settles them, so that a receipt never waits
// for SQLite.
// Invariants: blocks arrive in order; at most one thread touches the store; what waits is counted, so
// that the caller can stop taking batches before memory runs out; a failure ends the feed, and
// costs nothing but the index, which is caught up at the next start.

import Dispatch
public import Ledger
import Synchronization

public final class IndexFeed: Sendable {
  private struct State {
    var waiting: [Effects] = []
    var rows = 0
    var isWorking = false
    var failure: StoreError?
    var isReported = false
  }

  /// Rows above which the caller should wait.
  public static let rowsMax = 500_000

  private let queue = DispatchQueue(label: "index")
  private let state = Mutex(State())
  private let store: Confined

  /// The store, which only the queue touches.
  private final class Confined: @unchecked Sendable {
    let store: Store
    init(_ store: Store) { self.store = store }
  }

  /// - Parameter store: not to be used by anybody else from now on.
  public init(_ store: Store) { self.store = Confined(store) }

  /// Takes what the next block did.
  public func add(_ effects: Effects) {
    let begins = state.withLock { state in
      guard state.failure == nil else { return false }
      state.waiting.append(effects)
      state.rows += effects.rows
      defer { state.isWorking = true }
      return !state.isWorking
    }
    if begins { queue.async { self.work() } }
  }

  /// Rows that wait.
  public var rows: Int { state.withLock { $0.rows } }

  /// Why the feed has ended, once.
  public func takeFailure() -> StoreError? {
    state.withLock { state in
      guard let failure = state.failure, !state.isReported else { return nil }
      state.isReported = true
      return failure
    }
  }

  /// Waits until everything is in the index, or the feed has ended.
  public func drain() {
    queue.sync {
      if state.withLock({ $0.failure == nil }) { work() }
      // What stays in the write-ahead log is read from there at the next start.
      try? store.store.checkpoint()
    }
  }

  private func work() {
    while true {
      let blocks = state.withLock { state in
        let blocks = state.waiting
        state.waiting = []
        if blocks.isEmpty { state.isWorking = false }
        return blocks
      }
      if blocks.isEmpty { return }
      do throws(StoreError) {
        try store.store.add(blocks)
        state.withLock { state in state.rows -= blocks.reduce(0) { $0 + $1.rows } }
      } catch {
        state.withLock { state in
          state.failure = error
          state.waiting = []
          state.rows = 0
        }
        return
      }
    }
  }
}
