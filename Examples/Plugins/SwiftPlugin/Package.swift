// swift-tools-version: 6.2
import PackageDescription

/// A transport from outside: `swift build -c release --package-path Examples/Plugins/SwiftPlugin` makes libStreamPlugin.so.
let package = Package(
    name: "stream-plugin",
    products: [.library(name: "StreamPlugin", type: .dynamic, targets: ["StreamPlugin"])],
    dependencies: [.package(name: "handfast", path: "../../..")],
    targets: [
        .target(name: "CEpoll"),
        .target(
            name: "StreamPlugin", dependencies: ["CEpoll", .product(name: "TransportAPI", package: "handfast")],
            swiftSettings: [
                .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("ExistentialAny"), .treatAllWarnings(as: .error),
            ]),
    ]
)
