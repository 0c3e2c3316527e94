// What a loaded trust document answers. With none loaded, nobody is known and nothing is revoked.
// The bytes were checked whole when they were loaded: an entry that cannot be read now is a
// programmer error.

public import Wire

extension TrustDocument {
  /// The first issuer with `keyID`, or the next after `index`. Several may share one key id.
  /// - Returns: the issuer and its index, for the next call.
  /// - Complexity: one comparison of key ids for each issuer.
  public func issuer(_ keyID: Span<UInt8>, after index: Int = -1) -> (index: Int, issuer: Issuer)? {
    var i = index + 1
    while i < layout.issuers.count {
      var reader = CBORReader(bytes, at: layout.issuers[i])
      if Self.starts(&reader, with: keyID) { return (i, issuer(at: i)) }
      i += 1
    }
    return nil
  }

  public var issuerCount: Int { layout.issuers.count }

  public func issuer(at index: Int) -> Issuer {
    var reader = CBORReader(bytes, at: layout.issuers[index])
    do throws(WireError) {
      return try Issuer(reading: &reader)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }

  /// The first key that may sign pretix tickets of `event`, or the next after `index`.
  /// - Returns: the key and its index, for the next call.
  public func pretixKey(
    of event: UInt32, after index: Int = -1
  ) -> (index: Int, key: PretixKey)? {
    var i = index + 1
    while i < layout.pretixKeys.count {
      var reader = CBORReader(bytes, at: layout.pretixKeys[i])
      do throws(WireError) {
        let key = try PretixKey(reading: &reader)
        if key.event == event { return (i, key) }
      } catch {
        preconditionFailure("a loaded trust document has changed")
      }
      i += 1
    }
    return nil
  }

  /// - Complexity: logarithmic in the number of devices.
  public func device(_ node: UInt64) -> Device? {
    var low = 0
    var high = layout.devices.count
    while low < high {
      let middle = low + (high - low) / 2
      let device = device(at: middle)
      if device.node == node { return device }
      if device.node < node { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  public var deviceCount: Int { layout.devices.count }

  /// Devices by node, ascending.
  public func device(at index: Int) -> Device {
    var reader = CBORReader(bytes, at: layout.devices[index])
    do throws(WireError) {
      return try Device(reading: &reader)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }

  public var validatorCount: Int { layout.validators.count }

  /// Validators by node, ascending.
  public func validator(at index: Int) -> Validator {
    var reader = CBORReader(bytes, at: layout.validators[index])
    do throws(WireError) {
      return try Validator(reading: &reader)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }

  /// H of the CBOR array `[* [node, key]]`, as block headers name the set.
  public var validatorSetHash: Hash { P.hash(bytes.extracting(layout.validatorSet)) }

  /// - Complexity: logarithmic in the number of revoked tickets; likewise `isBlocked`.
  public func isRevoked(_ identity: TicketIdentity) -> Bool {
    contains(identity, in: layout.revoked)
  }

  public func isBlocked(_ identity: TicketIdentity) -> Bool {
    contains(identity, in: layout.blocked)
  }

  /// How the longer list of revoked and blocked tickets is cut into shards; nil if there is none.
  public var manifest: RevocationManifest? { layout.manifest }

  /// What shard `index` must hash to.
  /// - Precondition: the document has a manifest, and `index` is below its `shardCount`.
  public func shardHash(_ index: Int) -> ShardHash {
    precondition(index >= 0 && 16 * index < layout.shardHashes.count, "no such shard")
    return ShardHash(bytes.run(16, at: layout.shardHashes.lowerBound + 16 * index))
  }

  /// Age of the document; what it does not limit stays fresh. With none loaded: `expired`.
  /// - Parameter seconds: Unix time.
  public func age(at seconds: Int64) -> TrustAge {
    guard isLoaded else { return .expired }
    let now = UInt64(max(seconds, 0))
    if let expires = head.expires, now >= expires { return .expired }
    guard let issued = head.issued else { return .fresh }
    let age = now > issued ? now - issued : 0
    if let staleSeconds = head.staleSeconds, age >= staleSeconds { return .expired }
    if let freshSeconds = head.freshSeconds, age > freshSeconds { return .stale }
    return .fresh
  }

  private static func starts(_ reader: inout CBORReader, with keyID: Span<UInt8>) -> Bool {
    do throws(WireError) {
      _ = try reader.head()
      return try equal(reader.byteString(), keyID)
    } catch {
      preconditionFailure("a loaded trust document has changed")
    }
  }

  private func contains(_ identity: TicketIdentity, in list: Range<Int>) -> Bool {
    var low = 0
    var high = list.count / 16
    while low < high {
      let middle = low + (high - low) / 2
      let found = TicketIdentity(bytes.run(16, at: list.lowerBound + 16 * middle))
      if found == identity { return true }
      if found < identity { low = middle + 1 } else { high = middle }
    }
    return false
  }
}
