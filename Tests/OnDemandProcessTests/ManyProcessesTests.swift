import Foundation
import Glibc
import Testing

/// As a runtime uses it: every process knows all others by name, and all begin to talk at once.
@Suite(.serialized) struct `Many processes on demand` {
    private static let roundCount = 10
    private static let count = ProcessInfo.processInfo.environment["ON_DEMAND_PROCESSES"].flatMap(Int.init) ?? 8
    private let environment = ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "20000", "HANDFAST_CONNECT_TIMEOUT_MS": "20000"]

    @Test(.timeLimit(.minutes(5)))
    func `all send to all ten times over, while one is killed and restarted under its old name`() throws {
        let count = Self.count
        let names = (0..<count).map { "rank\($0)" }
        var processes = try names.map { try DemandingProcess($0, environment) }
        for process in processes { try process.readAddress() }
        for process in processes { expect(process, processes) }
        for process in processes { try process.answered() }

        var counts = Counts()
        var descriptorLimit = 0
        var restarted: String?
        for round in 1...Self.roundCount {
            if round == Self.roundCount / 2 {
                try killDuringRound(&processes, victim: count / 3, &counts)
                restarted = names[count / 3]
            } else {
                let sent = try send(processes)
                let reports = try settled(processes, "round \(round)") { report, name in
                    processes.allSatisfy {
                        $0.name == name || report.lastReceived[$0.process] == sent[$0.process]?[name]
                    }
                }
                // What came to the restarted one in the round of the kill is known from here on.
                for (process, report) in zip(processes, reports) where process.name != restarted {
                    let isComplete = names.allSatisfy {
                        $0 == process.name || report.receivedCount(from: $0) == counts[process.name, $0] + 1
                    }
                    #expect(isComplete, "\(process.name), round \(round): \(report.received)")
                }
                restarted = nil
                for (process, report) in zip(processes, reports) {
                    #expect(report.faults == [], "\(process.name), round \(round)")
                    #expect(report.errors.count == counts.errorCounts[process.name, default: 0], "\(report.errors)")
                }
                counts = Counts(processes, reports)
                let most = reports.map(\.descriptorCount).max() ?? 0
                if round == 1 { descriptorLimit = most + 16 }
                #expect(most <= descriptorLimit, "round \(round)")
            }
        }
        for process in processes { #expect(try process.finish() == 0, "\(process.name)") }
        for process in processes {
            #expect(kill(process.process, 0) == -1 && errno == ESRCH, "\(process.name) still runs")
        }
    }

    /// How many messages of whom have come, and how many requests have failed.
    private struct Counts {
        private var received: [String: [String: Int]] = [:]
        var errorCounts: [String: Int] = [:]

        init() {}

        init(_ processes: [DemandingProcess], _ reports: [DemandingProcess.Report]) {
            for (process, report) in zip(processes, reports) {
                received[process.name] = report.received.mapValues { $0.values.reduce(0, +) }
                errorCounts[process.name] = report.errors.count
            }
        }

        subscript(receiver: String, sender: String) -> Int { received[receiver]?[sender] ?? 0 }
    }

    private func expect(_ process: DemandingProcess, _ others: [DemandingProcess]) {
        process.begin("expect " + others.filter { $0 !== process }.map(\.address).joined(separator: " "))
    }

    /// One message of each to each, all begun within a moment.
    /// - Returns: their numbers, by the sender's process and the receiver's name.
    private func send(_ processes: [DemandingProcess]) throws -> [pid_t: [String: Int]] {
        for process in processes { process.begin("send all 1") }
        for process in processes { try process.answered() }
        return Dictionary(
            uniqueKeysWithValues: try processes.map { ($0.process, try $0.report().lastSent) })
    }

    /// The reports of all, when nothing is under way any more and each fulfils a condition.
    private func settled(
        _ processes: [DemandingProcess], _ what: Comment, _ condition: (DemandingProcess.Report, String) -> Bool
    ) throws -> [DemandingProcess.Report] {
        try processes.map { process in
            try process.poll(what, within: .seconds(60)) { $0.pendingCount == 0 && condition($0, process.name) }
        }
    }

    /// Whom the killed one has reached, and who has reached it, nobody can say; all others notice nothing.
    private func killDuringRound(_ processes: inout [DemandingProcess], victim: Int, _ counts: inout Counts) throws {
        let killed = processes[victim]
        for process in processes { process.begin("send all 1") }
        killed.kill()
        let others = processes.filter { $0 !== killed }
        for process in others { try process.answered() }
        let again = try DemandingProcess(killed.name, port: killed.port, environment)
        try again.readAddress()
        processes[victim] = again
        expect(again, processes)
        try again.answered()
        let before = counts
        let reports = try settled(processes, "the round of the kill") { report, name in
            name == again.name
                || others.allSatisfy {
                    $0.name == name || report.receivedCount(from: $0.name) == before[name, $0.name] + 1
                }
        }
        for (process, report) in zip(processes, reports) {
            #expect(report.faults == [], "\(process.name), the round of the kill")
            #expect(report.errors.allSatisfy { $0.peer == again.name }, "\(process.name): \(report.errors)")
        }
        counts = Counts(processes, reports)
    }
}
