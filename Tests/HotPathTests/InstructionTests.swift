import Testing

/// A message of 8 bytes, step by step, against counts that are stored here. They hold for one compiler; a change for the
/// better is stored, so that it cannot get lost.
@Suite(.serialized) struct `A message takes no more instructions than it did` {
    private static let steps = ["post", "send", "deliver", "result", "poll"]
    /// Of Swift 6.3 on x86-64: those of the library and of the probe around it, which takes 145.
    private static let stored: [String: [Int]] = [
        "shm": [309, 447, 585, 242, 299],
        "tcp": [309, 565, 580, 242, 377],
        "loopback": [309, 532, 622, 242, 185],
    ]
    private static let messageCount = 1_000

    @Test(arguments: ["shm", "tcp", "loopback"]) func `in each step`(over transport: String) throws {
        #if DEBUG
            return print("skipped: only `swift test -c release` makes the code whose instructions matter")
        #elseif compiler(>=6.3) && compiler(<6.4) && arch(x86_64)
            try compare(transport)
        #else
            return print("skipped: the counts are those of Swift 6.3 on x86-64")
        #endif
    }

    private func compare(_ transport: String) throws {
        guard let counter = try InstructionCounter() else {
            return print("skipped: it needs valgrind, and strip of binutils")
        }
        let stored = try #require(Self.stored[transport])
        for (step, limit) in zip(Self.steps, stored) {
            let count = try counter.count([transport, "--step", step, "\(Self.messageCount)"]) / Self.messageCount
            print("\(transport), \(step): \(count) instructions, stored are \(limit)")
            #expect(
                count * 100 <= limit * 105,
                "\(step) over \(transport) takes \(count) instructions, more than 5 % above the \(limit) that are stored"
            )
            #expect(
                count * 100 >= limit * 95,
                "\(step) over \(transport) takes \(count) instructions in place of \(limit): store that number")
        }
    }
}
