// The golden vectors of every module, in the very build that is shipped: on the host, under an
// emulator, on a board.
// Invariants: no heap; no file, clock or network; a check that fails stops no other.

import Platform
import Seal
import Wire

public struct SelftestResult: Sendable {
  public var passed: UInt64
  public var failed: UInt64
  /// Name of the first check that failed; empty if none did.
  public var firstFailure: StaticString
}

public enum Selftest {
  /// All that the checks take, a page more for each piece: the ring's file is the largest.
  static let memoryBytes = 4 << 20

  public static func run() -> SelftestResult {
    var check = Check()
    guard var arena = System.arena(bytes: memoryBytes) else {
      check.that("memory is there", false)
      return check.result
    }
    do throws(SealError) {
      try Sodium.start()
    } catch {
      check.that("libsodium starts", false)
      return check.result
    }
    checkWire(&check, &arena)
    checkSeal(&check, &arena)
    checkTickets(&check, &arena)
    checkTrust(&check, &arena)
    checkRecords(&check, &arena)
    checkReceipts(&check, &arena)
    checkBundles(&check, &arena)
    checkContacts(&check, &arena)
    checkScanners(&check, &arena)
    checkTurnstiles(&check)
    checkRing(&check, &arena)
    checkUsedSet(&check, &arena)
    checkSync(&check)
    return check.result
  }
}
