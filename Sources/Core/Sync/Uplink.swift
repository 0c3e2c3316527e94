// Records upward: durable records that nobody has receipted become signed batches, each the message
// of one bundle, as many at a time as the send window lets (MAPPING.md, "Sending").
// Invariants: what is sent is durable here; the ring's records are read once on a good way, and again
// only after a rewind; the bytes of the last bundle stand until the next one is made.

import Bundles
import Limits
public import Records
public import Rings
public import Wire

/// Why no bundle could be made.
public enum UplinkError: Error, Equatable, Sendable {
  case ring(RingError)
  case batch(BatchError)
  case bundle
}

/// The ring's records in order, class by class.
struct RecordSource: ~Copyable {
  private var cursor: RingCursor
  /// Where the cursor stands: the record that its `next` would yield; 0 if that is not known.
  private var position: (recordClass: RecordClass, sequence: UInt64) = (.control, 0)
  /// Where each class goes on behind a hole that was told.
  private var behind = InlineArray<4, UInt64>(repeating: 0)

  init(memory: consuming Memory) { cursor = RingCursor(memory: memory) }

  mutating func forget() {
    position.sequence = 0
    behind = .init(repeating: 0)
  }

  /// Puts as many records of a class into the batch as there are and as it takes.
  /// - Parameter range: what was put there, also after an error.
  /// - Throws: what the cursor throws. After a `corrupt` with an empty range the next call goes on
  ///   behind the hole.
  @_lifetime(writer: copy writer)
  mutating func run<P: Primitives, D: Disk & ~Copyable>(
    _ recordClass: RecordClass, of ring: borrowing Ring<P>, from first: UInt64,
    into writer: inout BatchWriter, range: inout RecordRange, disk: inout D
  ) throws(RingError) {
    range = .none
    var wanted = max(max(first, ring.oldest(recordClass)), behind[recordClass.index])
    if position.recordClass != recordClass || position.sequence != wanted {
      cursor.seek(recordClass, wanted)
    }
    // Unknown until the last record is read, or refused by the writer.
    position = (recordClass, 0)
    while wanted <= ring.durableThrough(recordClass) {
      do throws(RingError) {
        guard try cursor.next(in: ring, &disk) else { break }
      } catch {
        if error == .corrupt && range.isEmpty {
          behind[recordClass.index] = cursor.missing.upperBound
        }
        throw error
      }
      // A hole ends the run: records behind it are another one, of another batch.
      if !range.isEmpty && cursor.sequence != wanted { return }
      do throws(BatchError) {
        try writer.append(recordClass, sequence: cursor.sequence, cursor.record)
      } catch {
        return
      }
      if range.isEmpty { range.first = cursor.sequence }
      range.last = cursor.sequence
      range.lastHash = cursor.hash
      wanted = cursor.sequence + 1
    }
    position = (recordClass, wanted)
  }
}

public struct Uplink<P: Primitives>: ~Copyable {
  static var batchBytes: Int { (BatchWriter.bytesMax + 4095) / 4096 * 4096 }
  static var bundleBytes: Int { Limits.bundleBytesMax }
  public static var memoryBytes: Int { batchBytes + bundleBytes + RingCursor.memoryBytes }

  public private(set) var window = SendWindow()
  private var source: RecordSource
  private var batch: Memory
  private var bundle: Memory
  private var maker: BundleMaker
  private let upstream: UInt64
  private let key: SecretKey

  /// - Parameters:
  ///   - arena: gives `memoryBytes`.
  ///   - upstream: node number of the next hop.
  public init(
    arena: inout Arena, node: UInt64, upstream: UInt64, boot: UInt32, key: SecretKey
  ) {
    source = RecordSource(memory: arena.take(RingCursor.memoryBytes))
    batch = arena.take(Self.batchBytes)
    bundle = arena.take(Self.bundleBytes)
    maker = BundleMaker(node: node, boot: boot)
    self.upstream = upstream
    self.key = key
  }

  /// The ring has told its boot number, which distinguishes this start's bundles from earlier ones.
  public mutating func started(boot: UInt32) { maker = BundleMaker(node: maker.node, boot: boot) }

  /// The ring stands as the last life has left it.
  public mutating func replayed(_ ring: borrowing Ring<P>) {
    var durable = InlineArray<4, UInt64>(repeating: 0)
    for index in 0..<Limits.ringClasses {
      durable[index] = ring.durableThrough(RecordClass(index: index))
    }
    window.started(durable: durable)
    rewind(to: ring)
  }

