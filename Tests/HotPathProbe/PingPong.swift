import Handfast

/// A message of 8 bytes there and one back, each into a receive that waits for it.
struct PingPong {
    private let stage: Stage
    private let near: Connection
    private let far: Connection
    private let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    private let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 12, alignment: 8)
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    private let headerRoom = UnsafeMutableRawBufferPointer.allocate(byteCount: 12, alignment: 8)

    init(_ stage: Stage) {
        self.stage = stage
        (near, far) = stage.connections[stage.connections.count - 1]
        payload.initializeMemory(as: UInt8.self, repeating: 7)
        header.initializeMemory(as: UInt8.self, repeating: 9)
    }

    // Hot path.
    /// Half of the rounds as a program that waits, half as one that polls; half with a user header, half without.
    func run(rounds: Int) throws(HandfastError) {
        for round in 0..<rounds {
            let header = UnsafeRawBufferPointer(rebasing: header[..<(round & 2 == 0 ? 12 : 0)])
            try one(from: near, to: far, at: stage.far, header, waits: round & 1 == 0)
            try one(from: far, to: near, at: stage.near, header, waits: round & 1 == 0)
        }
    }

    // Hot path.
    private func one(
        from sender: Connection, to receiver: Connection, at endpoint: Endpoint, _ header: UnsafeRawBufferPointer,
        waits: Bool
    ) throws(HandfastError) {
        let receive = try endpoint.receive(into: room, header: headerRoom, from: receiver)
        let send = try sender.send(UnsafeRawBufferPointer(payload), header: header)
        let completion: Completion
        if waits {
            completion = try endpoint.wait(for: receive, timeout: .seconds(10))
        } else {
            while !receive.isComplete { stage.drive() }
            completion = try receive.result()!
        }
        while !send.isComplete { stage.drive() }
        _ = try send.result()
        precondition(completion.byteCount == 8 && completion.headerByteCount == header.count)
    }
}
