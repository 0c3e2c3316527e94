// A simulated disk: a write cache over media, in sectors of 512 bytes, with the faults of real ones.
// It performs the core's DiskActions as the rim does.
// Invariants: reads see the newest write, flushed or not; what was written before a flush that
// succeeded survives a crash; of the rest any subset of sectors may, as the seed decides; a sector
// that cannot be read can be again when it has been written; the same seed and the same calls give
// the same disk.

import Limits
public import Wire

/// SplitMix64: the same seed, the same numbers.
public struct SplitMix: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  /// True once in `count` times, on average; never if `count` is 0.
  public mutating func oneIn(_ count: Int) -> Bool {
    count > 0 && next() % UInt64(count) == 0
  }

  /// A number of `range`.
  public mutating func draw(_ range: Range<Int>) -> Int {
    range.lowerBound + Int(next() % UInt64(range.count))
  }
}

public struct SimDisk: Disk {
  public static let sectorBytes = 512

  /// What may go wrong, each once in so many times; 0 is never.
  public struct Faults: Sendable {
    /// A flush fails with EIO: of what it should have made durable, any subset is; the rest is lost
    /// at the next crash, though reads still show it.
    public var flushErrorOneIn = 0
    /// A sector that was on its way when the power went is torn: its beginning is new, its end old.
    public var tornSectorOneIn = 0

    public init() {}
  }

  public struct Counters: Sendable {
    public var writes = 0
    public var flushes = 0
    public var bytesWritten = 0
    public var bytesRead = 0
    public var reads = 0
  }

  private struct File {
    /// What a read sees, and what a crash leaves.
    var view: [UInt8] = []
    var media: [UInt8] = []
    /// Sectors that were written since the last flush, in order.
    var unflushed: [Int] = []
    /// Sectors that a failed flush lost: they differ until the next crash, and no flush helps.
    var lost: [Int] = []
    /// Sectors that the media cannot read.
    var unreadable: [Int] = []
  }

  private var files = [File](repeating: File(), count: 4)
  private var random: SplitMix
  public var faults = Faults()
  public private(set) var counters = Counters()
  /// The next flush fails so, and drops what it should have made durable.
  public var nextFlushError: DiskError?
  /// No write succeeds any more: the flush behind it fails with ENOSPC.
  public var isFull = false
  private var wasRefused = false

  public init(seed: UInt64) { random = SplitMix(seed: seed) }

  /// Makes `file` anew, full of zeros, durably.
  public mutating func create(_ file: FileName, bytes: Int64) {
    files[Int(file.rawValue)] = File(
      view: .init(repeating: 0, count: Int(bytes)), media: .init(repeating: 0, count: Int(bytes)))
  }

  public func size(of file: FileName) -> Int64 { Int64(files[Int(file.rawValue)].view.count) }

  @_lifetime(target: copy target)
  public mutating func read(
    _ file: FileName, at offset: Int64, into target: inout MutableSpan<UInt8>
  ) throws(DiskError) {
    let index = Int(file.rawValue)
    let start = Int(offset)
    guard start >= 0, target.count <= files[index].view.count - start else { throw .shortRead }
    counters.reads += 1
    counters.bytesRead += target.count
    if files[index].unreadable.contains(where: {
      $0 >= start / Self.sectorBytes && $0 * Self.sectorBytes < start + target.count
    }) {
      throw .inputOutput
    }
    // The simulated rim: one memcpy, as pread is, and not a loop that a debug build crawls through.
    unsafe target.withUnsafeMutableBufferPointer { bytes in
      unsafe files[index].view.withUnsafeBufferPointer { view in
        _ = unsafe bytes.update(fromContentsOf: view[start..<start + bytes.count])
      }
    }
  }

  /// Performs one action; the outcome if it was a flush.
  public mutating func perform(_ action: DiskAction) -> Result<FileName, DiskError>? {
    switch action {
    case .write(let write):
      self.write(write.extent.span, to: write.file, at: write.offset)
      return nil
    case .flush(let file):
      do throws(DiskError) {
        try flush(file)
        return .success(file)
      } catch {
        return .failure(error)
      }
    }
  }

