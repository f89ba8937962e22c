import Handfast

/// A message of 8 to 4,096 bytes there and one back, each there before anybody asks for it: probed and then received, or
/// taken and then received.
struct UnexpectedLoop {
    private let stage: Stage
    private let near: Connection
    private let far: Connection
    private let isTaken: Bool
    private let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 8)
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 8)

    init(_ stage: Stage, isTaken: Bool) {
        self.stage = stage
        self.isTaken = isTaken
        (near, far) = stage.connections[stage.connections.count - 1]
        payload.initializeMemory(as: UInt8.self, repeating: 7)
    }

    // Hot path.
    func run(rounds: Int) throws(HandfastError) {
        for round in 0..<rounds {
            try one(from: near, to: far, at: stage.far, round)
            try one(from: far, to: near, at: stage.near, round)
        }
    }

    // Hot path.
    private func one(
        from sender: Connection, to receiver: Connection, at endpoint: Endpoint, _ round: Int
    ) throws(HandfastError) {
        let tag = UInt64(round)
        let byteCount = 8 << (round % 10)
        let send = try sender.send(UnsafeRawBufferPointer(rebasing: payload[..<byteCount]), tag: tag)
        let receive: Request
        if isTaken {
            var message: Message?
            while message == nil {
                stage.drive()
                message = try endpoint.takeMessage(from: receiver, tag: tag)
            }
            receive = try message!.receive(into: room)
        } else {
            while try endpoint.probe(from: receiver, tag: tag) == nil { stage.drive() }
            receive = try endpoint.receive(into: room, from: receiver, tag: tag)
        }
        while !receive.isComplete || !send.isComplete { stage.drive() }
        let completion = try receive.result()!
        _ = try send.result()
        precondition(completion.byteCount == byteCount && completion.headerByteCount == 8)
    }
}
