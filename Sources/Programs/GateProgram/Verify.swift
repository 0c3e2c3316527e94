// `tollkeeper verify`: verdicts without a record.

import Gates
import Limits
import Platform
import Records
import Seal
import Trust
import Wire

func verify(_ arguments: Arguments) -> Int32 {
  guard let trustPlace = arguments.place(of: "--trust"),
    let path = Path(arguments[trustPlace])
  else { return wrongUsage("verify needs --trust FILE") }
  guard let event = number(arguments, "--event"), event <= UInt64(UInt32.max) else {
    return wrongUsage("verify needs --event N, 0 to 4294967295")
  }
  guard let zone = number(arguments, "--zone"), zone <= UInt64(UInt32.max) else {
    return wrongUsage("verify needs --zone MASK, decimal or 0x")
  }
  var seconds: Int64?
  if arguments.has("--now") {
    guard let now = number(arguments, "--now"), now <= UInt64(Int64.max / 1000) else {
      return wrongUsage("--now needs Unix seconds")
    }
    seconds = Int64(now)
  }
  var anchor = TrustAnchor.named
  if let place = arguments.place(of: "--authority") {
    guard let keyPath = Path(arguments[place]) else {
      return wrongUsage("--authority needs a file")
    }
    do throws(KeyFileError) {
      anchor = .pinned(try KeyFile.read(keyPath))
    } catch {
      complain(about: keyPath, error)
      return Status.usage
    }
  } else {
    complain { $0.put("warning: nobody vouches for the trust document without --authority") }
  }
  guard
    var arena = System.arena(
      bytes: TrustDocument<Sodium>.memoryBytes + TrustDocument<Sodium>.scratchBytes
        + Lines.memoryBytes + outputBytes + 8 * Limits.pageBytes)
  else {
    complain { $0.put("there is not enough memory") }
    return Status.failed
  }
  var trust = TrustDocument<Sodium>(memory: arena.take(TrustDocument<Sodium>.memoryBytes))
  var scratch = arena.take(TrustDocument<Sodium>.scratchBytes)
  guard load(path, anchor, into: &trust, scratch: &scratch) else { return Status.failed }
  if trust.manifest != nil {
    complain {
      $0.put("warning: the tickets that the document revokes by shards are not known here")
    }
  }
  let lines = Lines(memory: arena.take(Lines.memoryBytes), isSerial: false)
  let output = Output(memory: arena.take(outputBytes), channel: .standardOutput)
  return decide(
    lines, output, trust: trust, place: Place(event: UInt32(event), zone: UInt32(zone)),
    seconds: seconds, isJSON: arguments.has("--json"))
}

let outputBytes = 64 * 1024

private func load(
  _ path: Path, _ anchor: TrustAnchor, into trust: inout TrustDocument<Sodium>,
  scratch: inout Memory
) -> Bool {
  guard var space = System.arena(bytes: Limits.trustBytesMax) else { return false }
  var bytes = space.take(Limits.trustBytesMax)
  var target = bytes.mutableSpan
  let count: Int
  do throws(KernelError) {
    count = try File.read(path, into: &target)
  } catch {
    complain(about: path, error)
    return false
  }
  var room = scratch.mutableSpan
  do throws(TrustError) {
    _ = try trust.load(target.span.extracting(first: count), anchor: anchor, scratch: &room)
    return true
  } catch {
    complain(about: path, error)
    return false
  }
}

private func decide(
  _ lines: consuming Lines, _ output: consuming Output, trust: borrowing TrustDocument<Sodium>,
  place: Place, seconds: Int64?, isJSON: Bool
) -> Int32 {
  var lines = lines
  var output = output
  let input = Channel.standardInput
  while true {
    while let count = lines.next() {
      var now = System.now().instant
      if let seconds { now = Instant(milliseconds: seconds * 1000) }
      let verdict = Gate.examine(lines.line(count).span, trust: trust, place: place, now: now)
      output.verdict(verdict, isJSON: isJSON)
    }
    output.flush()
    if lines.hasEnded || output.failure != nil { return output.finish(Status.done) }
    do throws(KernelError) {
      try lines.fill(from: input)
    } catch {
      complain {
        $0.put("standard input: ")
        $0.put(error)
      }
      return Status.failed
    }
  }
}

