// swift-tools-version: 6.2
// One manifest for two modes. Normal mode: `swift build`, `swift test`. Embedded mode: the same
// sources with a toolset from cross/ (see cross/README.md). Dependencies point inward: Programs and
// World to Rim and Upstream, those to Core, and Core to nothing.
import PackageDescription

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .treatWarning("EmbeddedRestrictions", as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

let upstream = strict

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/Core/\(name)",
    exclude: documents(of: name), swiftSettings: strict)
}

/// Specifications stand beside the code that implements them.
func documents(of name: String) -> [String] {
  switch name {
  case "Records", "Rings", "Gates", "Agent": ["FORMAT.md"]
  case "Sync": ["MAPPING.md"]
  default: []
  }
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
    swiftSettings: [.enableExperimentalFeature("Lifetimes")])
}

let package = Package(
  name: "tollkeeper",
  products: [
    .executable(name: "tollkeeper", targets: ["tollkeeper"]),
    .executable(name: "tollkeeper-validator", targets: ["tollkeeper-validator"]),
    .executable(name: "tollctl", targets: ["tollctl"]),
    .executable(name: "tollkeeper-bench", targets: ["tollkeeper-bench"]),
  ],
  targets: [
    // Core: pure Swift, no C, no I/O, no heap.
    core("Limits"),
    core("Wire", ["Limits"]),
    core("Tickets", ["Limits", "Wire"]),
    core("Trust", ["Limits", "Wire", "Tickets"]),
    core("Records", ["Limits", "Wire"]),
    core("Receipts", ["Limits", "Wire", "Records"]),
    core("Bundles", ["Limits", "Wire"]),
    core("Contacts", ["Limits", "Wire"]),
    core("Rings", ["Limits", "Wire"]),
    core("Scanners", ["Limits", "Wire"]),
    core("Gates", ["Limits", "Wire", "Tickets", "Trust", "Records"]),
    core("Turnstiles"),
    core("Sync", ["Limits", "Wire", "Records", "Receipts", "Bundles", "Contacts", "Rings"]),
    core(
      "Agent",
      [
        "Limits", "Wire", "Tickets", "Trust", "Records", "Receipts", "Bundles", "Contacts",
        "Rings", "Gates", "Sync",
      ]),

    // Rim: the only code that calls C or the kernel.
    .systemLibrary(name: "CSodium", path: "Sources/Rim/CSodium"),
    .systemLibrary(name: "CMosquitto", path: "Sources/Rim/CMosquitto"),
    .target(name: "CSeal", path: "Sources/Rim/CSeal"),
    .target(name: "CPlatform", path: "Sources/Rim/CPlatform"),
    .target(name: "CBroker", dependencies: ["CMosquitto"], path: "Sources/Rim/CBroker"),
    .target(
      name: "Seal", dependencies: ["CSodium", "CSeal", "Wire"], path: "Sources/Rim/Seal",
      swiftSettings: strict),
    .target(
      name: "Platform", dependencies: ["CPlatform", "Wire", "Limits", "Scanners"],
      path: "Sources/Rim/Platform", swiftSettings: strict),
    .target(
      name: "Broker", dependencies: ["CBroker", "Wire", "Limits"], path: "Sources/Rim/Broker",
      swiftSettings: strict),

    // Upstream: what only a validator has.
    .systemLibrary(name: "CSQLite", path: "Sources/Upstream/CSQLite"),
    .target(
      name: "Ledger", dependencies: ["Limits", "Wire", "Trust", "Records", "Receipts"],
      path: "Sources/Upstream/Ledger", exclude: ["FORMAT.md"], swiftSettings: upstream),
    .target(
      name: "Store", dependencies: ["CSQLite", "Limits", "Wire", "Records", "Receipts", "Ledger"],
      path: "Sources/Upstream/Store", swiftSettings: upstream),

    // World: the simulated world, which runs the same Core.
    .target(
      name: "World",
      dependencies: [
        "Limits", "Wire", "Tickets", "Trust", "Records", "Receipts", "Bundles", "Contacts",
        "Rings", "Gates", "Sync", "Agent", "Ledger",
      ],
      path: "Sources/World", swiftSettings: upstream),

    // Programs: wiring, nothing else.
    .target(
      name: "Selftest",
      dependencies: [
        "Limits", "Wire", "Tickets", "Trust", "Records", "Receipts", "Bundles", "Contacts",
        "Rings", "Gates", "Sync", "Agent", "Scanners", "Turnstiles", "Seal", "Platform",
      ],
      path: "Sources/Programs/Selftest", swiftSettings: strict),
    .target(
      name: "GateProgram",
      dependencies: [
        "Limits", "Wire", "Tickets", "Trust", "Records", "Receipts", "Bundles", "Contacts",
        "Rings", "Gates", "Sync", "Agent", "Scanners", "Turnstiles", "Seal", "Platform", "Broker",
        "CPlatform", "Selftest",
      ],
      path: "Sources/Programs/GateProgram", swiftSettings: strict),
    .executableTarget(
      name: "tollkeeper", dependencies: ["GateProgram"], path: "Sources/Programs/tollkeeper"),
    .executableTarget(
      name: "tollkeeper-validator",
      dependencies: [
        "Limits", "Wire", "Trust", "Records", "Receipts", "Bundles", "Sync", "Ledger", "Store",
        "Seal", "Platform", "Broker", "CPlatform",
      ],
      path: "Sources/Programs/tollkeeper-validator", swiftSettings: upstream),
    .executableTarget(
      name: "tollctl",
      dependencies: [
        "Limits", "Wire", "Tickets", "Trust", "Records", "Gates", "Contacts", "Seal", "CPlatform",
      ],
      path: "Sources/Programs/tollctl", exclude: ["README.md"], swiftSettings: upstream),
    .target(
      name: "BenchProgram",
      dependencies: [
        "Limits", "Wire", "Tickets", "Trust", "Rings", "Gates", "Agent", "Seal", "Platform",
        "CPlatform",
      ],
      path: "Sources/Programs/BenchProgram", swiftSettings: strict),
    .executableTarget(
      name: "tollkeeper-bench", dependencies: ["BenchProgram"],
      path: "Sources/Programs/tollkeeper-bench"),
    .target(
      name: "Fuzz",
      dependencies: [
        "Limits", "Wire", "Tickets", "Trust", "Records", "Receipts", "Bundles", "Contacts",
        "Rings", "Gates", "Sync", "Ledger", "Seal",
      ],
      path: "Sources/Programs/Fuzz", swiftSettings: upstream),

    tests("Wire", ["Wire", "Limits", "Seal"]),
    tests("Tickets", ["Tickets", "Wire", "Limits", "Seal"]),
    tests("Trust", ["Trust", "Tickets", "Wire", "Limits", "Seal"]),
    tests("Records", ["Records", "Wire", "Limits", "Seal"]),
    tests("Receipts", ["Receipts", "Records", "Wire", "Limits", "Seal"]),
    tests("Bundles", ["Bundles", "Wire", "Limits", "Seal"]),
    tests("Contacts", ["Contacts", "Wire", "Limits"]),
    tests("Scanners", ["Scanners", "Wire", "Limits"]),
    tests("Turnstiles", ["Turnstiles"]),
    tests("Rings", ["Rings", "Wire", "Limits", "Seal", "World"]),
    tests("Gates", ["Gates", "Tickets", "Trust", "Records", "Wire", "Limits", "Seal", "World"]),
    tests(
      "Sync",
      [
        "Sync", "Receipts", "Records", "Bundles", "Contacts", "Rings", "Wire", "Limits", "Seal",
        "World",
      ]),
    tests(
      "Agent",
      [
        "Agent", "Gates", "Sync", "Receipts", "Records", "Trust", "Wire", "Limits", "Seal", "World",
      ]),
    tests(
      "Ledger",
      ["Ledger", "Trust", "Receipts", "Records", "Wire", "Limits", "Seal"]),
    tests(
      "Store", ["Store", "Ledger", "Trust", "Receipts", "Records", "Wire", "Limits", "Seal"]),
    tests(
      "World",
      [
        "World", "Agent", "Ledger", "Trust", "Receipts", "Records", "Rings", "Wire", "Limits",
        "Seal",
      ]),
    tests("Fuzz", ["Fuzz", "Seal"]),
  ]
)

// libFuzzer brings the program's `main`, so only `scripts/fuzz` builds it.
if Context.environment["TOLLKEEPER_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "tollkeeper-fuzz", dependencies: ["Fuzz", "Seal"],
      path: "Sources/Programs/tollkeeper-fuzz", swiftSettings: upstream))
}
