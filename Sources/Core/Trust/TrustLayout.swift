// Where everything stands in a trust document: the strict parser's result.
// Invariants: a layout is made of a whole payload that keeps every rule of Records/FORMAT.md
// (map keys in order and known, lists within their bounds, sorted where they must be, nothing
// twice), or it is not made; all places are offsets from the beginning of the signed document.

import Limits
import Wire

/// Offsets of the entries of a list of at most `capacity`.
struct Places<let capacity: Int> {
  private var offsets = InlineArray<capacity, UInt16>(repeating: 0)
  private(set) var count = 0

  subscript(_ index: Int) -> Int {
    precondition(index < count, "no such entry")
    return Int(offsets[index])
  }

  mutating func append(_ offset: Int) {
    offsets[count] = UInt16(offset)
    count += 1
  }
}

/// Keys of the document's map.
enum TrustKey {
  static let version: UInt64 = 1
  static let network: UInt64 = 2
  static let issued: UInt64 = 3
  static let expires: UInt64 = 4
  static let freshSeconds: UInt64 = 5
  static let staleSeconds: UInt64 = 6
  static let previous: UInt64 = 7
  static let authorities: UInt64 = 8
  static let issuers: UInt64 = 9
  static let pretixEvents: UInt64 = 10
  static let revoked: UInt64 = 11
  static let blocked: UInt64 = 12
  static let rules: UInt64 = 13
  static let devices: UInt64 = 14
  static let validators: UInt64 = 15
  static let manifest: UInt64 = 16

  static let required: [9 of UInt64] = [
    version, network, authorities, issuers, pretixEvents, revoked, blocked, devices, validators,
  ]
}

struct TrustLayout {
  var head = TrustHead(version: 0, network: BoundedBytes())
  /// Offsets of the keys' 32 bytes.
  var authorities = Places<8>()
  var issuers = Places<64>()
  var pretixKeys = Places<64>()
  var devices = Places<512>()
  var validators = Places<10>()
  var products = Places<64>()
  var rules = Places<64>()
  var areas = Places<15>()
  var supervisors = Places<8>()
  /// Sorted identities, 16 bytes each.
  var revoked = 0..<0
  var blocked = 0..<0
  /// The array `[* [node, key]]`, whose hash names the validator set.
  var validatorSet = 0..<0
  /// Nil if the document has none.
  var manifest: RevocationManifest?
  /// The shards' hashes, 16 bytes each.
  var shardHashes = 0..<0

  init() {}

  /// - Parameters:
  ///   - document: the signed document, at most `Limits.trustBytesMax` bytes.
  ///   - payload: where its payload stands.
  init(parsing document: Span<UInt8>, payload: Range<Int>) throws(WireError) {
    precondition(Limits.trustBytesMax <= Int(UInt16.max) && document.count <= Limits.trustBytesMax)
    // Read from the document's beginning to the payload's end, so that positions are offsets.
    let bytes = document.extracting(first: payload.upperBound)
    var reader = CBORReader(bytes, at: payload.lowerBound)
    var seen: UInt32 = 0
    var last: UInt64 = 0
    for _ in 0..<(try reader.map(max: 16)) {
      let key = try reader.unsigned()
      // Keys begin at 1, so the first is above `last` too.
      guard key > last else { throw .duplicateKey }
      guard key <= TrustKey.manifest else { throw .outOfRange }
      last = key
      seen |= 1 << UInt32(key)
      if key < TrustKey.authorities {
        try readHead(key, &reader)
      } else {
        try readList(key, &reader, bytes)
      }
    }
    try reader.finish()
    for i in TrustKey.required.indices where seen & 1 << UInt32(TrustKey.required[i]) == 0 {
      throw .truncated
    }
    guard head.isConsistent else { throw .outOfRange }
  }

  private mutating func readHead(_ key: UInt64, _ reader: inout CBORReader) throws(WireError) {
    switch key {
    case TrustKey.version: head.version = try reader.unsigned()
    case TrustKey.network:
      let network = try BoundedBytes<32>(reader.text())
      guard let network, !network.isEmpty else { throw .outOfRange }
      head.network = network
    case TrustKey.issued: head.issued = try reader.unsigned()
    case TrustKey.expires: head.expires = try reader.unsigned()
    case TrustKey.freshSeconds: head.freshSeconds = try reader.unsigned()
    case TrustKey.staleSeconds: head.staleSeconds = try reader.unsigned()
    default: head.previous = try reader.fixed()
    }
  }

  private mutating func readList(
    _ key: UInt64, _ reader: inout CBORReader, _ bytes: Span<UInt8>
  ) throws(WireError) {
    switch key {
    case TrustKey.authorities: try readAuthorities(&reader, bytes)
    case TrustKey.issuers: try readIssuers(&reader, bytes)
    case TrustKey.pretixEvents: try readPretixKeys(&reader, bytes)
    case TrustKey.revoked: revoked = try Self.identities(&reader)
    case TrustKey.blocked: blocked = try Self.identities(&reader)
    case TrustKey.rules: try readRules(&reader, bytes)
    case TrustKey.devices: try readDevices(&reader)
    case TrustKey.validators: try readValidators(&reader, bytes)
    default:
      try reader.array(exactly: 2)
      let manifest = try RevocationManifest(bits: Int(reader.unsigned(max: 16)))
      let hashes = try reader.byteString()
      guard hashes.count == 16 * manifest.shardCount else { throw .outOfRange }
      self.manifest = manifest
      shardHashes = reader.position - hashes.count..<reader.position
    }
  }

