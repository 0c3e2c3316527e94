// The tables of the index. Times are Unix milliseconds; classes, operations and reasons are the
// numbers of Core/Records/FORMAT.md; settlements are 0 none, 1 final, 2 causal duplicate,
// 3 concurrent duplicate; a device's epoch is 16 hexadecimal digits.

extension Store {
  static let version: Int64 = 1

  static let schema = """
    BEGIN;
    CREATE TABLE blocks (
      height INTEGER PRIMARY KEY, id BLOB NOT NULL, time INTEGER NOT NULL,
      transactions INTEGER NOT NULL, offset INTEGER NOT NULL, bytes INTEGER NOT NULL);
    CREATE TABLE devices (
      device INTEGER PRIMARY KEY, node INTEGER NOT NULL, epoch TEXT NOT NULL,
      quarantined INTEGER NOT NULL, scans INTEGER NOT NULL, admitted INTEGER NOT NULL,
      refused INTEGER NOT NULL, causal INTEGER NOT NULL, concurrent INTEGER NOT NULL,
      gaps INTEGER NOT NULL, through3 INTEGER NOT NULL, through2 INTEGER NOT NULL,
      through1 INTEGER NOT NULL, through0 INTEGER NOT NULL, UNIQUE (node, epoch));
    CREATE TABLE scans (
      device INTEGER NOT NULL, class INTEGER NOT NULL, sequence INTEGER NOT NULL,
      height INTEGER NOT NULL, ticket BLOB, operation INTEGER NOT NULL, reason INTEGER NOT NULL,
      settlement INTEGER NOT NULL, boot INTEGER NOT NULL, time INTEGER NOT NULL,
      uncertainty INTEGER NOT NULL, event INTEGER NOT NULL, zone INTEGER NOT NULL,
      use INTEGER NOT NULL, entries INTEGER NOT NULL, known INTEGER NOT NULL,
      PRIMARY KEY (device, class, sequence)) WITHOUT ROWID;
    CREATE INDEX scans_of_ticket ON scans (ticket) WHERE ticket IS NOT NULL;
    CREATE TABLE duplicates (
      ticket BLOB NOT NULL, causal INTEGER NOT NULL,
      final_device INTEGER NOT NULL, final_class INTEGER NOT NULL,
      final_sequence INTEGER NOT NULL, final_time INTEGER NOT NULL, final_height INTEGER NOT NULL,
      device INTEGER NOT NULL, class INTEGER NOT NULL, sequence INTEGER NOT NULL,
      time INTEGER NOT NULL, height INTEGER NOT NULL,
      PRIMARY KEY (device, class, sequence)) WITHOUT ROWID;
    CREATE TABLE evidence (
      height INTEGER NOT NULL, place INTEGER NOT NULL, device INTEGER NOT NULL,
      class INTEGER NOT NULL, sequence INTEGER NOT NULL, known_height INTEGER NOT NULL,
      known_place INTEGER NOT NULL, PRIMARY KEY (height, place)) WITHOUT ROWID;
    PRAGMA user_version = 1;
    COMMIT;
    """

  /// Every column of every table.
  static let columns: [(table: String, columns: [String])] = [
    ("blocks", ["height", "id", "time", "transactions", "offset", "bytes"]),
    (
      "devices",
      [
        "device", "node", "epoch", "quarantined", "scans", "admitted", "refused", "causal",
        "concurrent", "gaps", "through3", "through2", "through1", "through0",
      ]
    ),
    (
      "scans",
      [
        "device", "class", "sequence", "height", "ticket", "operation", "reason", "settlement",
        "boot", "time", "uncertainty", "event", "zone", "use", "entries", "known",
      ]
    ),
    (
      "duplicates",
      [
        "device", "class", "sequence", "time", "height", "ticket", "causal", "final_device",
        "final_class", "final_sequence", "final_time", "final_height",
      ]
    ),
    (
      "evidence",
      ["height", "place", "device", "class", "sequence", "known_height", "known_place"]
    ),
  ]
}
