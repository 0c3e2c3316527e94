// `tollkeeper status`: the counters of a running agent, over its socket. The agent answers with one
// line a counter, `name value`, and closes. One that does not is given five seconds.

import Limits
import Platform
import Wire

func status(_ arguments: Arguments) -> Int32 {
  let configuration: Configuration
  switch readConfiguration(arguments) {
  case .success(let read): configuration = read
  case .failure(let problem): return problem.status
  }
  guard let state = configuration.state, let path = Path("status", in: state) else {
    return wrongUsage("the path of the state folder is too long")
  }
  do throws(KernelError) {
    let client = try Channel.statusClient(path)
    return try answer(from: client, path, isJSON: arguments.has("--json"))
  } catch {
    complain {
      $0.put(path.text.span)
      $0.put(": ")
      $0.put(error)
      $0.put("; is the agent running?")
    }
    return Status.failed
  }
}

private func answer(
  from client: borrowing Channel, _ path: Path, isJSON: Bool
) throws(KernelError) -> Int32 {
  var text = InlineArray<4096, UInt8>(repeating: 0)
  var count = 0
  while count < 4096 {
    var span = text.mutableSpan
    var rest = span.part(count..<4096)
    guard let more = try client.read(into: &rest) else {
      complain {
        $0.put(path.text.span)
        $0.put(": the agent does not answer")
      }
      return Status.failed
    }
    if more == 0 { break }
    count += more
  }
  var line = InlineArray<4096, UInt8>(repeating: 0)
  var span = line.mutableSpan
  var writer = TextWriter(span.whole())
  if isJSON {
    members(of: text.span.extracting(first: count), into: &writer)
  } else {
    writer.put(text.span.extracting(first: count))
  }
  return written(writer.written(), Status.done)
}

/// `name value` lines as one JSON object; what is no number there is a string.
@_lifetime(writer: copy writer)
private func members(of text: Span<UInt8>, into writer: inout TextWriter) {
  writer.put("{")
  var start = 0
  for end in text.indices where text[end] == 0x0a {
    var space = start
    while space < end && text[space] != 0x20 { space += 1 }
    let name = text.extracting(start..<space)
    let isText = equal(name, "epoch")
    writer.put(start == 0 ? "\"" : ",\"")
    writer.put(name)
    writer.put(isText ? "\":\"" : "\":")
    writer.put(text.extracting(min(space + 1, end)..<end))
    if isText { writer.put("\"") }
    start = end + 1
  }
  writer.put("}\n")
}
