import Handfast

/// A tagged message of 8 bytes there and one back, each into a receive for its tag that waits behind others.
struct TagPingPong {
    private let stage: Stage
    private let near: Connection
    private let far: Connection
    private let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)

    init(_ stage: Stage) throws(HandfastError) {
        self.stage = stage
        (near, far) = stage.connections[stage.connections.count - 1]
        payload.initializeMemory(as: UInt8.self, repeating: 7)
        // They wait for ever, ahead of all others.
        for endpoint in [stage.near, stage.far] { _ = try endpoint.receive(into: room, tag: .max) }
    }

    // Hot path.
    /// Half of the rounds with receives from one connection, half from any; half with a mask, half without.
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
        let source = round & 1 == 0 ? receiver : nil
        let receive = try endpoint.receive(into: room, from: source, tag: tag, mask: round & 2 == 0 ? .max : 0xffff)
        let send = try sender.send(UnsafeRawBufferPointer(payload), tag: tag)
        while !receive.isComplete { stage.drive() }
        let completion = try receive.result()!
        while !send.isComplete { stage.drive() }
        _ = try send.result()
        precondition(completion.byteCount == 8 && completion.headerByteCount == 8)
    }
}
