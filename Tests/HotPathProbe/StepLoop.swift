import Handfast

/// Messages of 8 bytes with a header of 12, one at a time, of which a profiler counts one step.
struct StepLoop {
    enum Step: String, CaseIterable {
        /// A receive for the message is posted.
        case post
        case send
        /// The receiver's progress brings it.
        case deliver
        /// Both requests give their results.
        case result
        /// Progress of the sender that finds nothing.
        case poll
    }

    private struct State {
        let sender: Connection
        let receiver: Connection
        let near: Endpoint
        let far: Endpoint
        let payload: UnsafeRawBufferPointer
        let header: UnsafeRawBufferPointer
        let room: UnsafeMutableRawBufferPointer
        let headerRoom: UnsafeMutableRawBufferPointer
        var receive: Request
        var send: Request

        mutating func perform(_ step: Step) throws(HandfastError) {
            switch step {
            case .post: receive = try far.receive(into: room, header: headerRoom, from: receiver)
            case .send: send = try sender.send(payload, header: header)
            case .deliver: far.progress()
            case .result:
                _ = try send.result()
                // Else the steps would be counted of no message at all.
                guard try receive.result() != nil else { fatalError("one call of progress brings a message") }
            case .poll: near.progress()
            }
        }
    }

    /// Raw, so that the count has no exclusivity checks of the probe's own.
    private let state: UnsafeMutablePointer<State>

    init(_ stage: Stage) throws {
        let (near, far) = stage.connections[stage.connections.count - 1]
        func memory(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 7)
            return memory
        }
        let (payload, header) = (UnsafeRawBufferPointer(memory(8)), UnsafeRawBufferPointer(memory(12)))
        let (room, headerRoom) = (memory(8), memory(12))
        state = .allocate(capacity: 1)
        state.initialize(
            to: State(
                sender: near, receiver: far, near: stage.near, far: stage.far, payload: payload, header: header,
                room: room, headerRoom: headerRoom,
                receive: try stage.far.receive(into: room, header: headerRoom, from: far),
                send: try near.send(payload, header: header)))
        while try state.pointee.receive.result() == nil { stage.drive() }
        _ = try state.pointee.send.result()
    }

    func run(rounds: Int, counting counted: Step?) throws(HandfastError) {
        let state = state
        let work = Work { if let counted { try? state.pointee.perform(counted) } }
        for _ in 0..<rounds {
            for step in Step.allCases {
                if step == counted { work.run() } else { try state.pointee.perform(step) }
            }
        }
    }
}
