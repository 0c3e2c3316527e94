// What devices are told, in which order, and how often.

import Ledger
import Records
import Testing
import Wire

@Suite struct DownlinkTests {
  /// Heights with settlements.
  private let heights: [UInt64] = [3, 5, 6, 9]

  private func header(_ node: UInt64, height: UInt64 = 0, trust: UInt64 = 1) -> BatchHeader {
    BatchHeader(node: node, epoch: 1, boot: 1, height: height, trust: trust)
  }

  /// Everything that is offered now, settlements in `leaves` leaves a height.
  private func drain(_ downlink: inout Downlink, at now: Int64, leaves: Int = 1) -> [Downlink.Item]
  {
    var items: [Downlink.Item] = []
    while items.count < 1_000,
      let item = downlink.next(at: now, heights: heights)
    {
      items.append(item)
      if case .settlement(let node, let height, let index) = item {
        downlink.sent(node, height: height, index: index, of: leaves, at: now)
      }
    }
    return items
  }

  @Test func `shards are sent once for each asking, and only of the document in force`() {
    var downlink = Downlink()
    var asking = header(1, height: 9, trust: 2)
    var want = ShardWant(bits: 4)
    let held = Bytes<16>()
    want.append(3, held: nil)
    want.append(7, held: held)
    asking.want = want
    downlink.heard(asking, asks: true, trust: 2, settled: 9, at: 0)
    let shards: [Downlink.Item] = [
      .shard(node: 1, index: 3, held: nil), .shard(node: 1, index: 7, held: held),
    ]
    #expect(drain(&downlink, at: 0) == [.receipt(node: 1)] + shards)
    #expect(drain(&downlink, at: 0).isEmpty)
    downlink.heard(asking, asks: true, trust: 2, settled: 9, at: 1_000)
    #expect(drain(&downlink, at: 1_000) == [.receipt(node: 1)] + shards)
    downlink.heard(asking, asks: true, trust: 3, settled: 9, at: 20_000)
    #expect(drain(&downlink, at: 20_000) == [.trust(node: 1), .receipt(node: 1)])
  }

