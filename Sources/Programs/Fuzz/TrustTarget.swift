// Trust documents, whoever signed them.

import Limits
import Receipts
import Trust
import Wire

/// - A document that is loaded is kept byte for byte, is known when it comes again, and is in the one
///   encoding of what it says.
/// - Whatever it lists is found by the look-ups.
func checkTrust(_ document: Span<UInt8>, _ bench: Workbench) throws(Broken) {
  var trust = TrustDocument<Gullible>(
    memory: bench.document.zeroed(TrustDocument<Gullible>.memoryBytes))
  var scratchRoom = bench.scratch.memory()
  var scratch = scratchRoom.mutableSpan
  guard (try? trust.load(document, anchor: .named, scratch: &scratch)) == .loaded else { return }
  try require(equal(trust.bytes, document), "a loaded document is another one")
  try require(
    (try? trust.load(document, anchor: .named, scratch: &scratch)) == .unchanged,
    "a loaded document is not known again")
  guard let parts = try? Sign1(parsing: document) else {
    throw Broken(property: "a loaded document is no COSE_Sign1")
  }
  let payload = document.extracting(parts.payload)
  var outputRoom = bench.output.memory()
  var output = outputRoom.mutableSpan
  var writer = CBORWriter(output.whole())
  var reader = CBORReader(payload)
  try require(
    (try? copyItem(&reader, to: &writer, depth: Limits.cborDepthMax)) != nil
      && equal(writer.written(), payload),
    "a loaded document has two encodings")
  try checkLookups(trust)
  try checkRules(trust)
}

private func checkRules(_ trust: borrowing TrustDocument<Gullible>) throws(Broken) {
  for i in 0..<trust.productCount {
    let product = trust.product(at: i)
    guard let variation = product.variation else { continue }
    try require(
      trust.namesProducts(of: product.event)
        && trust.product(event: product.event, item: product.item, variation: variation) == product,
      "a product is not found")
  }
  for i in 0..<trust.ruleCount {
    let rule = trust.rule(at: i)
    guard let ticketClass = rule.ticketClass else { continue }
    try require(
      trust.rule(event: rule.event, ticketClass: ticketClass) == rule, "a rule is not found")
  }
  for i in 0..<trust.areaCount {
    let area = trust.area(at: i)
    try require(trust.capacity(of: area.number) == area.capacity, "an area is not found")
  }
  for i in 0..<trust.supervisorCount {
    let supervisor = trust.supervisor(at: i)
    try require(
      trust.supervisor(supervisor.keyID.span) != nil, "a supervisor is not found by its key id")
  }
}

private func checkLookups(_ trust: borrowing TrustDocument<Gullible>) throws(Broken) {
  for i in 0..<trust.issuerCount {
    let issuer = trust.issuer(at: i)
    var isFound = false
    var last = -1
    while let (index, other) = trust.issuer(issuer.keyID.span, after: last) {
      if index == i { isFound = other.key == issuer.key }
      last = index
    }
    try require(isFound, "an issuer is not found by its key id")
  }
  for i in 0..<trust.deviceCount {
    let device = trust.device(at: i)
    try require(trust.device(device.node) == device, "a device is not found by its node")
  }
  var set = ValidatorSet()
  for i in 0..<trust.validatorCount {
    let validator = trust.validator(at: i)
    let isTaken: Void? = try? set.append(
      Receipts.Validator(node: validator.node, key: validator.key))
    try require(isTaken != nil, "the validators of a document are no set")
  }
  var last = -1
  while let (index, _) = trust.pretixKey(of: 2026, after: last) { last = index }
  for identity in [TicketIdentity(), TicketIdentity([UInt8](repeating: 0xff, count: 16).span)] {
    _ = trust.isRevoked(identity)
    _ = trust.isBlocked(identity)
  }
  for seconds in [Int64.min, 0, 1_800_000_000, .max] { _ = trust.age(at: seconds) }
}
