import Foundation
import Handfast
import Testing
import VerbsPeer

extension `Over verbs in the virtual machine` {
    /// Both endpoints are of this process, so that its figures have both ends.
    @Suite(.serialized) struct `what connections cost` {
        /// VERBS_ROUNDS is how many connections come and go, 100 unless it says.
        private static let rounds = ProcessInfo.processInfo.environment["VERBS_ROUNDS"].flatMap { Int($0) } ?? 100

        @Test func `is given back: many that come and go leave nothing behind`() throws {
            let (near, far) = (try makeEndpoint("near"), try makeEndpoint("far"))
            try far.listen(on: IPAddress(Guest.far))
            let idle = try Guest.resources()["qp"] ?? 0
            for _ in 0..<10 { try connectAndClose(near, far) }
            let before = try Figures(near, far, idleQueuePairs: idle)
            for _ in 10..<Self.rounds { try connectAndClose(near, far) }
            let after = try Figures(near, far, idleQueuePairs: idle)
            print("\(Self.rounds) rounds: \(before.rows) before, \(after.rows) after")
            // Each row by itself; some of the first rounds may still have been on their way out.
            for (row, count) in after.rows { #expect(count <= before.rows[row] ?? 0, "\(row)") }
        }

        @Test func `is at most 8 KiB pinned for each idle peer`() throws {
            let (near, far) = (try makeEndpoint("near"), try makeEndpoint("far"))
            try far.listen(on: IPAddress(Guest.far))
            var connections: [Connection] = []
            func add(_ count: Int) throws -> Int {
                for _ in 0..<count {
                    let connection = try near.connect(to: far.address!)
                    connections.append(connection)
                    try run(near, far) { connection.state == .connected }
                }
                return try Guest.memory("VmPin")
            }
            _ = try add(16)
            let before = try Guest.memory("VmPin")
            let count = 64
            let pinned = try add(count) - before
            // Two ends of each. Memory is pinned by 256 KiB, of which each device may have begun one.
            print("\(count) connections: \(pinned) KiB pinned, \(Double(pinned) / Double(2 * count)) KiB for each end")
            #expect(pinned > 0)
            #expect(pinned <= 8 * 2 * count + 2 * 256)
            for connection in connections { connection.close() }
        }

        private struct Figures {
            let rows: [String: Int]

            /// Once everything that was closed is gone.
            init(_ near: Endpoint, _ far: Endpoint, idleQueuePairs: Int) throws {
                let deadline = ContinuousClock.now + .seconds(5)
                var resources = try Guest.resources()
                while resources["qp"] ?? 0 > idleQueuePairs, ContinuousClock.now < deadline {
                    near.progress()
                    far.progress()
                    resources = try Guest.resources()
                }
                rows = [
                    "queue pairs": resources["qp"] ?? 0, "regions": resources["mr"] ?? 0,
                    "descriptors": try Guest.descriptorCount(), "KiB pinned": try Guest.memory("VmPin"),
                    "KiB locked": try Guest.memory("VmLck"),
                ]
            }
        }

        private func connectAndClose(_ near: Endpoint, _ far: Endpoint) throws {
            let connection = try near.connect(to: far.address!)
            var accepted: Connection?
            try run(near, far) {
                accepted = accepted ?? far.accept()
                return connection.state != .connecting && accepted != nil
            }
            try #require(connection.transport == "verbs", "\(connection.decisions)")
            connection.close()
            accepted?.close()
            try run(near, far) { connection.state == .closed && accepted?.state == .closed }
        }

        private func run(_ near: Endpoint, _ far: Endpoint, until condition: () -> Bool) throws {
            let deadline = ContinuousClock.now + .seconds(20)
            while !condition() {
                near.progress()
                far.progress()
                try #require(ContinuousClock.now < deadline)
            }
        }
    }
}
