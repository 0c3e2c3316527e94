// Scans from key strokes: what ends one, what spoils one, and that nothing traps.

import Limits
import Scanners
import Testing
import Wire

@Suite struct KeyReaderTests {
  let keyboard = Keyboard()

  @Test func `each printable character has one key, and arrives with either shift`() {
    #expect(keys.count == 95)
    for shift in [leftShift, rightShift] {
      keyboard.shift = shift
      for character in UInt8(0x20)...0x7e {
        keyboard.type([character])
        keyboard.press(enter)
        #expect(keyboard.outcomes.last == .scan([character]))
      }
    }
    #expect(keyboard.outcomes.count == 190)
  }

  @Test func `every printable text arrives unchanged`() {
    var dice = Dice()
    for _ in 0..<500 {
      let text = dice.text(1 + dice.roll(300))
      keyboard.shift = dice.roll(2) == 0 ? leftShift : rightShift
      keyboard.type(text)
      keyboard.press([enter, keypadEnter, tab][dice.roll(3)])
      #expect(keyboard.outcomes.last == .scan(text))
    }
    #expect(keyboard.outcomes.count == 500)
  }

  @Test func `the keypad types digits and signs`() {
    for key in keypad {
      keyboard.press(key.code)
      keyboard.press(enter)
      #expect(keyboard.outcomes.last == scan(key.text))
    }
  }

  @Test(arguments: [enter, keypadEnter, tab])
  func `a scan ends with Enter, the keypad's Enter, or Tab`(end: UInt16) {
    keyboard.type("RRQ 1")
    #expect(keyboard.outcomes.isEmpty)
    keyboard.press(end)
    #expect(keyboard.outcomes == [scan("RRQ 1")])
    #expect(keyboard.deadline == nil)
  }

  @Test func `ends without a character are no scans`() {
    for end in [enter, tab, keypadEnter, leftShift, capsLock, 1, 59, 0x2ff] { keyboard.press(end) }
    keyboard.wait(1000)
    #expect(keyboard.outcomes.isEmpty)
    #expect(keyboard.deadline == nil)
  }

  @Test func `silence ends a scan, and not before its time`() {
    keyboard.type("ab")
    // The last key went up two events ago: its report is no key.
    let lastKey = keyboard.time - 2
    #expect(keyboard.deadline == lastKey + 50)
    keyboard.wait(lastKey + 49 - keyboard.time)
    #expect(keyboard.outcomes.isEmpty)
    keyboard.wait(1)
    #expect(keyboard.outcomes == [scan("ab")])
    keyboard.wait(1000)
    #expect(keyboard.outcomes.count == 1)
  }

  @Test func `a key after silence belongs to the next scan, though nobody looked between them`() {
    keyboard.type("ab")
    keyboard.time += 60
    keyboard.type("cd")
    keyboard.press(enter)
    #expect(keyboard.outcomes == [scan("ab"), scan("cd")])
  }

  @Test func `the silence is what it was set to`() {
    let slow = Keyboard(silence: 2000)
    for character in ["a", "b", "c"] {
      slow.type(character)
      slow.wait(1900)
    }
    #expect(slow.outcomes.isEmpty)
    slow.wait(200)
    #expect(slow.outcomes == [scan("abc")])
  }

  @Test func `what the kernel repeats is not typed, and keeps no scan open`() {
    keyboard.key(30, 1)
    let deadline = keyboard.deadline
    for _ in 0..<10 { keyboard.key(30, 2) }
    #expect(keyboard.deadline == deadline)
    keyboard.wait(50)
    keyboard.key(30, 0)
    keyboard.key(enter, 2)
    #expect(keyboard.outcomes == [scan("a")])
  }

  @Test func `a text that is too long is one scan, cut at the capacity`() {
    let text = [UInt8](repeating: 0x61, count: KeyReader.capacity + 500)
    keyboard.type(text)
    keyboard.press(enter)
    keyboard.type("b")
    keyboard.press(enter)
    #expect(
      keyboard.outcomes == [.scan(Array(text.prefix(KeyReader.capacity))), scan("b")])
    #expect(KeyReader.capacity > Limits.codeTextBytesMax)
  }

  @Test func `CapsLock turns letters and nothing else, and is left by pressing it again`() {
    keyboard.press(capsLock)
    #expect(keyboard.state.capsLock)
    keyboard.type("RRQ$ 1:a")
    keyboard.press(enter)
    keyboard.press(capsLock)
    keyboard.type("RRQ$ 1:a")
    keyboard.press(enter)
    #expect(keyboard.outcomes == [scan("rrq$ 1:A"), scan("RRQ$ 1:a")])
  }

  @Test func `a keyboard begins with what is on, and a new one without the old one's text`() {
    keyboard.restart(KeyboardState(capsLock: true))
    keyboard.type("Ab1")
    keyboard.restart()
    #expect(keyboard.deadline == nil)
    keyboard.restart(KeyboardState(rightShift: true))
    keyboard.press(30)
    keyboard.key(rightShift, 0)
    keyboard.press(30)
    keyboard.press(enter)
    #expect(keyboard.outcomes == [scan("Aa")])
  }

  @Test func `one shift is enough while the other goes up`() {
    keyboard.key(leftShift, 1)
    keyboard.key(rightShift, 1)
    keyboard.key(leftShift, 0)
    keyboard.press(30)
    keyboard.key(rightShift, 0)
    keyboard.press(30)
    keyboard.press(enter)
    #expect(keyboard.outcomes == [scan("Aa")])
  }
}

