import Foundation
import Testing

/// Measurements as `--format json` writes them.
struct JSONLines {
    static let keys: Set = [
        "transport", "test", "bytes", "iterations", "p50_us", "p99_us", "max_us", "mean_us", "mb_per_s",
        "messages_per_s",
    ]

    let objects: [[String: Any]]

    init(_ text: String) throws {
        objects = try text.split(separator: "\n").map { line in
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(value as? [String: Any])
        }
    }

    var transports: Set<String> { Set(objects.compactMap { $0["transport"] as? String }) }
}