extension Output {
  /// `RESULT TICKET`, or the same as JSON.
  mutating func verdict(_ verdict: Verdict, isJSON: Bool) {
    line { writer in
      if !isJSON {
        writer.put(verdict.reason.name)
        writer.put(" ")
        if verdict.label.isEmpty { writer.put("-") } else { writer.hex(verdict.label.span) }
        return
      }
      writer.put("{\"result\":\"")
      writer.put(verdict.reason.name)
      if verdict.label.isEmpty {
        writer.put("\",\"ticket\":null")
      } else {
        writer.put("\",\"ticket\":\"")
        writer.hex(verdict.label.span)
        writer.put("\"")
      }
      writer.put(",\"use\":")
      writer.put(UInt64(verdict.use))
      writer.put(",\"entries\":")
      writer.put(UInt64(verdict.entries))
      writer.put(",\"class\":")
      writer.put(UInt64(verdict.ticketClass))
      if verdict.operation != .consume {
        writer.put(",\"operation\":\"")
        writer.put(verdict.operation.name)
        writer.put("\"")
      }
      if verdict.override != nil { writer.put(",\"override\":true") }
      // Another time within the clock's uncertainty would have been decided otherwise.
      if verdict.isNearBoundary { writer.put(",\"near_boundary\":true") }
      writer.put("}")
    }
  }
}

/// The number behind `name`, decimal or 0x; nil if it is missing or none.
func number(_ arguments: Arguments, _ name: StaticString) -> UInt64? {
  guard let place = arguments.place(of: name) else { return nil }
  let text = arguments[place]
  var isHex = false
  var start = 0
  if text.count > 2 && text[0] == 0x30 && text[1] | 0x20 == 0x78 {
    isHex = true
    start = 2
  }
  guard text.count > start else { return nil }
  var value: UInt64 = 0
  for i in start..<text.count {
    let digit: UInt64
    switch text[i] {
    case 0x30...0x39: digit = UInt64(text[i] - 0x30)
    case 0x61...0x66 where isHex: digit = UInt64(text[i] - 0x61 + 10)
    case 0x41...0x46 where isHex: digit = UInt64(text[i] - 0x41 + 10)
    default: return nil
    }
    let (product, isOver) = value.multipliedReportingOverflow(by: isHex ? 16 : 10)
    let (sum, isOverToo) = product.addingReportingOverflow(digit)
    if isOver || isOverToo { return nil }
    value = sum
  }
  return value
}

func complain(about path: Path, _ error: KeyFileError) {
  complain {
    $0.put(path.text.span)
    $0.put(": ")
    $0.put(error)
  }
}

func complain(about path: Path, _ error: TrustError) {
  complain {
    $0.put(path.text.span)
    $0.put(": ")
    $0.put(error.explanation)
  }
}

extension TrustError {
  /// What is wrong, and what to do next.
  var explanation: StaticString {
    switch self {
    case .tooLarge: "the trust document is longer than 49,152 bytes"
    case .malformed: "this is no trust document; make one with `tollctl trust sign`"
    case .badAlgorithm: "the trust document is not signed with Ed25519"
    case .unknownAuthority: "another authority than the expected one signed the trust document"
    case .badSignature: "the trust document's signature does not hold"
    case .wrongNetwork: "the trust document belongs to another network"
    case .older: "the trust document is older than the one that is known"
    case .conflict: "two different trust documents have this version; sign one with a higher one"
    case .noSpace: "the trust document does not fit"
    }
  }
}
