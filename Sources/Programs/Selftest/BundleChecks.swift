// A bundle that pyd3tn made and three other implementations accepted (RFC 9171).

import Bundles
import Seal
import Wire

func checkBundles(_ check: inout Check, _ arena: inout Arena) {
  var golden = arena.take(256)
  let range = golden.put(
    hex: """
      9f8907000282028214078202820a01820100821b000000ba43b74000011a05265c0044317bf8a0860a0200\
      024482181e014468e234e18607030002431904d2447f83e5ec860101000243414243445fa46d44ff
      """)
  do throws(BundleError) {
    let bytes = golden.span(range)
    let bundle = try Bundle(parsing: bytes, with: Sodium.self)
    check.that(
      "the golden bundle's endpoints",
      bundle.primary.source == .ipn(node: 10, service: 1)
        && bundle.primary.destination == .ipn(node: 20, service: 7))
    check.that("the golden bundle's payload", equal(bytes.extracting(bundle.payload), "ABC"))
    let hops = try bundle.first(BlockType.hopCount)?.hopCount(in: bytes)
    check.that("the golden bundle's hop count", hops == HopCount(limit: 30, count: 1))
    let age = try bundle.first(BlockType.bundleAge)?.age(in: bytes)
    check.that("the golden bundle's age", age == 1234)
    var space = arena.take(256)
    let count = try write(into: &space)
    check.that("a bundle is written as the golden one", equal(space.span(0..<count), bytes))
  } catch {
    check.that("the golden bundle is read and written", false)
  }
  // In the payload: its CRC no longer holds.
  var space = golden.mutableSpan
  space[range.upperBound - 8] ^= 1
  do throws(BundleError) {
    _ = try Bundle(parsing: golden.span(range), with: Sodium.self)
    check.that("a changed bundle is refused", false)
  } catch {
    check.that("a changed bundle is refused", true)
  }
}

private func write(into space: inout Memory) throws(BundleError) -> Int {
  let primary = PrimaryBlock(
    destination: .ipn(node: 20, service: 7), source: .ipn(node: 10, service: 1),
    creationTime: 0xba_43b7_4000, sequence: 1, lifetimeMilliseconds: 0x0526_5c00)
  var target = space.mutableSpan
  var writer = try BundleWriter(primary, into: target.whole(), with: Sodium.self)
  try writer.hopCount(HopCount(limit: 30, count: 1))
  try writer.bundleAge(milliseconds: 1234)
  let payload = BoundedBytes<3>("ABC")
  return try writer.payload(payload.span)
}
