// The world around the validator: bundles on their way, blocks, crashes.

import Ledger
import Trust
import Wire

extension World {
  func delay() -> Int64 { Int64(random.draw(5..<weather.delayMillisecondsMax)) }

  /// Puts a bundle on its way: lost, damaged, twice, and never in the order of sending.
  func send(_ bundle: [UInt8], as event: ([UInt8]) -> Event) {
    let copies = random.oneIn(weather.copyOneIn) ? 2 : 1
    for _ in 0..<copies where !random.oneIn(weather.lossOneIn) {
      var sent = bundle
      if random.oneIn(weather.damageOneIn) {
        sent[random.draw(0..<sent.count)] ^= 1 << UInt8(random.draw(0..<8))
      }
      add(event(sent), in: delay())
    }
  }

  func proposeBlock() {
    guard validator.propose(now: now) else { return }
    add(.blockFlushed(boot: validatorBoot), in: Int64(random.draw(1..<30)))
  }

  func blockFlushed(_ boot: Int) {
    guard boot == validatorBoot else { return }
    note(validator.flushed(now: now))
    proposeBlock()
    sendDown()
  }

  func sendDown() {
    do throws(LedgerError) {
      while let (node, bundle) = try validator.next(now: now) {
        guard let gate = posts.firstIndex(where: { $0.node == node }) else { continue }
        send(bundle) { .down(gate: gate, bundle: $0) }
      }
    } catch {
      violation = "the log cannot be read: \(error)"
    }
  }

  func changeTrust() {
    hasChangedTrust = true
    do throws(TrustError) {
      guard try validator.adopt(secondTrust) else { return add(.trust, in: 50) }
      proposeBlock()
    } catch {
      violation = "the ledger does not take a newer trust document: \(error)"
    }
  }

  func crashValidator() {
    validatorBoot += 1
    do throws(LedgerError) {
      try validator.restart(&random, now: now)
    } catch {
      violation = "the log does not replay: \(error)"
    }
    // The operator's document is offered at every start.
    if validator.ledger.trust.version == 0 { _ = try? validator.adopt(firstTrust) }
    if hasChangedTrust { changeTrust() }
    proposeBlock()
  }
}