  /// Writes to the cache. Beyond the end of the file is a programmer error: files do not grow.
  public mutating func write(_ bytes: Span<UInt8>, to file: FileName, at offset: Int64) {
    let index = Int(file.rawValue)
    let start = Int(offset)
    precondition(start + bytes.count <= files[index].view.count, "write beyond the file's end")
    counters.writes += 1
    counters.bytesWritten += bytes.count
    guard !isFull else {
      wasRefused = true
      return
    }
    unsafe files[index].view.withUnsafeMutableBufferPointer { view in
      unsafe bytes.withUnsafeBufferPointer { bytes in
        _ = unsafe view[start..<start + bytes.count].update(fromContentsOf: bytes)
      }
    }
    let sectors = start / Self.sectorBytes...(start + bytes.count - 1) / Self.sectorBytes
    for sector in sectors where !files[index].unflushed.contains(sector) {
      files[index].unflushed.append(sector)
    }
    files[index].lost.removeAll { sectors.contains($0) }
    files[index].unreadable.removeAll { sectors.contains($0) }
  }

  public mutating func flush(_ file: FileName) throws(DiskError) {
    let index = Int(file.rawValue)
    counters.flushes += 1
    var error = nextFlushError
    nextFlushError = nil
    if wasRefused { error = .noSpace }
    wasRefused = false
    if random.oneIn(faults.flushErrorOneIn) { error = .inputOutput }
    guard let error else {
      for sector in files[index].unflushed { persist(sector, index) }
      files[index].unflushed.removeAll(keepingCapacity: true)
      return
    }
    for sector in files[index].unflushed {
      if random.oneIn(2) { persist(sector, index) } else { files[index].lost.append(sector) }
    }
    files[index].unflushed.removeAll(keepingCapacity: true)
    throw error
  }

  // MARK: Crashes

  /// Sectors of `file` whose fate a crash would decide.
  public func unflushedSectors(of file: FileName) -> Int {
    files[Int(file.rawValue)].unflushed.count
  }

  /// The power goes: of the unflushed sectors of every file a random subset survives (all and none
  /// are as likely as in between), some torn.
  public mutating func crash() {
    for index in files.indices {
      let mode = random.draw(0..<4)
      for sector in files[index].unflushed {
        if random.oneIn(faults.tornSectorOneIn) {
          persist(sector, index, bytes: random.draw(1..<Self.sectorBytes))
        } else if mode == 0 || mode > 1 && random.oneIn(2) {
          persist(sector, index)
        }
      }
      forget(index)
    }
  }

  /// The power goes: of the unflushed sectors of `file`, in the order of their writing, those survive
  /// whose bit is set; of other files, none.
  public mutating func crash(_ file: FileName, survivors: UInt64) {
    for index in files.indices {
      if index == Int(file.rawValue) {
        for (i, sector) in files[index].unflushed.enumerated() {
          if survivors >> UInt64(i) & 1 == 1 { persist(sector, index) }
        }
      }
      forget(index)
    }
  }

  /// Bit rot: what the media holds at `offset` is another byte from now on.
  public mutating func rot(_ file: FileName, at offset: Int64) {
    let index = Int(file.rawValue)
    files[index].view[Int(offset)] ^= 1 << UInt8(random.draw(0..<8))
    files[index].media[Int(offset)] = files[index].view[Int(offset)]
  }

  /// From now on the media cannot read the sector at `offset`.
  public mutating func fail(_ file: FileName, at offset: Int64) {
    files[Int(file.rawValue)].unreadable.append(Int(offset) / Self.sectorBytes)
  }

  private mutating func persist(_ sector: Int, _ index: Int, bytes: Int = sectorBytes) {
    let start = sector * Self.sectorBytes
    let end = min(start + bytes, files[index].view.count)
    files[index].media.replaceSubrange(start..<end, with: files[index].view[start..<end])
  }

  private mutating func forget(_ index: Int) {
    for sector in files[index].unflushed + files[index].lost {
      let start = sector * Self.sectorBytes
      let end = min(start + Self.sectorBytes, files[index].view.count)
      files[index].view.replaceSubrange(start..<end, with: files[index].media[start..<end])
    }
    files[index].unflushed.removeAll(keepingCapacity: true)
    files[index].lost.removeAll(keepingCapacity: true)
  }
}