  private mutating func readAuthorities(
    _ reader: inout CBORReader, _ bytes: Span<UInt8>
  ) throws(WireError) {
    let count = try reader.array(max: Limits.authoritiesMax)
    guard count > 0 else { throw .outOfRange }
    for _ in 0..<count {
      let key: PublicKey = try reader.fixed()
      for i in 0..<authorities.count where equal(key.span, bytes.run(32, at: authorities[i])) {
        throw .duplicateKey
      }
      authorities.append(reader.position - 32)
    }
  }

  private mutating func readIssuers(
    _ reader: inout CBORReader, _ bytes: Span<UInt8>
  ) throws(WireError) {
    try Self.readKeys(into: &issuers, max: Limits.issuersMax, &reader, bytes)
  }

  /// Key ids may repeat; a key may not, or it could be active here and revoked there.
  private static func readKeys<let capacity: Int>(
    into places: inout Places<capacity>, max limit: Int, _ reader: inout CBORReader,
    _ bytes: Span<UInt8>
  ) throws(WireError) {
    for _ in 0..<(try reader.array(max: limit)) {
      let place = reader.position
      let issuer = try Issuer(reading: &reader)
      for i in 0..<places.count {
        var earlier = CBORReader(bytes, at: places[i])
        if try Issuer(reading: &earlier).key == issuer.key { throw .duplicateKey }
      }
      places.append(place)
    }
  }

  /// Each list sorted, nothing twice.
  private mutating func readRules(
    _ reader: inout CBORReader, _ bytes: Span<UInt8>
  ) throws(WireError) {
    try reader.array(exactly: 4)
    var lastProduct: Product?
    for _ in 0..<(try reader.array(max: Limits.productsMax)) {
      products.append(reader.position)
      let product = try Product(reading: &reader)
      if let lastProduct, !Product.precedes(lastProduct, product) { throw .duplicateKey }
      lastProduct = product
    }
    var lastRule: Rule?
    for _ in 0..<(try reader.array(max: Limits.rulesMax)) {
      rules.append(reader.position)
      let rule = try Rule(reading: &reader)
      if let lastRule, !Rule.precedes(lastRule, rule) { throw .duplicateKey }
      lastRule = rule
    }
    var lastArea: UInt8 = 0
    for _ in 0..<(try reader.array(max: Limits.areasMax)) {
      areas.append(reader.position)
      let area = try Area(reading: &reader)
      guard area.number > lastArea else { throw .duplicateKey }
      lastArea = area.number
    }
    try Self.readKeys(into: &supervisors, max: Limits.supervisorsMax, &reader, bytes)
    for i in 0..<supervisors.count {
      var place = CBORReader(bytes, at: supervisors[i])
      let supervisor = try Issuer(reading: &place)
      for k in 0..<issuers.count {
        var other = CBORReader(bytes, at: issuers[k])
        if try Issuer(reading: &other).key == supervisor.key { throw .duplicateKey }
      }
    }
  }

  private mutating func readPretixKeys(
    _ reader: inout CBORReader, _ bytes: Span<UInt8>
  ) throws(WireError) {
    for _ in 0..<(try reader.array(max: Limits.pretixEventsMax)) {
      let place = reader.position
      let entry = try PretixKey(reading: &reader)
      for i in 0..<pretixKeys.count {
        var reader = CBORReader(bytes, at: pretixKeys[i])
        let earlier = try PretixKey(reading: &reader)
        if earlier.event == entry.event && earlier.key == entry.key { throw .duplicateKey }
      }
      pretixKeys.append(place)
    }
  }

  private static func identities(_ reader: inout CBORReader) throws(WireError) -> Range<Int> {
    let list = try reader.byteString()
    guard list.count % 16 == 0 else { throw .outOfRange }
    var i = 16
    while i < list.count {
      let last = TicketIdentity(list.run(16, at: i - 16))
      guard last < TicketIdentity(list.run(16, at: i)) else { throw .duplicateKey }
      i += 16
    }
    return reader.position - list.count..<reader.position
  }

  private mutating func readDevices(_ reader: inout CBORReader) throws(WireError) {
    var last: UInt64 = 0
    for _ in 0..<(try reader.array(max: Limits.devicesMax)) {
      let place = reader.position
      let device = try Device(reading: &reader)
      guard device.node > last else { throw .duplicateKey }
      last = device.node
      devices.append(place)
    }
  }

  /// No two validators with one key: each would count towards a quorum.
  private mutating func readValidators(
    _ reader: inout CBORReader, _ bytes: Span<UInt8>
  ) throws(WireError) {
    let start = reader.position
    var last: UInt64 = 0
    for _ in 0..<(try reader.array(max: Limits.validatorsMax)) {
      let place = reader.position
      let validator = try Validator(reading: &reader)
      guard validator.node > last else { throw .duplicateKey }
      last = validator.node
      for i in 0..<validators.count {
        var earlier = CBORReader(bytes, at: validators[i])
        if try Validator(reading: &earlier).key == validator.key { throw .duplicateKey }
      }
      validators.append(place)
    }
    validatorSet = start..<reader.position
  }
}

extension Span<UInt8> {
  /// `count` bytes from `offset`.
  @_lifetime(copy self)
  func run(_ count: Int, at offset: Int) -> Span<UInt8> { extracting(offset..<offset + count) }
}
