import Foundation
import Testing

/// A process that is one member; it ends with its last reference.
private final class MemberProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var bytes = Data()

    init(rank: Int, roundCount: Int) throws {
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: "GroupPeer")
        process.arguments = ["\(rank)", "\(roundCount)"]
        process.environment = [
            "HANDFAST_SPIN_US": "0", "HANDFAST_HANDSHAKE_TIMEOUT_MS": "30000", "HANDFAST_CONNECT_TIMEOUT_MS": "30000",
            "HANDFAST_CONNECT_DEADLINE_MS": "60000",
        ]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit { if process.isRunning { process.terminate() } }

    func tell(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    func line() throws -> [String] {
        while true {
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                defer { bytes.removeSubrange(...end) }
                return String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ").map(String.init)
            }
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "the process has ended")
            bytes += more
        }
    }

    /// After all have been told to leave, because each waits for the goodbyes of the others.
    func exitCode() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }
}

@Suite(.serialized) struct `A group of processes` {
    /// As many as a node has, when they have the machine for themselves: GROUP_PROCESSES=64.
    private static let counts =
        [2, 8] + (ProcessInfo.processInfo.environment["GROUP_PROCESSES"].flatMap(Int.init).map { [$0] } ?? [])

    @Test(.timeLimit(.minutes(3)), arguments: counts)
    func `leaves a barrier when all have entered it, and has what each root broadcasts`(count: Int) throws {
        let roundCount = 10
        let members = try (0..<count).map { try MemberProcess(rank: $0, roundCount: roundCount) }
        let addresses = try members.map { try $0.line() }
        for address in addresses { try #require(address.first == "address", "\(address)") }
        let list = addresses.map { $0[1] + "\n" }.joined() + "\n"
        for member in members { try member.tell(list) }
        var entered = [[UInt64]](repeating: [], count: roundCount)
        var left = entered
        for member in members {
            for round in 0..<roundCount {
                let words = try member.line()
                try #require(words.first == "barrier", "\(words)")
                entered[round].append(try #require(UInt64(words[1])))
                left[round].append(try #require(UInt64(words[2])))
            }
            #expect(try member.line() == ["end"])
        }
        for round in 0..<roundCount {
            let (last, first) = (try #require(entered[round].max()), try #require(left[round].min()))
            #expect(last <= first, "round \(round): one left before another came")
        }
        for member in members { try member.tell("leave\n") }
        for member in members { #expect(member.exitCode() == 0) }
    }
}
