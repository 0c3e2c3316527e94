// Lines of GPIO chips (CPlatform/gpio.c): what a gate's lights, release and contacts are wired to.
// Invariants: lines are taken together and set together; a line is active or not, and what that is on
// the wire is settled when it is taken. Lines are this process's as long as the value lives.

import CPlatform
public import Wire

/// A line as the configuration names it.
public struct GPIOLine: Sendable, Equatable {
  /// The name that the board gives it, or its offset on the chip in decimal; a name that consists of
  /// digits comes before an offset. At most 31 bytes for a name.
  public var name = BoundedBytes<32>()
  /// Active is low on the wire.
  public var isActiveLow = false
  /// An input that a contact pulls to ground, and nothing pulls up.
  public var pullsUp = false
  /// An input that also reports when it becomes inactive.
  public var reportsRelease = false

  public init() {}

  public var isNone: Bool { name.isEmpty }
}

/// What a chip, or one of its lines, fails with.
public enum GPIOError: Error, Sendable, Equatable {
  case chip(KernelError)
  case line(BoundedBytes<32>, KernelError)
}

/// A chip (`/dev/gpiochipN`). Its lines stay taken after it is closed.
public struct GPIOChip: ~Copyable {
  private let descriptor: Int32

  /// - Throws: "not a device of this kind" if the path is no GPIO chip.
  public init(_ path: Path) throws(KernelError) {
    let result = unsafe path.withCString { unsafe tk_gpio_open($0) }
    if result < 0 { throw KernelError(result) }
    descriptor = result
  }

  deinit { tk_close(descriptor) }

  /// Finds a line.
  /// - Throws: `line`: the chip has none of that name, or somebody else has it.
  private func find(_ line: GPIOLine) throws(GPIOError) -> tk_gpio_line {
    guard let name = Path(line.name.span) else { throw .line(line.name, .missing) }
    let descriptor = self.descriptor
    let offset = unsafe name.withCString { unsafe tk_gpio_find(descriptor, $0) }
    if offset < 0 { throw .line(line.name, KernelError(offset)) }
    var flags: UInt32 = 0
    if line.isActiveLow { flags |= UInt32(TK_LINE_ACTIVE_LOW) }
    if line.pullsUp { flags |= UInt32(TK_LINE_PULL_UP) }
    if line.reportsRelease { flags |= UInt32(TK_LINE_FALLING) }
    return tk_gpio_line(offset: UInt32(offset), flags: flags)
  }

  private func find(
    _ lines: Span<GPIOLine>
  ) throws(GPIOError) -> InlineArray<4, tk_gpio_line> {
    precondition(1...Int(TK_GPIO_LINES_MAX) ~= lines.count, "from 1 to 4 lines are taken together")
    var found = InlineArray<4, tk_gpio_line>(repeating: tk_gpio_line(offset: 0, flags: 0))
    for i in lines.indices { found[i] = try find(lines[i]) }
    return found
  }

  /// Takes up to 4 outputs, which are inactive then.
  /// - Throws: `line` if one of them is not to be had; `chip` if the chip refuses them together.
  public func outputs(_ lines: Span<GPIOLine>) throws(GPIOError) -> GPIOOutputs {
    let found = try find(lines)
    let descriptor = self.descriptor
    let count = Int32(lines.count)
    let result = unsafe found.span.withUnsafeBufferPointer {
      unsafe tk_gpio_outputs(descriptor, $0.baseAddress, count)
    }
    if result < 0 { throw .chip(KernelError(result)) }
    return GPIOOutputs(result, count: count)
  }

