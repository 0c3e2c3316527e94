// Where codes come from: standard input, a serial line, an input device. A device can be unplugged
// and plugged in again.
// Invariants: a device that is there costs no wakeup; one that is lost is looked for after a second,
// then less often, every five seconds at last, until it is found; a loss is told once, and once more
// if the device is there and cannot be had.

import Platform
import Scanners
import Sync
import Wire

struct Port: ~Copyable {
  private static let firstDelay: Int64 = 1000
  private static let lastDelay: Int64 = 5000

  let source: InputSource
  private let baud: Int32
  /// None while the device is lost.
  private(set) var channel: Channel?
  /// Why the device is lost, as long as nobody was told.
  private var untold: KernelError?
  /// Why the device, which is there again, cannot be had.
  private var refusal: KernelError?
  private var lostAt: Int64 = 0
  private var reopenAt: Int64 = 0
  private var delay = Port.firstDelay

  /// Opens what the configuration names. A device that is not plugged in is lost, and looked for.
  /// - Throws: what somebody has to mend: it is no such device, or not for this process.
  init(_ configuration: Configuration, _ now: Now) throws(KernelError) {
    source = configuration.input
    baud = configuration.baud
    do throws(KernelError) {
      channel = try Self.open(configuration.input, baud: configuration.baud)
    } catch {
      guard error.isUnplugged else { throw error }
      channel = nil
      untold = error
      lostAt = now.elapsed
      reopenAt = now.elapsed + delay
    }
  }

  private static func open(_ source: InputSource, baud: Int32) throws(KernelError) -> Channel {
    switch source {
    case .standardInput: .standardInput
    case .serial(let path): try Channel.serial(path, baud: baud)
    case .events(let path): try Channel.input(path)
    }
  }

  /// What to wait for; -1 while the device is lost.
  var descriptor: Int32 {
    switch channel {
    case .some(let channel): channel.descriptor
    case .none: -1
    }
  }

  /// When `tend` is to be called; nil while the device is there.
  var deadline: Int64? { channel == nil ? reopenAt : nil }

  /// The device has given something: it is there for good.
  mutating func hasAnswered() { delay = Self.firstDelay }

  /// The device has gone.
  mutating func lose(_ error: KernelError, _ now: Now) {
    channel = nil
    untold = error
    refusal = nil
    lostAt = now.elapsed
    postpone(now)
  }

  /// Tells a loss, and looks for a lost device when it is time.
  /// - Returns: whether the device has been found.
  mutating func tend(_ now: Now, _ log: inout Log) -> Bool {
    if let error = untold {
      untold = nil
      tell(error, now, &log)
    }
    guard channel == nil, now.elapsed >= reopenAt else { return false }
    do throws(KernelError) {
      channel = try Self.open(source, baud: baud)
      log.write(
        Notice(.info, "scanner_found").with("lost_ms", now.elapsed - lostAt), at: now)
      return true
    } catch {
      if !error.isUnplugged && error != refusal {
        refusal = error
        tell(error, now, &log)
      }
      postpone(now)
      return false
    }
  }

  private func tell(_ error: KernelError, _ now: Now, _ log: inout Log) {
    log.write(Notice(.error, "scanner_lost").with("error", Int64(error.code)), at: now)
  }

  private mutating func postpone(_ now: Now) {
    reopenAt = now.elapsed + delay
    delay = min(2 * delay, Self.lastDelay)
  }
}