@Suite struct DroppedEventTests {
  let keyboard = Keyboard()

  @Test func `SYN_DROPPED in the middle of a scan loses exactly that scan`() {
    for place in 0...5 {
      let keyboard = Keyboard()
      keyboard.type("first")
      keyboard.press(enter)
      let text = "second"
      keyboard.type(String(text.prefix(place)))
      keyboard.dropEvents()
      keyboard.event(0, 0, 0)
      keyboard.type(String(text.dropFirst(place + 1)))
      keyboard.press(enter)
      keyboard.type("third")
      keyboard.press(enter)
      #expect(keyboard.outcomes == [scan("first"), .lost, scan("third")], "\(place)")
    }
  }

  @Test func `nothing before the next SYN_REPORT is believed, not even an end`() {
    keyboard.type("ab")
    keyboard.dropEvents()
    for code: UInt16 in [30, enter, leftShift, capsLock] { keyboard.event(1, code, 1) }
    keyboard.event(0, 0, 0)
    keyboard.type("cd")
    keyboard.press(enter)
    keyboard.type("e")
    keyboard.press(enter)
    #expect(keyboard.outcomes == [.lost, scan("e")])
    #expect(keyboard.state == KeyboardState())
  }

  @Test func `a lost scan whose end is lost too ends with silence`() {
    keyboard.type("ab")
    keyboard.dropEvents()
    keyboard.event(0, 0, 0)
    keyboard.wait(50)
    keyboard.type("cd")
    keyboard.press(enter)
    #expect(keyboard.outcomes == [.lost, scan("cd")])
  }

  @Test func `a shift key that went up in the gap is up`() {
    keyboard.key(leftShift, 1)
    keyboard.dropEvents()
    keyboard.event(0, 0, 0)
    keyboard.press(enter)
    keyboard.press(30)
    keyboard.press(enter)
    #expect(keyboard.outcomes == [.lost, scan("a")])
  }

  @Test func `two gaps in one scan lose one scan`() {
    keyboard.type("ab")
    for _ in 0..<3 {
      keyboard.dropEvents()
      keyboard.dropEvents()
      keyboard.event(0, 0, 0)
      keyboard.type("c")
    }
    keyboard.press(enter)
    keyboard.type("d")
    keyboard.press(enter)
    #expect(keyboard.outcomes == [.lost, scan("d")])
  }

  @Test func `a scan that silence has ended is not lost with the next`() {
    keyboard.type("ab")
    keyboard.time += 60
    keyboard.dropEvents()
    #expect(keyboard.outcomes == [scan("ab"), .lost])
  }

  @Test func `of many scans with gaps, those without one arrive and those with one are lost`() {
    var dice = Dice()
    var expected: [Outcome] = []
    for _ in 0..<2000 {
      let text = dice.text(1 + dice.roll(40))
      if dice.roll(4) == 0 {
        let start = dice.roll(text.count)
        let end = start + dice.roll(text.count - start)
        keyboard.type(Array(text[..<start]))
        keyboard.dropEvents()
        // The end of the report that was being written when the events were dropped.
        if dice.roll(2) == 0 { keyboard.event(1, UInt16(dice.roll(128)), 1) }
        keyboard.event(0, 0, 0)
        keyboard.type(Array(text[end...]))
        expected.append(.lost)
      } else {
        keyboard.type(text)
        expected.append(.scan(text))
      }
      if dice.roll(3) == 0 { keyboard.time += 60 } else { keyboard.press(enter) }
    }
    keyboard.wait(60)
    #expect(keyboard.outcomes == expected)
  }
}

@Test func `no stream of events traps, and no scan is empty or too long`() {
  var dice = Dice()
  let codes: [UInt16] = [28, 96, 15, 42, 54, 58, 30, 16, 2, 57, 71, 0, 3]
  for _ in 0..<200 {
    let keyboard = Keyboard(silence: dice.roll(2) == 0 ? 1 : .max)
    for _ in 0..<1000 {
      let word = dice.next()
      let isNear = dice.roll(8) > 0
      let type = isNear ? UInt16(dice.roll(3)) : UInt16(truncatingIfNeeded: word >> 8)
      let code =
        isNear ? codes[dice.roll(codes.count)] : UInt16(truncatingIfNeeded: word >> 24)
      let value = isNear ? Int32(dice.roll(3)) : Int32(truncatingIfNeeded: word >> 32)
      let extremes: [Int64] = [.min, .max, 0, -1, Int64(bitPattern: dice.next())]
      let time = dice.roll(50) == 0 ? extremes[dice.roll(5)] : keyboard.time
      keyboard.event(InputEvent(type: type, code: code, value: value, time: time))
      if dice.roll(20) == 0 { keyboard.time += Int64(dice.roll(100)) }
      _ = keyboard.deadline
    }
    for outcome in keyboard.outcomes {
      guard case .scan(let text) = outcome else { continue }
      #expect(!text.isEmpty && text.count <= KeyReader.capacity)
      #expect(text.allSatisfy { $0 >= 0x20 && $0 <= 0x7e })
    }
  }
}