  /// Takes up to 4 inputs, which report each time that they become active.
  /// - Parameter debounce: how long a line must be steady to count, microseconds.
  /// - Throws: as `outputs`; `chip` with "invalid argument" also if the chip knows no edges or has no
  ///   pull-up.
  public func inputs(
    _ lines: Span<GPIOLine>, debounce: UInt32
  ) throws(GPIOError) -> GPIOInputs {
    let found = try find(lines)
    let descriptor = self.descriptor
    let count = Int32(lines.count)
    let result = unsafe found.span.withUnsafeBufferPointer {
      unsafe tk_gpio_inputs(descriptor, $0.baseAddress, count, debounce)
    }
    if result < 0 { throw .chip(KernelError(result)) }
    return GPIOInputs(result, count: count, lines: found)
  }
}

/// Outputs that were taken together.
///
/// When this value ends, or the process does in whatever way, the kernel gives the lines back. What
/// they are on the wire then is the chip's business: many drivers leave the level that was last set,
/// some make the line an input again, and then its pull resistor decides. So whoever has set a line
/// active sets it inactive before ending; and since a killed process cannot, a gate that must not
/// stay open has a pulse input, or a release with a timer of its own.
public struct GPIOOutputs: ~Copyable {
  private let descriptor: Int32
  private let count: Int32

  init(_ descriptor: Int32, count: Int32) {
    self.descriptor = descriptor
    self.count = count
  }

  deinit { tk_close(descriptor) }

  /// Sets all lines at once.
  /// - Parameter bits: the first line is the lowest bit; 1 is active.
  public func set(_ bits: UInt32) throws(KernelError) {
    let result = tk_gpio_set(descriptor, count, bits)
    if result < 0 { throw KernelError(result) }
  }
}

/// Inputs that were taken together, and the edges that the kernel keeps until they are read: the
/// newest 64, which also say what each line is now.
public struct GPIOInputs: ~Copyable {
  /// Readable when there are edges.
  public let descriptor: Int32
  private let count: Int32
  private let lines: InlineArray<4, tk_gpio_line>
  private var events = InlineArray<16, tk_gpio_event>(
    repeating: tk_gpio_event(time_ms: 0, offset: 0, is_active: 0))
  private var position = 0
  private var end = 0

  init(_ descriptor: Int32, count: Int32, lines: InlineArray<4, tk_gpio_line>) {
    self.descriptor = descriptor
    self.count = count
    self.lines = lines
  }

  deinit { tk_close(descriptor) }

  /// What the lines are now, whatever edges are still to be read: the first is the lowest bit.
  public func levels() throws(KernelError) -> UInt32 {
    let result = tk_gpio_get(descriptor, count)
    if result < 0 { throw KernelError(result) }
    return UInt32(result)
  }

  /// An input became active or inactive.
  public struct Edge: Sendable, Equatable {
    /// Place of the line among those that were taken.
    public var line: Int
    public var isActive: Bool
    /// CLOCK_BOOTTIME, milliseconds.
    public var elapsed: Int64
  }

  /// The next edge; nil if there is none.
  public mutating func next() throws(KernelError) -> Edge? {
    while true {
      if position == end { try fill() }
      guard position < end else { return nil }
      let event = events[position]
      position += 1
      for line in 0..<Int(count) where lines[line].offset == event.offset {
        return Edge(line: line, isActive: event.is_active != 0, elapsed: event.time_ms)
      }
    }
  }

  private mutating func fill() throws(KernelError) {
    position = 0
    end = 0
    let descriptor = self.descriptor
    var span = events.mutableSpan
    let result = unsafe span.withUnsafeMutableBufferPointer {
      unsafe tk_gpio_read(descriptor, $0.baseAddress)
    }
    if result == -11 { return }
    if result < 0 { throw KernelError(result) }
    end = Int(result)
  }
}

extension Channel {
  /// A FIFO that is made where it is missing, and never ends.
  /// - Throws: "not a device of this kind" if the path is something else.
  public static func fifo(_ path: Path) throws(KernelError) -> Channel {
    let result = unsafe path.withCString { unsafe tk_fifo($0) }
    if result < 0 { throw KernelError(result) }
    return Channel(result, isOwned: true)
  }
}

extension KernelError {
  /// ENOENT.
  static var missing: KernelError { KernelError(Int32(-2)) }
}
