// The command line, as bytes.

import Wire

@safe
struct Arguments {
  private let count: Int
  private let values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

  init(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    self.count = Int(count)
    unsafe self.values = unsafe values
  }

  /// The argument at `index`; empty beyond the last. Arguments live as long as the process.
  subscript(_ index: Int) -> Span<UInt8> {
    @_lifetime(immortal)
    get {
      guard index < count, let start = unsafe values?[index] else {
        return unsafe _overrideLifetime(Span(), copying: ())
      }
      var length = 0
      while unsafe start[length] != 0 { length += 1 }
      let bytes = unsafe UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self)
      let span = unsafe Span(_unsafeStart: bytes, count: length)
      return unsafe _overrideLifetime(span, copying: ())
    }
  }

  /// The value of option `name`; nil if the option is not there. What a command does not take was
  /// refused before (`wrong`).
  func place(of name: StaticString) -> Int? {
    var i = 1
    while i < count {
      if equal(self[i], name) { return i + 1 }
      i += Self.takesValue(self[i]) ? 2 : 1
    }
    return nil
  }

  func has(_ name: StaticString) -> Bool { place(of: name) != nil }

  /// The first word behind a command of `words` words that is no option and no value of one.
  func operand(behind words: Int) -> Int? {
    var i = words + 1
    while i < count {
      if !Self.isOption(self[i]) { return i }
      i += Self.takesValue(self[i]) ? 2 : 1
    }
    return nil
  }

  private static func isOption(_ word: Span<UInt8>) -> Bool {
    word.count > 2 && word[0] == 0x2d && word[1] == 0x2d
  }

  /// All options but the switches do.
  private static func takesValue(_ word: Span<UInt8>) -> Bool {
    isOption(word) && !equal(word, "--json") && !equal(word, "--until-end")
      && !equal(word, "--help")
  }
}

// What a command takes.
extension Arguments {
  enum Problem {
    /// No option of this command.
    case unknown
    case twice
    case noValue
    case oneTooMany
  }

  /// What is wrong in the words behind a command of `words` words, and the word; nil if nothing is.
  /// - Parameter takes: whether the command has this option.
  func wrong(
    behind words: Int, operands: Int, takes: (Span<UInt8>) -> Bool
  ) -> (problem: Problem, place: Int)? {
    var left = operands
    var i = words + 1
    while i < count {
      let word = self[i]
      if Self.isOption(word) {
        if !takes(word) { return (.unknown, i) }
        if isRepeated(i, from: words + 1) { return (.twice, i) }
        if Self.takesValue(word) {
          i += 1
          if i >= count { return (.noValue, i - 1) }
        }
      } else {
        if left == 0 { return (.oneTooMany, i) }
        left -= 1
      }
      i += 1
    }
    return nil
  }

  private func isRepeated(_ place: Int, from first: Int) -> Bool {
    var i = first
    while i < place {
      if equal(self[i], self[place]) { return true }
      i += Self.takesValue(self[i]) ? 2 : 1
    }
    return false
  }
}
