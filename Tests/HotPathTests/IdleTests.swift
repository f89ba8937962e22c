import Testing

@Suite(.serialized) struct `A poll that finds nothing` {
    @Test(arguments: ["shm", "tcp"])
    func `takes as many instructions with 200 connections as with one`(over transport: String) throws {
        #if DEBUG
            return print("skipped: only `swift test -c release` makes the code whose instructions matter")
        #else
            try compare(transport)
        #endif
    }

    private func compare(_ transport: String) throws {
        guard let counter = try InstructionCounter() else {
            return print("skipped: it needs valgrind, and strip of binutils")
        }
        let counts = try [1, 200].map { connectionCount in
            try counter.count([transport, "--idle", "\(connectionCount)", "\(Self.pollCount)"])
        }
        print("\(transport): \(counts.map { $0 / Self.pollCount }) instructions a poll with 1 and 200 connections")
        #expect(counts[0] > Self.pollCount, "nothing was counted")
        #expect(counts[1] <= counts[0] + counts[0] / 50)
    }

    private static let pollCount = 10_000
}
