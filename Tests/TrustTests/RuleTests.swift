// The rules of a trust document: found by what they are for, refused where they contradict.

import Testing
import Trust
import Wire

private func keyID(_ text: String) -> BoundedBytes<32> { BoundedBytes(Array(text.utf8).span)! }

private func loaded(_ draft: Draft) throws -> Trusted {
  let trust = Trusted()
  _ = try trust.load(draft.signed())
  return trust
}

/// Key 13 in hex, of lists in hex.
private func rules(
  products: String = "80", rules: String = "80", areas: String = "80", supervisors: String = "80"
) -> [UInt8: String?] {
  [13: "84" + products + rules + areas + supervisors]
}

@Suite struct RuleTests {
  @Test func `a rule is found by event and class, and the one for all classes stands in`() throws {
    var own = Rule(
      event: 2026, ticketClass: 3, zones: 7, entries: 9, entriesPerDay: 2, dayStart: 14_400,
      allowsMultiple: false, allowsReentry: true, passbackMinutes: 30)
    own.append(Rule.Window(from: 100, until: 200))
    own.append(Rule.Window(from: 300, until: 400))
    let all = Rule(event: 2026, allowsMultiple: true, allowsReentry: false)
    let other = Rule(event: 2027, ticketClass: 3)
    var draft = Draft()
    draft.rules = [all, own, other]
    let trust = try loaded(draft)
    #expect(trust.rule(event: 2026, ticketClass: 3) == own)
    #expect(trust.rule(event: 2026, ticketClass: 4) == all)
    #expect(trust.rule(event: 2027, ticketClass: 3) == other)
    #expect(trust.rule(event: 2027, ticketClass: 0) == nil)
    #expect(trust.rule(event: 2025, ticketClass: 3) == nil)
  }

  @Test func `without rules nothing is ruled`() throws {
    let trust = try loaded(Draft())
    #expect(trust.rule(event: 0, ticketClass: 0) == nil)
    #expect(trust.product(event: 0, item: 0) == nil && !trust.namesProducts(of: 0))
    #expect(trust.capacity(of: 1) == nil && trust.supervisor([1]) == nil)
  }

  @Test func `a product is found by its variation, and the row for all variations stands in`()
    throws
  {
    let all = Product(event: 1, item: 5, ticketClass: 2, zones: 3, entries: 4)
    let one = Product(event: 1, item: 5, variation: 0, ticketClass: 7)
    let other = Product(event: 1, item: UInt64(Int64.max), variation: UInt64(Int64.max))
    var draft = Draft()
    draft.products = [all, one, other]
    let trust = try loaded(draft)
    #expect(trust.product(event: 1, item: 5, variation: 0) == one)
    #expect(trust.product(event: 1, item: 5, variation: 6) == all)
    #expect(
      trust.product(event: 1, item: UInt64(Int64.max), variation: UInt64(Int64.max)) == other)
    #expect(trust.product(event: 1, item: UInt64(Int64.max), variation: 1) == nil)
    #expect(trust.product(event: 2, item: 5) == nil)
    #expect(trust.namesProducts(of: 1) && !trust.namesProducts(of: 2))
  }

  @Test func `every one of 64 products and 64 rules is found`() throws {
    var draft = Draft()
    for i in 0..<64 {
      draft.products.append(
        Product(event: UInt32(i / 8), item: UInt64(i % 8), ticketClass: UInt8(i)))
      draft.rules.append(Rule(event: 1, ticketClass: UInt8(i), entries: UInt16(i)))
    }
    let trust = try loaded(draft)
    for i in 0..<64 {
      #expect(trust.product(event: UInt32(i / 8), item: UInt64(i % 8))?.ticketClass == UInt8(i))
      #expect(trust.rule(event: 1, ticketClass: UInt8(i))?.entries == UInt16(i))
    }
  }

  @Test func `areas have a capacity, and supervisors a key id that several may share`() throws {
    var draft = Draft()
    draft.areas = [Area(number: 1, capacity: 500), Area(number: 15, capacity: 0)]
    draft.supervisors = [
      Issuer(keyID: keyID("s"), key: publicKey(5)), Issuer(keyID: keyID("s"), key: publicKey(6)),
    ]
    let trust = try loaded(draft)
    #expect(trust.capacity(of: 1) == 500 && trust.capacity(of: 15) == 0)
    #expect(trust.capacity(of: 2) == nil)
    let first = try #require(trust.supervisor(Array("s".utf8)))
    #expect(first.issuer.key == publicKey(5))
    #expect(trust.supervisor(Array("s".utf8), after: first.index)?.issuer.key == publicKey(6))
    #expect(trust.issuer(Array("s".utf8)) == nil)
  }

  @Test func `a supervisor's key is no issuer's, or an override could be sold`() throws {
    var draft = Draft()
    draft.issuers = [Issuer(keyID: keyID("i"), key: publicKey(5))]
    draft.supervisors = [Issuer(keyID: keyID("s"), key: publicKey(5))]
    #expect(throws: TrustError.malformed) { try draft.signed() }
  }

  @Test func `rules that contradict, stand twice or are out of order are malformed`() throws {
    let rule = "89" + "0101" + "00" + "f6" + "f6" + "00" + "03" + "f6" + "80"
    let product = "86" + "0105" + "f6" + "00" + "00" + "01"
    let one = "86" + "0105" + "01" + "00" + "00" + "01"
    #expect(try loadError(rules(products: "82" + product + one, rules: "81" + rule)) == nil)
    for bad in [
      rules(rules: "82" + rule + rule), rules(products: "82" + product + product),
      rules(products: "82" + one + product), rules(areas: "82" + "820101" + "820102"),
      rules(areas: "81" + "820001"), rules(areas: "81" + "821001"),
      // No entry a day, more than fifteen, a day that begins after it ends, an unknown flag.
      rules(rules: "81" + "89010100f6" + "00" + "00" + "03" + "f6" + "80"),
      rules(rules: "81" + "89010100f6" + "10" + "00" + "03" + "f6" + "80"),
      rules(rules: "81" + "89010100f6" + "f6" + "1a00015180" + "03" + "f6" + "80"),
      rules(rules: "81" + "89010100f6" + "f6" + "00" + "04" + "f6" + "80"),
      // A window that ends as it begins.
      rules(rules: "81" + "89010100f6" + "f6" + "00" + "03" + "f6" + "81820505"),
      [13: "83808080"], [13: "858080808080"],
    ] { #expect(try loadError(bad) == .malformed) }
  }
}
