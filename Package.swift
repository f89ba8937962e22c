// swift-tools-version: 6.3
import PackageDescription

/// For every Swift target: explicit imports, and no warning left standing.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

/// For targets that have no business with pointers.
let pure = house + [.strictMemorySafety()]

let package = Package(
    name: "handfast",
    products: [
        .library(name: "Precon", targets: ["Precon"]),
        .library(name: "Handfast", targets: ["Handfast", "DefaultTransports"]),
        .library(name: "HandfastC", type: .static, targets: ["HandfastC"]),
        .library(name: "HandfastGroups", targets: ["HandfastGroups"]),
        .library(name: "TransportAPI", targets: ["TransportAPI", "CHandfast"]),
        .executable(name: "handfast", targets: ["HandfastTool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", .upToNextMinor(from: "0.2.0")),
    ],
    targets: [
        .target(name: "Precon", swiftSettings: pure),
        .target(name: "SeededRandom", swiftSettings: pure),
        .target(name: "CHandfast"),
        .target(name: "CSystem"),
        .target(name: "CVerbs"),
        .target(name: "TransportAPI", dependencies: ["CHandfast"], swiftSettings: house),
        .target(name: "TransportPlugins", dependencies: ["TransportAPI", "CHandfast"], swiftSettings: house),
        .testTarget(
            name: "TransportPluginsTests",
            dependencies: ["TransportPlugins", "DefaultTransports", "Handfast", "TransportAPI", "CHandfast"],
            swiftSettings: house),
        .target(
            name: "TCPTransport", dependencies: ["TransportAPI", "CHandfast", "CSystem"], path: "Plugins/TCPTransport",
            swiftSettings: pure),
        .target(
            name: "LoopbackTransport", dependencies: ["TransportAPI", "CHandfast"], path: "Plugins/LoopbackTransport",
            swiftSettings: pure),
        .target(
            name: "SharedMemoryTransport", dependencies: ["TransportAPI", "CHandfast", "CSystem"],
            path: "Plugins/SharedMemoryTransport", swiftSettings: pure),
        .target(
            name: "VerbsTransport", dependencies: ["TransportAPI", "CHandfast", "CSystem", "CVerbs"],
            path: "Plugins/VerbsTransport", swiftSettings: pure),
        .target(
            name: "Handfast",
            dependencies: [
                "Precon", "TransportAPI", "CHandfast", "CSystem", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: house),
        .target(
            name: "TransportTesting", dependencies: ["TransportAPI", "CHandfast", "Precon", "SeededRandom"],
            swiftSettings: house),
        .executableTarget(
            name: "TransportPeer",
            dependencies: [
                "TransportTesting", "TCPTransport", "LoopbackTransport", "SharedMemoryTransport", "VerbsTransport",
                "TransportPlugins", "TransportAPI",
            ], path: "Tests/TransportPeer", swiftSettings: house),
        .testTarget(
            name: "ConformanceTests", dependencies: ["TransportTesting", "TransportPeer"], swiftSettings: house),
        .target(
            name: "DefaultTransports",
            dependencies: [
                "Handfast", "TransportAPI", "LoopbackTransport", "SharedMemoryTransport", "TCPTransport",
                "VerbsTransport", "TransportPlugins", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: pure),
        .target(
            name: "HandfastC",
            dependencies: [
                "Handfast", "DefaultTransports", "TransportAPI", "CHandfast", "CSystem",
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: house),
        .target(name: "HandfastGroups", dependencies: ["Handfast"], swiftSettings: house),
        .executableTarget(
            name: "GroupPeer", dependencies: ["HandfastGroups", "Handfast", "DefaultTransports"],
            path: "Tests/GroupPeer", swiftSettings: house),
        .testTarget(
            name: "GroupTests",
            dependencies: [
                "HandfastGroups", "Handfast", "GroupPeer", "TCPTransport", "SharedMemoryTransport", "TransportAPI",
            ], swiftSettings: house),
        .target(name: "CBench", path: "Benchmarks/CBench"),
        .executableTarget(
            name: "HandfastTool",
            dependencies: [
                "Handfast", "DefaultTransports", "TransportAPI", "CHandfast", "CBench",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ], path: "Benchmarks/HandfastTool", swiftSettings: house),
        .testTarget(name: "ToolTests", dependencies: ["HandfastTool"], swiftSettings: house),
        .testTarget(
            name: "HandfastTests",
            dependencies: ["Handfast", "Precon", "TransportAPI", "SeededRandom", "LoopbackTransport"],
            swiftSettings: house),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "Handfast", "Precon", "TransportAPI", "CHandfast", "TCPTransport", "SharedMemoryTransport",
                "LoopbackTransport", "SeededRandom", "MatchingReference",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: house),
        .target(
            name: "MatchingReference", dependencies: ["Handfast"], path: "Tests/MatchingReference",
            swiftSettings: house),
        .executableTarget(
            name: "MatchingPeer", dependencies: ["Handfast", "DefaultTransports", "MatchingReference"],
            path: "Tests/MatchingPeer", swiftSettings: house),
        .testTarget(
            name: "MatchingProcessTests",
            dependencies: ["MatchingPeer", "MatchingReference", "Handfast", "DefaultTransports", "SeededRandom"],
            swiftSettings: house),
        .testTarget(name: "TransportAPITests", dependencies: ["TransportAPI", "SeededRandom"], swiftSettings: house),
        .testTarget(
            name: "TCPTransportTests", dependencies: ["TCPTransport", "TransportAPI", "CHandfast"],
            swiftSettings: house),
        .testTarget(
            name: "LoopbackTransportTests", dependencies: ["LoopbackTransport", "TransportAPI"], swiftSettings: house),
        .testTarget(name: "IWARPTests", dependencies: ["VerbsTransport", "TransportAPI"], swiftSettings: house),
        .executableTarget(
            name: "VerbsPeer", dependencies: ["Handfast", "DefaultTransports", "MatchingReference"],
            path: "Tests/VerbsPeer", swiftSettings: house),
        .testTarget(
            name: "VerbsMachineTests",
            dependencies: [
                "VerbsPeer", "VerbsTransport", "Handfast", "DefaultTransports", "TransportAPI", "CHandfast", "CVerbs",
                "MatchingReference", "SeededRandom",
            ], swiftSettings: house),
        .testTarget(
            name: "VerbsTransportTests",
            dependencies: ["VerbsTransport", "TransportAPI", "CHandfast", "CVerbs", "SeededRandom"],
            swiftSettings: house),
        .testTarget(name: "ArchitectureTests", swiftSettings: house),
        .testTarget(name: "VirtualMachineTests", swiftSettings: house),
        .target(name: "CallCounters", path: "Tests/CallCounters"),
        .executableTarget(
            name: "HotPathProbe",
            dependencies: ["CallCounters", "Handfast", "TCPTransport", "LoopbackTransport", "SharedMemoryTransport"],
            path: "Tests/HotPathProbe", swiftSettings: house),
        .executableTarget(
            name: "OnDemandPeer", dependencies: ["Handfast", "DefaultTransports", "TransportAPI"],
            path: "Tests/OnDemandPeer",
            swiftSettings: house),
        .testTarget(
            name: "OnDemandProcessTests", dependencies: ["OnDemandPeer", "Precon"], swiftSettings: house),
        .testTarget(name: "HotPathTests", dependencies: ["HotPathProbe"], swiftSettings: house),
        .executableTarget(
            name: "Embedding", dependencies: ["Handfast", "DefaultTransports"],
            path: "Examples/Embedding", swiftSettings: [.treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "Tasks", dependencies: ["Handfast", "DefaultTransports"],
            path: "Examples/Tasks", swiftSettings: [.treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "Exchange", dependencies: ["Handfast", "HandfastGroups", "DefaultTransports"],
            path: "Examples/Exchange", swiftSettings: [.treatAllWarnings(as: .error)]),
        .testTarget(
            name: "ReadmeTests",
            dependencies: ["Handfast", "DefaultTransports", "Embedding", "Exchange", "Tasks"],
            swiftSettings: house),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "Handfast", "Precon", "TransportAPI", "CHandfast", "TCPTransport", "LoopbackTransport",
                "SharedMemoryTransport", "SeededRandom",
            ], swiftSettings: house),
        .testTarget(
            name: "SimulationTests", dependencies: ["TransportTesting", "Precon", "Handfast"], swiftSettings: house),
        .testTarget(name: "PreconTests", dependencies: ["Precon", "SeededRandom"], swiftSettings: house),
        .testTarget(
            name: "SharedMemoryTransportTests",
            dependencies: ["SharedMemoryTransport", "TransportAPI", "CHandfast", "CSystem", "SeededRandom"],
            swiftSettings: house),
    ]
)
