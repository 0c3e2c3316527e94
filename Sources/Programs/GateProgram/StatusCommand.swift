// `tollkeeper status`: the counters of a running agent, over its socket. The agent answers with one
// line a counter, `name value`, and closes.

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
    return try answer(from: client, isJSON: arguments.has("--json"))
  } catch {
    complain {
      $0.put(path.text.span)
      $0.put(": ")
      $0.put(error.name)
      $0.put("; is the agent running?")
    }
    return Status.failed
  }
}

private func answer(
  from client: borrowing Channel, isJSON: Bool
) throws(KernelError) -> Int32 {
  var text = InlineArray<4096, UInt8>(repeating: 0)
  var count = 0
  while count < 4096 {
    var span = text.mutableSpan
    var rest = span.part(count..<4096)
    guard let more = try client.read(into: &rest), more > 0 else { break }
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
  try Channel.standardOutput.write(writer.written())
  return Status.done
}

/// `name value` lines as one JSON object.
@_lifetime(writer: copy writer)
private func members(of text: Span<UInt8>, into writer: inout TextWriter) {
  writer.put("{\"")
  for i in text.indices {
    switch text[i] {
    case 0x20: writer.put("\":")
    case 0x0a: if i + 1 < text.count { writer.put(",\"") }
    default: writer.byte(text[i])
    }
  }
  writer.put("}\n")
}
