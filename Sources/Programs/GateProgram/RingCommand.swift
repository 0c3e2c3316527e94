// `tollkeeper ring check` and `ring list`: what a ring file holds. Reads only.

import Limits
import Platform
import Records
import Rings
import Seal
import Wire

func ring(_ arguments: Arguments) -> Int32 {
  let isList = equal(arguments[2], "list")
  guard isList || equal(arguments[2], "check"), let place = arguments.operand(behind: 2),
    let path = Path(arguments[place])
  else { return wrongUsage("it is `ring check FILE` or `ring list FILE`") }
  let isJSON = arguments.has("--json")
  do throws(KernelError) {
    let file = try File(path, for: .read)
    let segments = Int((try file.size() - RingFile.overheadBytes) / Int64(Limits.segmentBytes))
    guard segments >= Limits.segmentsMin, segments <= Limits.segmentsMax else {
      complain {
        $0.put(path.text.span)
        $0.put(": no ring has this size")
      }
      return Status.failed
    }
    guard
      var arena = System.arena(
        bytes: RingInspection<Sodium>.memoryBytes(segments: segments) + outputBytes
          + 4 * Limits.pageBytes)
    else { return Status.failed }
    let inspection = RingInspection<Sodium>(
      memory: arena.take(RingInspection<Sodium>.memoryBytes(segments: segments)),
      segments: segments)
    let output = Output(memory: arena.take(outputBytes), channel: .standardOutput)
    return inspect(
      inspection, SingleFile(file), output, path, isList: isList, isJSON: isJSON)
  } catch {
    complain(about: path, error)
    return Status.failed
  }
}

private enum RingFile {
  /// What stands before the first segment.
  static let overheadBytes = Int64(Limits.segmentBytes)
}

private func inspect(
  _ inspection: consuming RingInspection<Sodium>, _ disk: consuming SingleFile,
  _ output: consuming Output, _ path: Path, isList: Bool, isJSON: Bool
) -> Int32 {
  var inspection = inspection
  var disk = disk
  var output = output
  var unreadable = 0
  do throws(RingError) {
    let report = try inspection.open(&disk)
    while try inspection.next(&disk) {
      guard isList else { continue }
      let recordClass = inspection.recordClass
      let sequence = inspection.sequence
      let hash = inspection.hash
      do throws(WireError) {
        output.record(
          try Record(parsing: inspection.record), recordClass, sequence, hash, isJSON: isJSON)
      } catch {
        unreadable += 1
        complain {
          $0.put("the record of class ")
          $0.put(UInt64(recordClass.rawValue))
          $0.put(" with sequence ")
          $0.put(sequence)
          $0.put(" cannot be read")
        }
      }
    }
    let isSound =
      report.corruptBlocks == 0 && inspection.corruptBlocks == 0
      && inspection.missingRecords == 0
    if !isList { output.check(inspection, report, isJSON: isJSON) }
    if !isSound { complain { $0.put("the ring is damaged: records are missing") } }
    return output.finish(isSound && unreadable == 0 ? Status.done : Status.failed)
  } catch {
    complain {
      $0.put(path.text.span)
      $0.put(": ")
      $0.put(error.explanation)
    }
    return output.finish(Status.failed)
  }
}

extension RingError {
  var explanation: StaticString {
    switch self {
    case .blank: "the ring was never used"
    case .damaged: "this is no ring, or its header is damaged"
    case .otherFormat: "the ring has another format or size than expected"
    case .corrupt: "durable records are missing"
    case .disk: "the file cannot be read"
    default: "the ring cannot be read now; try again"
    }
  }
}

extension Output {
  fileprivate mutating func check(
    _ inspection: borrowing RingInspection<Sodium>, _ report: RecoveryReport, isJSON: Bool
  ) {
    let free = UInt64(inspection.ring.freeSegments)
    let segments = UInt64(inspection.ring.segments)
    field("node", inspection.ring.header.node, isJSON: isJSON, isFirst: true)
    epoch(inspection.ring.header.epoch, isJSON: isJSON)
    field("boot", UInt64(report.boot), isJSON: isJSON)
    field("commit", report.commit, isJSON: isJSON)
    field("segments", segments, isJSON: isJSON)
    field("free_segments", free, isJSON: isJSON)
    field("tail_records", UInt64(report.tailRecords), isJSON: isJSON)
    field("corrupt_blocks", UInt64(report.corruptBlocks) + inspection.corruptBlocks, isJSON: isJSON)
    field("missing_records", inspection.missingRecords, isJSON: isJSON)
    classes(inspection, isJSON: isJSON)
    if isJSON { line { $0.put("}") } }
  }

  private mutating func classes(
    _ inspection: borrowing RingInspection<Sodium>, isJSON: Bool
  ) {
    let names: InlineArray<4, StaticString> = ["telemetry", "refusals", "admissions", "control"]
    for index in stride(from: 3, through: 0, by: -1) {
      let recordClass = RecordClass(index: index)
      let found = inspection.found(recordClass)
      let appended = inspection.ring.durableThrough(recordClass)
      let receipted = inspection.ring.acknowledgedThrough(recordClass)
      let parts: InlineArray<4, (StaticString, UInt64)> = [
        ("_recorded", appended), ("_receipted", receipted), ("_kept", found.records),
        ("_oldest", found.oldest),
      ]
      for i in 0..<4 {
        part { writer in
          writer.put(isJSON ? ",\"" : "")
          writer.put(names[index])
          writer.put(parts[i].0)
          writer.put(isJSON ? "\":" : " ")
          writer.put(parts[i].1)
          if !isJSON { writer.put("\n") }
        }
      }
    }
  }

  private mutating func field(
    _ name: StaticString, _ value: UInt64, isJSON: Bool, isFirst: Bool = false
  ) {
    part { writer in
      if isJSON {
        writer.put(isFirst ? "{\"" : ",\"")
        writer.put(name)
        writer.put("\":")
        writer.put(value)
      } else {
        writer.put(name)
        writer.put(" ")
        writer.put(value)
        writer.put("\n")
      }
    }
  }

  private mutating func epoch(_ epoch: UInt64, isJSON: Bool) {
    part { writer in
      writer.put(isJSON ? ",\"epoch\":\"" : "epoch ")
      writer.put(epoch: epoch)
      writer.put(isJSON ? "\"" : "\n")
    }
  }

  fileprivate mutating func record(
    _ record: Record, _ recordClass: RecordClass, _ sequence: UInt64, _ hash: Hash, isJSON: Bool
  ) {
    line { writer in
      writer.put(isJSON ? "{\"class\":" : "class ")
      writer.put(UInt64(recordClass.rawValue))
      writer.put(isJSON ? ",\"sequence\":" : " sequence ")
      writer.put(sequence)
      writer.put(isJSON ? ",\"id\":\"" : " id ")
      writer.hex(hash.span)
      writer.put(isJSON ? "\",\"time\":" : " time ")
      writer.put(record.instant.milliseconds)
      if case .scan(let scan) = record {
        writer.put(isJSON ? ",\"result\":\"" : " ")
        writer.put(scan.reason.name)
        writer.put(isJSON ? "\",\"subject\":" : " subject ")
        if let subject = scan.subject {
          if isJSON { writer.put("\"") }
          writer.hex(subject.span)
          if isJSON { writer.put("\"") }
        } else {
          writer.put(isJSON ? "null" : "-")
        }
        writer.put(isJSON ? ",\"use\":" : " use ")
        writer.put(UInt64(scan.use))
      }
      if isJSON { writer.put("}") }
    }
  }
}
