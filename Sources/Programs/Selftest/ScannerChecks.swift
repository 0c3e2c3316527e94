// A code typed by a scanner is the code; what is lost is said to be lost.

import Scanners
import Wire

func checkScanners(_ check: inout Check, _ arena: inout Arena) {
  var reader = KeyReader(memory: arena.take(KeyReader.memoryBytes))
  // RRQ% 7:a, with shift, and Enter.
  var time: Int64 = 1000
  shifted(19, &reader, &time)
  shifted(19, &reader, &time)
  shifted(16, &reader, &time)
  shifted(6, &reader, &time)
  _ = stroke(57, &reader, &time)
  _ = stroke(71, &reader, &time)
  shifted(39, &reader, &time)
  _ = stroke(30, &reader, &time)
  check.that("Enter ends a scan", stroke(28, &reader, &time) == .scan(count: 8))
  check.that("a typed code is the code", equal(reader.text(0..<8).span, "RRQ% 7:a"))

  _ = stroke(30, &reader, &time)
  check.that("a scan that goes on has a deadline", reader.deadline == time + 49)
  check.that("a short pause ends no scan", reader.time(time + 48) == .none)
  check.that("silence ends a scan", reader.time(time + 49) == .scan(count: 1))

  _ = stroke(30, &reader, &time)
  let dropped = InputEvent(
    type: InputCode.synchronization, code: InputCode.dropped, value: 0, time: time)
  check.that("dropped events lose their scan", reader.step(dropped) == .lost)
  _ = reader.step(
    InputEvent(type: InputCode.synchronization, code: InputCode.report, value: 0, time: time))
  _ = stroke(30, &reader, &time)
  check.that("the rest of a lost scan is nothing", stroke(28, &reader, &time) == .none)
  _ = stroke(30, &reader, &time)
  check.that("the scan after it is whole", stroke(28, &reader, &time) == .scan(count: 1))

  var memory = arena.take(64)
  var text = memory.put(text: "]Q1\\000026RRQ")
  check.that("prefixes are no part of a code", CodeText.start(of: memory.span(text)) == 10)
  text = memory.put(text: "rrq$ 1")
  check.that("CapsLock is known", CodeText.hasWrongCase(memory.span(text)))
  text = memory.put(text: "RRQ$ 1")
  check.that("a right code has no wrong case", !CodeText.hasWrongCase(memory.span(text)))
}

private func shifted(_ code: UInt16, _ reader: inout KeyReader, _ time: inout Int64) {
  event(InputCode.leftShift, 1, &reader, &time)
  _ = stroke(code, &reader, &time)
  event(InputCode.leftShift, 0, &reader, &time)
}

/// A key that goes down, and up a millisecond later.
private func stroke(
  _ code: UInt16, _ reader: inout KeyReader, _ time: inout Int64
) -> KeyNews {
  let news = event(code, 1, &reader, &time)
  event(code, 0, &reader, &time)
  return news
}

@discardableResult
private func event(
  _ code: UInt16, _ value: Int32, _ reader: inout KeyReader, _ time: inout Int64
) -> KeyNews {
  let news = reader.step(InputEvent(type: InputCode.key, code: code, value: value, time: time))
  time += 1
  return news
}
