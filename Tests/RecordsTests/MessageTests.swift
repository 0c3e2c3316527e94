// Messages: the wrapper around every bundle's payload.

import Testing
import Wire

@testable import Records

@Suite struct MessageTests {
  @Test func `a message is two items, and its body is found without copying`() throws {
    let body: [UInt8] = [0xaa, 0xbb, 0xcc]
    var output = [UInt8](repeating: 0, count: 10)
    var span = output.mutableSpan
    let count = try Message.encode(.receipt, body.span, into: &span)
    #expect(Array(output[..<count]) == [0x82, 0x02, 0x43, 0xaa, 0xbb, 0xcc])
    let message = try parseMessage(Array(output[..<count]))
    #expect(message.kind == .receipt)
    #expect(Array(output[message.body]) == body)
  }

  @Test(arguments: [0, 1, 23, 24, 255, 256, 65535, 65536])
  func `wrapping in place gives what encoding gives`(size: Int) throws {
    let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
    var encoded = [UInt8](repeating: 0, count: size + Message.headBytesMax)
    var encodedSpan = encoded.mutableSpan
    let count = try Message.encode(.batch, body.span, into: &encodedSpan)
    var wrapped = [UInt8](repeating: 0, count: Message.headBytesMax) + body
    var wrappedSpan = wrapped.mutableSpan
    let place = try Message.wrap(
      .batch, body: Message.headBytesMax..<wrappedSpan.count, in: &wrappedSpan)
    #expect(Array(wrapped[place]) == Array(encoded[..<count]))
  }

  @Test func `wrapping needs room in front`() throws {
    var bytes: [UInt8] = [0, 0, 1]
    var span = bytes.mutableSpan
    #expect(throws: WireError.noSpace) { () throws in
      _ = try Message.wrap(.trust, body: 2..<3, in: &span)
    }
    #expect(bytes == [0, 0, 1])
  }

  @Test(arguments: [
    "", "82", "8201", "820040", "820740", "83014000", "81", "82014000", "820141", "82016100",
    "82180140", "9f0140ff", "82015f40ff", "82015b7fffffffffffffff", "82015bffffffffffffffff",
  ])
  func `what is not a message is refused`(text: String) {
    #expect(throws: WireError.self) { try parseMessage(bytes(hex: text)) }
  }
}