  @Test func `a device that asks is sent trust then its receipt then settlements oldest first`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 3), asks: true, trust: 2, settled: 9, at: 0)
    #expect(
      drain(&downlink, at: 0) == [
        .trust(node: 1), .receipt(node: 1), .settlement(node: 1, height: 5, index: 0),
        .settlement(node: 1, height: 6, index: 0), .settlement(node: 1, height: 9, index: 0),
      ])
    #expect(drain(&downlink, at: 0).isEmpty)
  }

  @Test func `a device that was never heard is sent what it lacks though it does not ask`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 6), asks: false, trust: 1, settled: 9, at: 0)
    #expect(
      drain(&downlink, at: 0) == [.receipt(node: 1), .settlement(node: 1, height: 9, index: 0)])
  }

  @Test func `a height of several leaves is sent leaf by leaf`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 6), asks: true, trust: 1, settled: 9, at: 0)
    #expect(
      drain(&downlink, at: 0, leaves: 3) == [
        .receipt(node: 1), .settlement(node: 1, height: 9, index: 0),
        .settlement(node: 1, height: 9, index: 1), .settlement(node: 1, height: 9, index: 2),
      ])
  }

  @Test func `settlements are not sent again before the device had time to confirm them`() {
    var downlink = Downlink()
    downlink.heard(header(1), asks: true, trust: 1, settled: 5, at: 0)
    #expect(drain(&downlink, at: 0).count == 3)
    downlink.heard(header(1), asks: false, trust: 1, settled: 5, at: 9_999)
    #expect(drain(&downlink, at: 9_999) == [.receipt(node: 1)])
    downlink.heard(header(1, height: 3), asks: false, trust: 1, settled: 5, at: 10_000)
    #expect(
      drain(&downlink, at: 10_000) == [
        .receipt(node: 1), .settlement(node: 1, height: 5, index: 0),
      ])
    downlink.heard(header(1, height: 5), asks: false, trust: 1, settled: 5, at: 30_000)
    #expect(drain(&downlink, at: 30_000) == [.receipt(node: 1)])
  }

  @Test func `a block pushes its settlements to devices that are present and not its only author`()
  {
    var downlink = Downlink()
    for node in 1...3 {
      downlink.heard(
        header(UInt64(node), height: 6), asks: true, trust: 1, settled: 6,
        at: node == 3 ? 0 : 50_000)
    }
    _ = drain(&downlink, at: 50_000)
    downlink.settled(9, only: 1, at: 150_000)
    #expect(drain(&downlink, at: 150_000) == [.settlement(node: 2, height: 9, index: 0)])
    downlink.settled(9, only: nil, at: 150_000)
    #expect(drain(&downlink, at: 150_000) == [.settlement(node: 1, height: 9, index: 0)])
  }

  @Test func `a device stays present from one greeting to the next but one`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 6), asks: true, trust: 1, settled: 6, at: 0)
    _ = drain(&downlink, at: 0)
    downlink.settled(9, only: nil, at: 120_000)
    #expect(drain(&downlink, at: 120_000) == [.settlement(node: 1, height: 9, index: 0)])
  }

  @Test func `a device that is expected and silent is told what happens from now on`() {
    var downlink = Downlink()
    downlink.expect(1, settled: 6, at: 0)
    #expect(drain(&downlink, at: 0).isEmpty)
    downlink.settled(9, only: nil, at: 10)
    downlink.trustChanged(at: 10)
    #expect(
      drain(&downlink, at: 10) == [.trust(node: 1), .settlement(node: 1, height: 9, index: 0)])
  }

  @Test func `a device that is expected is sent what it lacks when it speaks`() {
    var downlink = Downlink()
    downlink.expect(1, settled: 9, at: 0)
    downlink.heard(header(1, height: 5), asks: false, trust: 1, settled: 9, at: 10)
    #expect(
      drain(&downlink, at: 10) == [
        .receipt(node: 1), .settlement(node: 1, height: 6, index: 0),
        .settlement(node: 1, height: 9, index: 0),
      ])
  }

  @Test func `a device that is known is not expected anew`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 3), asks: true, trust: 1, settled: 5, at: 0)
    downlink.expect(1, settled: 9, at: 0)
    #expect(
      drain(&downlink, at: 0) == [.receipt(node: 1), .settlement(node: 1, height: 5, index: 0)])
  }

  @Test func `what a broken connection had on its way is sent again`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 3), asks: true, trust: 2, settled: 9, at: 0)
    let sent = drain(&downlink, at: 0)
    #expect(sent.count == 5)
    // Its trust, its receipt and height 6; the broker has said that it has height 5.
    for i in [0, 1, 3] { downlink.lost(sent[i], at: 1) }
    #expect(drain(&downlink, at: 1) == [sent[0], sent[1], sent[3], sent[4]])
  }

  @Test func `what the broker refused is sent again after ten seconds`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 6), asks: true, trust: 1, settled: 9, at: 0)
    let sent = drain(&downlink, at: 0)
    for item in sent { downlink.refused(item, at: 100) }
    #expect(drain(&downlink, at: 10_099).isEmpty)
    #expect(drain(&downlink, at: 10_100) == sent)
  }

  @Test func `what the broker refused is sent again at once when the device speaks`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 6), asks: true, trust: 1, settled: 9, at: 0)
    let sent = drain(&downlink, at: 0)
    for item in sent { downlink.refused(item, at: 100) }
    downlink.heard(header(1, height: 6), asks: false, trust: 1, settled: 9, at: 200)
    #expect(drain(&downlink, at: 200) == sent)
  }

  @Test func `a height that the device has said it holds is not sent again for being lost`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 3), asks: true, trust: 1, settled: 9, at: 0)
    let sent = drain(&downlink, at: 0)
    downlink.heard(header(1, height: 6), asks: false, trust: 1, settled: 9, at: 1)
    _ = drain(&downlink, at: 1)
    for item in sent { downlink.lost(item, at: 2) }
    #expect(
      drain(&downlink, at: 2) == [.receipt(node: 1), .settlement(node: 1, height: 9, index: 0)])
  }

  @Test func `what is lost on its way to a device that is gone is not sent before it speaks`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 6), asks: true, trust: 1, settled: 9, at: 0)
    let sent = drain(&downlink, at: 0)
    for item in sent { downlink.refused(item, at: 150_000) }
    #expect(drain(&downlink, at: 200_000).isEmpty)
    downlink.heard(header(1, height: 6), asks: true, trust: 1, settled: 9, at: 300_000)
    #expect(drain(&downlink, at: 300_000) == sent)
  }

  @Test func `a height is finished for one device before the next one's turn`() {
    var downlink = Downlink()
    for node: UInt64 in 1...2 {
      downlink.heard(header(node, height: 6), asks: true, trust: 1, settled: 9, at: 0)
    }
    let leaves = drain(&downlink, at: 0, leaves: 3).filter { $0 != .receipt(node: $0.node) }
    #expect(leaves.map { $0.node } == [1, 1, 1, 2, 2, 2])
  }

  @Test
  func `a push includes what the device alone had settled before so that no height is missing`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 3), asks: true, trust: 1, settled: 3, at: 0)
    downlink.settled(5, only: 1, at: 0)
    downlink.settled(6, only: 1, at: 0)
    #expect(drain(&downlink, at: 0) == [.receipt(node: 1)])
    downlink.settled(9, only: 2, at: 0)
    #expect(
      drain(&downlink, at: 0) == [5, 6, 9].map { .settlement(node: 1, height: $0, index: 0) })
  }

  @Test func `no device is sent more than a burst of leaves in a second`() {
    var downlink = Downlink()
    downlink.heard(header(1), asks: true, trust: 1, settled: 9, at: 0)
    #expect(drain(&downlink, at: 0, leaves: 30).count == 1 + 64)
    #expect(drain(&downlink, at: 999, leaves: 30).isEmpty)
    #expect(drain(&downlink, at: 1_000, leaves: 30).count == 4 * 30 - 64)
  }

  @Test func `devices take turns`() {
    var downlink = Downlink()
    for node: UInt64 in 1...2 {
      downlink.heard(header(node, height: 5), asks: true, trust: 1, settled: 9, at: 0)
    }
    #expect(
      drain(&downlink, at: 0) == [
        .receipt(node: 1), .receipt(node: 2), .settlement(node: 1, height: 6, index: 0),
        .settlement(node: 2, height: 6, index: 0), .settlement(node: 1, height: 9, index: 0),
        .settlement(node: 2, height: 9, index: 0),
      ])
  }

  @Test func `an old trust version is answered once until the device had time to load it`() {
    var downlink = Downlink()
    downlink.heard(header(1, height: 9), asks: false, trust: 2, settled: 9, at: 0)
    #expect(drain(&downlink, at: 0) == [.trust(node: 1), .receipt(node: 1)])
    downlink.heard(header(1, height: 9), asks: false, trust: 2, settled: 9, at: 5_000)
    #expect(drain(&downlink, at: 5_000) == [.receipt(node: 1)])
    downlink.heard(header(1, height: 9), asks: false, trust: 2, settled: 9, at: 10_000)
    #expect(drain(&downlink, at: 10_000) == [.trust(node: 1), .receipt(node: 1)])
    downlink.heard(header(1, height: 9, trust: 2), asks: false, trust: 2, settled: 9, at: 30_000)
    #expect(drain(&downlink, at: 30_000) == [.receipt(node: 1)])
    downlink.trustChanged(at: 30_000)
    #expect(drain(&downlink, at: 30_000) == [.trust(node: 1)])
  }
}