  /// Whether the ring holds durable records that are not on their way.
  public func hasUnsent(_ ring: borrowing Ring<P>) -> Bool {
    for index in 0..<Limits.ringClasses {
      if window.next[index] <= ring.durableThrough(RecordClass(index: index)) { return true }
    }
    return false
  }

  /// Makes the next bundle; nil if there is nothing to send, or the window is full.
  /// - Parameter header: who and where the device is.
  /// - Throws: `ring` if the first record of all cannot be read: the cursor stands behind it.
  public mutating func next<D: Disk & ~Copyable>(
    _ ring: borrowing Ring<P>, header: BatchHeader, now: Instant, disk: inout D
  ) throws(UplinkError) -> (flight: Flight, bundle: Extent)? {
    guard !window.isFull, hasUnsent(ring) else { return nil }
    var flight = Flight()
    let body = try Self.fill(
      &batch, from: ring, &source, next: window.next, flight: &flight, header: header, key: key,
      disk: &disk)
    return flight.isEmpty ? nil : (flight, try wrap(body, now: now))
  }

  /// Makes a bundle whose batch has no runs: "this is where I am; what is new?"
  public mutating func greeting(
    header: BatchHeader, now: Instant
  ) throws(UplinkError) -> Extent {
    let key = self.key
    let body: Range<Int>
    do throws(BatchError) {
      var writer = BatchWriter(batch.mutableSpan, header: header)
      body = try writer.finish(key: key, with: P.self)
    } catch {
      throw .batch(error)
    }
    return try wrap(body, now: now)
  }

  /// The bundle that `next` made is with the library, under this message ID.
  public mutating func sent(_ flight: Flight, messageID: Int32, now: Int64) {
    var flight = flight
    flight.messageID = messageID
    window.sent(flight, now: now)
  }

  public mutating func published(_ messageID: Int32, now: Int64) {
    window.published(messageID, now: now)
  }

  public mutating func receipted(_ recordClass: RecordClass, through sequence: UInt64) {
    window.receipted(class: recordClass.index, through: sequence)
  }

  /// Everything that is not acknowledged will be sent again.
  /// - Parameter wasOverdue: for want of a receipt.
  public mutating func rewind(to ring: borrowing Ring<P>, wasOverdue: Bool = false) {
    var acknowledged = InlineArray<4, UInt64>(repeating: 0)
    for index in 0..<Limits.ringClasses {
      acknowledged[index] = ring.acknowledgedThrough(RecordClass(index: index))
    }
    window.rewind(acknowledged: acknowledged, wasOverdue: wasOverdue)
    source.forget()
  }

  // MARK: Making a bundle

  /// Signs a batch of what is unsent; returns its place. The flight is empty if nothing was read.
  private static func fill<D: Disk & ~Copyable>(
    _ batch: inout Memory, from ring: borrowing Ring<P>, _ source: inout RecordSource,
    next: InlineArray<4, UInt64>, flight: inout Flight, header: BatchHeader, key: SecretKey,
    disk: inout D
  ) throws(UplinkError) -> Range<Int> {
    var writer = BatchWriter(batch.mutableSpan, header: header)
    for index in stride(from: Limits.ringClasses - 1, through: 0, by: -1) {
      do throws(RingError) {
        try source.run(
          RecordClass(index: index), of: ring, from: next[index], into: &writer,
          range: &flight.runs[index], disk: &disk)
      } catch {
        // What was read before goes out; the next call meets the error again, with nothing read.
        if writer.count == 0 { throw .ring(error) }
        break
      }
    }
    do throws(BatchError) {
      return writer.count == 0 ? 0..<0 : try writer.finish(key: key, with: P.self)
    } catch {
      throw .batch(error)
    }
  }

  private mutating func wrap(_ body: Range<Int>, now: Instant) throws(UplinkError) -> Extent {
    guard
      let count = Self.wrap(
        body, in: &batch, for: upstream, by: &maker, now: now, into: &bundle)
    else { throw .bundle }
    return bundle.extent(0..<count)
  }

  private static func wrap(
    _ body: Range<Int>, in batch: inout Memory, for upstream: UInt64, by maker: inout BundleMaker,
    now: Instant, into bundle: inout Memory
  ) -> Int? {
    var bytes = batch.mutableSpan
    var target = bundle.mutableSpan
    guard let message = try? Message.wrap(.batch, body: body, in: &bytes) else { return nil }
    return try? maker.make(
      for: upstream, message: bytes.span.extracting(message), now: now, with: P.self,
      into: &target)
  }
}
