// Every limit of the device, in one place, each with its reason. A limit that follows from another
// is computed from it, so that a relation can be read here and cannot drift.

/// Sizes and counts that the whole system agrees on. Units come last in the names.
public enum Limits {
  // MARK: Tickets

  /// Longest scanned code that is looked at. A QR code of version 40-L holds 4,296 alphanumerics,
  /// but a ticket of the profile is 174 characters; 1 KiB of binary is 1,536 Base45 characters.
  public static let codeTextBytesMax = 1536
  /// Longest decoded ticket (`tickets.md`: input of at most 1 KiB).
  public static let ticketBytesMax = 1024
  /// CWT ID (`cti`) of a ticket: shorter is not unique, longer is not needed.
  public static let ticketIDBytesMin = 8
  public static let ticketIDBytesMax = 16
  /// Longest ticket identity as text: a pretix seed in bytes.
  public static let ticketLabelBytesMax = 64
  /// Key identifier in a COSE header.
  public static let keyIDBytesMax = 32
  /// Nesting of CBOR that is ever followed: a ticket needs 3, a bundle payload 6.
  public static let cborDepthMax = 8
  /// Groups within groups in a Protocol Buffers message, which only unknown fields have.
  public static let protobufDepthMax = 8

  // MARK: Trust

  /// A trust document as signed bytes. Fits one MQTT message; revocation lists that do not fit
  /// travel as shards.
  public static let trustBytesMax = 48 * 1024
  public static let networkNameBytesMax = 32
  public static let authoritiesMax = 8
  public static let issuersMax = 64
  public static let eventsPerIssuerMax = 16
  public static let pretixEventsMax = 64
  public static let devicesMax = 512
  /// Node numbers fit a JSON number.
  public static let nodeMax: UInt64 = 1 << 53 - 1
  /// Rules: of pretix products, of classes of tickets, of areas, and who may override them.
  public static let productsMax = 64
  public static let rulesMax = 64
  public static let areasMax = 15
  public static let supervisorsMax = 8
  public static let ruleWindowsMax = 8
  /// What four bits of the used-set's last event hold.
  public static let entriesPerDayMax = 15
  /// A year.
  public static let passbackMinutesMax: UInt64 = 366 * 24 * 60
  /// Revoked and blocked tickets in one shard: 8 pages of 255 and their headers (Gates/FORMAT.md).
  public static let shardIdentitiesMax = 8 * 255
  /// A shard as bytes: a header of 7 and the identities. Below 32 KiB, so that one fits a bundle.
  public static let shardBytesMax = 7 + 16 * shardIdentitiesMax
  /// 2^10 shard hashes are 16 KiB of the trust document's 48.
  public static let manifestBitsMax = 10
  /// Identities in a shard on average, for which a manifest is laid out: where they follow from
  /// hashes, the fullest of 1,024 shards stays below `shardIdentitiesMax` by far (5.6 standard
  /// deviations).
  public static let shardIdentitiesMean = 1800
  /// f = 3 at most: the largest quorum that a receipt carries to a gate is 2f+1 = 7 signatures.
  public static let validatorsMax = 10

  // MARK: Records and bundles

  /// One record as CBOR: a scan is about 110 bytes, the largest with 16 clock entries below this.
  public static let recordBytesMax = 512
  /// Events beyond the ledger height that one record's clock may name (`domain.md`).
  public static let clockEntriesMax = 16
  /// Records in one signed batch.
  public static let batchRecordsMax = 256
  /// A batch as signed bytes. 256 scans of 110 bytes are 28 KiB.
  public static let batchBytesMax = 48 * 1024
  /// A whole bundle: a batch, a trust document or a proof, with its blocks around it.
  public static let bundleBytesMax = 56 * 1024
  /// Blocks of a bundle after its primary block. Ours have 2; a few more may come from elsewhere.
  public static let bundleBlocksMax = 16
  /// Entries in one settlement leaf: 512 of at most 32 bytes fit 16 KiB.
  public static let settlementEntriesMax = 512
  /// Levels of a Merkle path: 2^20 leaves a block.
  public static let merkleDepthMax = 20
  /// Bundle lifetime that we give, milliseconds: 30 days.
  public static let bundleLifetimeMilliseconds: Int64 = 30 * 24 * 3600 * 1000

  // MARK: Rings

  public static let pageBytes = 4096
  public static let pagesPerSegment = 16
  public static let segmentBytes = pageBytes * pagesPerSegment
  public static let blockHeaderBytes = 512
  /// 64 MiB by default.
  public static let segmentsDefault = 1024
  public static let segmentsMin = 16
  public static let segmentsMax = 16384
  public static let ringClasses = 4
  /// Records that one commit may group (`storage.md`).
  public static let commitRecordsMax = 64
  /// Ranges acknowledged out of order that a block header can hold.
  public static let ackRangesMax = 8

  // MARK: Used-set

  public static let usedSlotBytes = 24
  /// A page of the table holds a 16-byte header and 170 slots.
  public static let usedSlotsPerPage = (pageBytes - 16) / usedSlotBytes
  public static let usedTicketsDefault = 1_000_000
  public static let usedTicketsMax = 16_000_000
  /// Uses that are in memory and in the ring, but not yet in the table.
  public static let usedDeltaMax = 4096
  /// Delta at which a checkpoint starts, so that it is done before the delta is full.
  public static let usedCheckpointAt = usedDeltaMax / 2
  /// Page images that one round of a checkpoint writes twice (journal, then place).
  public static let usedJournalPages = 64

  // MARK: Revoked store

  /// Identities on a page, after a 16-byte header.
  public static let revokedPerPage = (pageBytes - 16) / 16
  public static let revokedSlotPages = 8
  /// What a manifest of the most bits is laid out for.
  public static let revokedTicketsMax = shardIdentitiesMean << manifestBitsMax
  /// Shards that are asked for at a time, that may wait to be written, and that one round writes.
  public static let revokedRoundShards = 16
  /// Pages of shards that wait or are on their way: 16 shards of an average list of a million.
  public static let revokedStagedPages = 64

  // MARK: Sync

  /// Bundles published and not yet receipted (`mqtt.md`: never hand the library more).
  public static let sendWindowBundles = 16
  /// Largest MQTT packet that we accept: a bundle, its topic and properties.
  public static let mqttPacketBytesMax = bundleBytesMax + 4096
  public static let contactsMax = 128
  public static let brokerHostBytesMax = 128
  public static let topicBytesMax = 128

  // MARK: Texts

  public static let pathBytesMax = 256
  public static let configBytesMax = 64 * 1024
  public static let logLineBytesMax = 512
}
