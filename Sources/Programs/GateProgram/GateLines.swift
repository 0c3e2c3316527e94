// The gate's lines: of a GPIO chip, or of a panel that is only told about.
// Invariants: outputs are inactive when the lines are taken, and are set together; inputs that fail
// are given up, which is told once.

import Platform
import Sync
import Turnstiles
import Wire

/// What an input says.
enum GateEdge: Equatable {
  case pass
  case alarm(Bool)
  /// A line of a panel's input that means nothing.
  case unknown
}

/// What has come from the inputs.
enum GateNews {
  case edge(GateEdge, elapsed: Int64)
  case lost(KernelError)
}

struct GateLines: ~Copyable {
  /// How long a contact must be steady to count: it bounces for less, and nobody passes in this time,
  /// microseconds.
  private static let debounceMicroseconds: UInt32 = 10_000

  private let output: GateOutput
  private var outputs: GPIOOutputs?
  private var inputs: GPIOInputs?
  private var panel: PanelInput?
  /// Which of `Levels` each output line is, in the order in which they were taken.
  private var places = InlineArray<4, Int>(repeating: 0)
  private var outputCount = 0
  /// Likewise of the inputs.
  private var inputPlaces = InlineArray<4, Int>(repeating: 0)
  /// The fire alarm was on when the lines were taken: there is no edge that says so.
  private var startsAlarmed = false

  var isAttached: Bool { output != .none }

  /// Takes the lines that the configuration names; nil if that is not possible, which has been said.
  init?(_ configuration: Configuration) {
    let gate = configuration.gate
    output = gate.output
    switch gate.output {
    case .none: return
    case .panel:
      guard let path = gate.panelInput else { return }
      do throws(KernelError) {
        panel = try PanelInput(path)
      } catch {
        configuration.complain(line: gate.panelInputLine, path) { $0.put(error) }
        return nil
      }
    case .gpio:
      guard let path = gate.chip else { preconditionFailure("a chip that was not checked") }
      do throws(GPIOError) {
        try take(gate, path)
      } catch {
        Self.complain(configuration, path, error)
        return nil
      }
    }
  }

  private static func complain(
    _ configuration: Configuration, _ path: Path, _ problem: GPIOError
  ) {
    let gate = configuration.gate
    switch problem {
    case .chip(let error):
      configuration.complain(line: gate.chipLine, path) { $0.put(error) }
    case .line(let name, let error):
      configuration.complain(line: gate.line(of: name), path) {
        $0.put("line ")
        $0.put(name.span)
        $0.put(": ")
        if error.isMissing { $0.put("there is no such line") } else { $0.put(error) }
      }
    }
  }

  private mutating func take(_ gate: GateConfiguration, _ path: Path) throws(GPIOError) {
    let chip: GPIOChip
    do throws(KernelError) {
      chip = try GPIOChip(path)
    } catch {
      throw .chip(error)
    }
    var wires = InlineArray<4, GPIOLine>(repeating: GPIOLine())
    for place in 0..<GateConfiguration.outputs where !gate.wires[place].isNone {
      wires[outputCount] = gate.wires[place]
      places[outputCount] = place
      outputCount += 1
    }
    outputs = try chip.outputs(wires.span.extracting(first: outputCount))
    var inputCount = 0
    for place in GateConfiguration.outputs..<gate.wires.count where !gate.wires[place].isNone {
      wires[inputCount] = gate.wires[place]
      inputPlaces[inputCount] = place
      inputCount += 1
    }
    guard inputCount > 0 else { return }
    let inputs = try chip.inputs(
      wires.span.extracting(first: inputCount), debounce: Self.debounceMicroseconds)
    do throws(KernelError) {
      let levels = try inputs.levels()
      for i in 0..<inputCount where inputPlaces[i] == GateConfiguration.alarm {
        startsAlarmed = levels >> UInt32(i) & 1 == 1
      }
    } catch {
      throw .chip(error)
    }
    self.inputs = consume inputs
  }

  /// What to wait for; -1 if there are no inputs.
  var descriptor: Int32 {
    switch inputs {
    case .some(let inputs): return inputs.descriptor
    case .none: break
    }
    switch panel {
    case .some(let panel): return panel.descriptor
    case .none: return -1
    }
  }

  /// What has come from the inputs next; nil if nothing has.
  mutating func next(_ now: Now) -> GateNews? {
    if startsAlarmed {
      startsAlarmed = false
      return .edge(.alarm(true), elapsed: now.elapsed)
    }
    do throws(KernelError) {
      if let edge = try inputs?.next() {
        let isAlarm = inputPlaces[edge.line] == GateConfiguration.alarm
        return .edge(isAlarm ? .alarm(edge.isActive) : .pass, elapsed: edge.elapsed)
      }
      if let edge = try panel?.next() { return .edge(edge, elapsed: now.elapsed) }
      return nil
    } catch {
      inputs = nil
      panel = nil
      return .lost(error)
    }
  }

  /// Sets the lines, or tells what they would be.
  func set(_ levels: Levels, _ now: Now, _ log: inout Log) throws(KernelError) {
    if output == .panel {
      log.write(
        Notice(.info, "panel").with("open", Int64(levels.open ? 1 : 0))
          .with("green", Int64(levels.green ? 1 : 0)).with("red", Int64(levels.red ? 1 : 0))
          .with("buzzer", Int64(levels.buzzer ? 1 : 0)), at: now)
    }
    switch outputs {
    case .some(let outputs):
      var bits: UInt32 = 0
      for i in 0..<outputCount where Self.isActive(levels, places[i]) { bits |= 1 << UInt32(i) }
      try outputs.set(bits)
    case .none: return
    }
  }

  private static func isActive(_ levels: Levels, _ place: Int) -> Bool {
    switch place {
    case GateConfiguration.open: levels.open
    case GateConfiguration.green: levels.green
    case GateConfiguration.red: levels.red
    default: levels.buzzer
    }
  }
}
