// Messages in their bundles: what a node makes, and what it takes.

import Limits
import Records
import Seal
import Sync
import Testing
import Wire
import World

/// A bundle from node 1001 for node 1.
private func make(
  _ message: [UInt8], maker: inout BundleMaker, now: Instant = noon, space: Int = 4096
) throws -> [UInt8] {
  var output = [UInt8](repeating: 0, count: space)
  var target = output.mutableSpan
  let count = try maker.make(
    for: 1, message: message.span, now: now, with: Sodium.self, into: &target)
  return Array(output[..<count])
}

private func message(_ kind: Message.Kind = .batch, _ body: [UInt8] = [1, 2, 3]) throws -> [UInt8] {
  var output = [UInt8](repeating: 0, count: body.count + Message.headBytesMax)
  var target = output.mutableSpan
  let count = try Message.encode(kind, body.span, into: &target)
  return Array(output[..<count])
}

private func receive(
  _ bundle: [UInt8], node: UInt64 = 1, now: Int64 = noon.milliseconds
) throws(ReceivedMessage.Problem) -> ReceivedMessage {
  try ReceivedMessage(parsing: bundle.span, node: node, now: now, with: Sodium.self)
}

@Suite struct MessageBundleTests {
  @Test(arguments: [Message.Kind.batch, .receipt, .settlement, .trust])
  func `a message comes out of its bundle as it went in`(kind: Message.Kind) throws {
    var maker = BundleMaker(node: 1001, boot: 3)
    let bundle = try make(message(kind, [7, 8, 9]), maker: &maker)
    let received = try receive(bundle)
    #expect(received.kind == kind)
    #expect(Array(bundle[received.body]) == [7, 8, 9])
    #expect(received.bundle.primary.source == .ipn(node: 1001, service: 1))
    #expect(received.bundle.primary.destination == .ipn(node: 1, service: 1))
    #expect(received.bundle.primary.lifetimeMilliseconds == 30 * 86_400_000)
  }

  @Test func `no two bundles of a node have one name, not even after a restart at one instant`()
    throws
  {
    var names: Set<[UInt64]> = []
    for boot in 1...3 as ClosedRange<UInt32> {
      var maker = BundleMaker(node: 1001, boot: boot)
      for _ in 0..<100 {
        let primary = try receive(make(message(), maker: &maker)).bundle.primary
        names.insert([primary.creationTime, primary.sequence])
      }
    }
    #expect(names.count == 300)
  }

  @Test func `a bundle of ours is never more than 160 bytes longer than its message`() throws {
    var maker = BundleMaker(node: 1 << 53 - 1, boot: .max)
    for count in [0, 1, 23, 24, 255, 256, 40_000] {
      let body = [UInt8](repeating: 5, count: count)
      let whole = try message(.batch, body)
      let room = whole.count + BundleMaker.overheadBytesMax
      let bundle = try make(whole, maker: &maker, space: room)
      #expect(bundle.count <= room)
    }
  }

  @Test func `a bundle for somebody else is refused`() throws {
    var maker = BundleMaker(node: 1001, boot: 3)
    let bundle = try make(message(), maker: &maker)
    #expect(throws: ReceivedMessage.Problem.notForUs) { try receive(bundle, node: 2) }
  }

  @Test func `a bundle that carries no message is refused`() throws {
    var maker = BundleMaker(node: 1001, boot: 3)
    for payload in [[], [0x80], [0x82, 0x09, 0x41, 0x00], try message() + [0]] as [[UInt8]] {
      let bundle = try make(payload, maker: &maker)
      #expect(throws: ReceivedMessage.Problem.message) { try receive(bundle) }
    }
  }

  @Test func `an expired bundle is refused, to the millisecond`() throws {
    var maker = BundleMaker(node: 1001, boot: 3)
    let bundle = try make(message(), maker: &maker)
    let end = noon.milliseconds + Limits.bundleLifetimeMilliseconds
    #expect(try receive(bundle, now: end - 1).kind == .batch)
    #expect(throws: ReceivedMessage.Problem.self) { try receive(bundle, now: end + 1) }
  }

  @Test func `any single bit flipped on the way and the bundle is refused`() throws {
    var maker = BundleMaker(node: 1001, boot: 3)
    let bundle = try make(message(), maker: &maker)
    for bit in 0..<bundle.count * 8 {
      var changed = bundle
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: ReceivedMessage.Problem.self, "bit \(bit)") { try receive(changed) }
    }
  }

  @Test func `garbage is refused and nothing worse`() {
    let seed = UInt64.random(in: 0 ... .max)
    print("bundles of garbage: seed \(seed)")
    var random = SplitMix(seed: seed)
    for _ in 0..<5000 {
      let noise = (0..<Int.random(in: 0..<300, using: &random)).map { _ in
        UInt8.random(in: .min ... .max, using: &random)
      }
      #expect(throws: ReceivedMessage.Problem.self) { try receive(noise) }
    }
  }
}
