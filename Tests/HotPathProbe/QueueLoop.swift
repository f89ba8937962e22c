import Handfast

/// Messages of 8 bytes there and back whose results all go by completion queues, as in a runtime's own loop. Every
/// other one is sent in pieces, and every fourth by copy, which no result tells of.
struct QueueLoop {
    private let stage: Stage
    private let near: Connection
    private let far: Connection
    private let nearQueue: CompletionQueue
    private let farQueue: CompletionQueue
    private let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    private let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    private let headerRoom = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    private let pieces = UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.allocate(capacity: 2)
    private let entries = UnsafeMutableBufferPointer<CompletionEntry>.allocate(capacity: 8)

    init(_ stage: Stage) throws {
        self.stage = stage
        (near, far) = stage.connections[stage.connections.count - 1]
        (nearQueue, farQueue) = (try stage.near.makeCompletionQueue(), try stage.far.makeCompletionQueue())
        payload.initializeMemory(as: UInt8.self, repeating: 7)
        header.initializeMemory(as: UInt8.self, repeating: 9)
        for index in 0..<2 {
            let piece = UnsafeRawBufferPointer(rebasing: payload[(4 * index)..<(4 * index + 4)])
            (pieces.baseAddress! + index).initialize(to: piece)
        }
        entries.initialize(repeating: CompletionEntry())
    }

    // Hot path.
    func run(rounds: Int) throws(HandfastError) {
        for round in 0..<rounds {
            try one(from: near, nearQueue, to: far, farQueue, at: stage.far, round)
            try one(from: far, farQueue, to: near, nearQueue, at: stage.near, round)
        }
    }

    // Hot path.
    private func one(
        from sender: Connection, _ sent: CompletionQueue, to receiver: Connection, _ received: CompletionQueue,
        at endpoint: Endpoint, _ round: Int
    ) throws(HandfastError) {
        let header = UnsafeRawBufferPointer(self.header)
        try endpoint.receive(
            into: room, header: headerRoom, from: receiver, to: received, context: UInt64(2 * round))
        var expected: UInt64 = 1
        switch round % 4 {
        case 0, 2:
            try sender.send(UnsafeRawBufferPointer(payload), header: header, to: sent, context: UInt64(2 * round + 1))
            expected += 1
        case 1:
            let list = UnsafeBufferPointer(pieces)
            try sent.add(try sender.send(pieces: list, header: header), context: UInt64(2 * round + 1))
            expected += 1
        default: try sender.sendCopy(UnsafeRawBufferPointer(payload), header: header)
        }
        while expected > 0 {
            stage.drive()
            expected -= try take(from: sent, round) + take(from: received, round)
        }
    }

    // Hot path.
    private func take(from queue: CompletionQueue, _ round: Int) throws(HandfastError) -> UInt64 {
        let count = queue.poll(into: entries)
        for index in 0..<count {
            if let error = entries[index].error { throw error }
            precondition(entries[index].context / 2 == UInt64(round) && entries[index].completion.byteCount == 8)
        }
        return UInt64(count)
    }
}
