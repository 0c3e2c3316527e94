// A decoder under libFuzzer, which has the program's `main`. The target stands in the environment
// and not among the arguments, because libFuzzer starts itself again for some of its tasks.

import Fuzz
import Glibc
import Seal

/// Made before the first input.
nonisolated(unsafe) private var fuzzer = Fuzzer(target)

private var target: FuzzTarget {
  do throws(SealError) { try Sodium.start() } catch { fail("libsodium does not start") }
  guard let name = unsafe getenv("FUZZ_TARGET"),
    let target = FuzzTarget(rawValue: unsafe String(cString: name))
  else {
    fail("FUZZ_TARGET is one of: " + FuzzTarget.allCases.map(\.rawValue).joined(separator: " "))
  }
  return target
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  feed(unsafe UnsafeBufferPointer(start: start, count: count).span)
  return 0
}

private func feed(_ bytes: Span<UInt8>) {
  do throws(Broken) {
    try unsafe fuzzer.check(bytes)
  } catch {
    say("this input breaks a property: \(error.property)")
    abort()
  }
}

/// With FUZZ_SEEDS, writes the target's seeds into that folder, and ends.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>?,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
  guard let folder = unsafe getenv("FUZZ_SEEDS") else { return 0 }
  let target = target
  for (i, seed) in target.seeds.enumerated() {
    let path = unsafe String(cString: folder) + "/\(target.rawValue)-\(i)"
    guard let file = unsafe fopen(path, "w"),
      unsafe fwrite(seed, 1, seed.count, file) == seed.count, unsafe fclose(file) == 0
    else { fail("cannot write \(path)") }
  }
  exit(0)
}

private func fail(_ reason: String) -> Never {
  say(reason)
  exit(2)
}

private func say(_ text: String) {
  let line = Array("tollkeeper-fuzz: \(text)\n".utf8)
  _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
