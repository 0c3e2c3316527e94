// `tollkeeper-bench NAME FOLDER`: figures that a process can measure by itself, on files in FOLDER.
// Built in Embedded mode like the agent, so that what is timed is what ships.

import Platform
import Seal
import Wire

@c(bench_main)
public func benchMain(
  _ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  guard count == 3, let name = unsafe argument(values, 1), let text = unsafe argument(values, 2),
    let folder = Path(text.span)
  else {
    print("usage: tollkeeper-bench scan|durable FOLDER")
    return 2
  }
  do throws(SealError) {
    try Sodium.start()
  } catch {
    fatalError("libsodium cannot start")
  }
  if equal(name.span, "scan") {
    ScanBench.run(folder: folder)
  } else if equal(name.span, "durable") {
    DurableBench.run(folder: folder)
  } else {
    print("usage: tollkeeper-bench scan|durable FOLDER")
    return 2
  }
  return 0
}

private func argument(
  _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ index: Int
) -> BoundedBytes<256>? {
  guard let start = unsafe values?[index] else { return nil }
  var bytes = InlineArray<256, UInt8>(repeating: 0)
  var count = 0
  while count < 256, unsafe start[count] != 0 {
    bytes[count] = unsafe UInt8(bitPattern: start[count])
    count += 1
  }
  return BoundedBytes(bytes.span.extracting(first: count))
}
