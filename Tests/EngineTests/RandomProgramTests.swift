import Handfast
import SeededRandom
import SharedMemoryTransport
import TCPTransport
import Testing

/// Two to four endpoints that send, receive, cancel and close at random, and a list of what must come of it.
private final class RandomProgram {
    /// One direction of a connection.
    private final class Flow {
        let from: Connection
        let to: Connection
        let (sender, receiver): (Int, Int)
        var sentByteCounts: [Int] = []
        var received: Set<Int> = []
        /// What receives from this connection alone got, with their place in the order of the posts.
        var own: [(post: Int, index: Int)] = []
        var isReceiverClosed = false
        var isSenderClosed = false

        init(from: Connection, _ sender: Int, to: Connection, _ receiver: Int) {
            (self.from, self.sender, self.to, self.receiver) = (from, sender, to, receiver)
        }
    }

    private struct Receive {
        let request: Request
        let room: Payload
        let header: Payload
        let endpoint: Int
        /// Nil for any.
        let flow: Int?
        let hasPredicate: Bool
        let post: Int
    }

    private struct Send {
        let request: Request
        let memory: [Payload]
    }

    private let seed: UInt64
    private var random: SplitMix64
    private let endpoints: [Endpoint]
    private var flows: [Flow] = []
    private var receives: [Receive] = []
    private var sends: [Send] = []
    private var postCount = 0

    init(seed: UInt64, transport: String) throws {
        self.seed = seed
        random = SplitMix64(state: seed)
        let limit = ["4k", "64k", "1m", "64m"].randomElement(using: &random)!
        var endpoints: [Endpoint] = []
        for number in 0..<Int.random(in: 2...4, using: &random) {
            // Shared memory that knows what is sooner, one that says of each other size so, and one whose reads all fail.
            let shared = [SharedMemoryTransport.definition, OddTransport.definition, OddTransport.blindDefinition]
                .randomElement(using: &random)!
            // Each has limits of its own.
            let rendezvous = ["1k", "16k", "messages=100k", "read=1k,channel=100k", "read=2k,channel=1024g", "1024g"]
                .randomElement(using: &random)!
            endpoints.append(
                try Endpoint(
                    name: "e\(number)", transports: [shared, TCPTransport.definition],
                    environment: [
                        "HANDFAST_TRANSPORTS": transport, "HANDFAST_UNEXPECTED_BYTES": limit,
                        "HANDFAST_CLOSE_TIMEOUT_MS": "60000", "HANDFAST_RENDEZVOUS_BYTES": rendezvous,
                    ]))
        }
        self.endpoints = endpoints
        for endpoint in endpoints { try endpoint.listen(on: IPAddress("127.0.0.1")) }
    }

    func run(steps: Int) throws {
        for _ in 0..<3 { try connect() }
        for _ in 0..<steps {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<30: try send()
            case 30..<60: try receive()
            case 60..<65: if let receive = receives.randomElement(using: &random) { receive.request.cancel() }
            case 65..<66: close()
            case 66..<67: if flows.count < 40 { try connect() }
            default: drive()
            }
            try collect()
        }
        try finish()
    }

    private func drive() { for endpoint in endpoints where Bool.random(using: &random) { endpoint.progress() } }

    private func run(_ what: String, until condition: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try !condition() {
            for endpoint in endpoints { endpoint.progress() }
            try #require(ContinuousClock.now < deadline, "seed \(seed): \(what)")
        }
    }

    private func connect() throws {
        let sender = Int.random(in: 0..<endpoints.count, using: &random)
        let receiver = (sender + Int.random(in: 1..<endpoints.count, using: &random)) % endpoints.count
        let near = try endpoints[sender].connect(to: try #require(endpoints[receiver].address))
        var far: Connection?
        try run("a connection comes up") {
            far = far ?? endpoints[receiver].accept()
            return far != nil && near.state != .connecting
        }
        try #require(near.state == .connected, "seed \(seed): \(near.error as Any)")
        flows.append(Flow(from: near, sender, to: far!, receiver))
        flows.append(Flow(from: far!, receiver, to: near, sender))
    }

    private func payload(_ flow: Int, _ index: Int) -> Payload {
        Payload(byteCount: flows[flow].sentByteCounts[index], seed: UInt64(flow) << 32 | UInt64(index))
    }

    private func send() throws {
        let number = Int.random(in: 0..<flows.count, using: &random)
        let flow = flows[number]
        guard !flow.isSenderClosed else { return }
        let most = [1, 3_000, 20_000, 40_000, 300_000].randomElement(using: &random)!
        flow.sentByteCounts.append(Int.random(in: 0..<most, using: &random))
        let header = Payload(byteCount: 16)
        header.mutable.storeBytes(of: number, as: Int.self)
        header.mutable.storeBytes(of: flow.sentByteCounts.count - 1, toByteOffset: 8, as: Int.self)
        let body = payload(number, flow.sentByteCounts.count - 1)
        do {
            sends.append(Send(request: try flow.from.send(body.bytes, header: header.bytes), memory: [body, header]))
        } catch {
            try #require(flow.isReceiverClosed, "seed \(seed): \(error)")
            flow.sentByteCounts.removeLast()
        }
    }

    private func receive() throws {
        let number = Int.random(in: 0..<flows.count, using: &random)
        let flow = flows[number]
        let isFromAny = Bool.random(using: &random)
        guard isFromAny || !flow.isReceiverClosed else { return }
        try post(flow.receiver, isFromAny ? nil : number, hasPredicate: Int.random(in: 0..<4, using: &random) == 0)
    }

    private func post(_ endpoint: Int, _ flow: Int?, hasPredicate: Bool) throws {
        let (room, header) = (Payload(byteCount: 300_000), Payload(byteCount: 16))
        let even: (UnsafeRawBufferPointer, Connection) -> Bool = { header, _ in
            header.loadUnaligned(fromByteOffset: 8, as: Int.self) % 2 == 0
        }
        do {
            let request = try endpoints[endpoint].receive(
                into: room.mutable, header: header.mutable, from: flow.map { flows[$0].to },
                where: hasPredicate ? even : nil)
            receives.append(
                Receive(
                    request: request, room: room, header: header, endpoint: endpoint, flow: flow,
                    hasPredicate: hasPredicate, post: postCount))
            postCount += 1
        } catch { try #require(flows[flow!].isSenderClosed, "seed \(seed): \(error)") }
    }

    private func close() {
        guard let flow = flows.randomElement(using: &random), !flow.isSenderClosed else { return }
        flow.from.close()
        flow.isSenderClosed = true
        flows.first { $0.from == flow.to && $0.to == flow.from }?.isReceiverClosed = true
    }

    private func collect() throws {
        var rest: [Receive] = []
        for receive in receives {
            guard receive.request.isComplete else { rest.append(receive); continue }
            do {
                let completion = try #require(try receive.request.result())
                try check(receive, completion)
            } catch let error as HandfastError {
                let mayEnd = receive.flow.map { flows[$0].isReceiverClosed || flows[$0].isSenderClosed } ?? false
                try #require(error.code == .cancelled || mayEnd, "seed \(seed): \(error)")
            }
        }
        receives = rest
        sends.removeAll { send in
            guard send.request.isComplete else { return false }
            _ = try? send.request.result()
            return true
        }
    }

    private func check(_ receive: Receive, _ completion: Completion) throws {
        let number = receive.header.bytes.load(as: Int.self)
        let index = receive.header.bytes.load(fromByteOffset: 8, as: Int.self)
        let flow = flows[number]
        try #require(receive.flow == nil || receive.flow == number, "seed \(seed)")
        try #require(flow.receiver == receive.endpoint, "seed \(seed)")
        try #require(completion.byteCount == flow.sentByteCounts[index], "seed \(seed)")
        try #require(
            receive.room.starts(with: payload(number, index)), "seed \(seed): message \(index) of \(number) is spoiled")
        try #require(flow.received.insert(index).inserted, "seed \(seed): message \(index) of \(number) came twice")
        guard receive.flow != nil, !receive.hasPredicate else { return }
        // A payload that waited for its receive may be here later than a message that followed it.
        let isInOrder = flow.own.allSatisfy { ($0.post < receive.post) == ($0.index < index) }
        try #require(isInOrder, "seed \(seed): the order of \(number)")
        flow.own.append((receive.post, index))
    }

    /// All that was sent to who still listens must arrive; then everything closes.
    private func finish() throws {
        for receive in receives { receive.request.cancel() }
        try run("all messages arrive") {
            try collect()
            for (number, flow) in flows.enumerated() where !flow.isReceiverClosed {
                let isWaitedFor = receives.contains { $0.flow == number }
                if flow.received.count < flow.sentByteCounts.count, !isWaitedFor {
                    try post(flow.receiver, number, hasPredicate: false)
                }
            }
            return flows.allSatisfy { $0.isReceiverClosed || $0.received.count == $0.sentByteCounts.count }
        }
        for flow in flows { (flow.isSenderClosed, flow.isReceiverClosed) = (true, true) }
        for endpoint in endpoints { endpoint.close() }
        try run("all endpoints close") { endpoints.allSatisfy(\.isClosed) }
        try collect()
        try #require(sends.isEmpty, "seed \(seed): a send never ended")
        try #require(receives.allSatisfy { $0.flow == nil }, "seed \(seed): a receive never ended")
    }
}

@Suite struct `Programs at random` {
    @Test(arguments: transports, Array(1...12) as [UInt64])
    func `lose nothing and end`(transport: String, seed: UInt64) throws {
        try RandomProgram(seed: seed, transport: transport).run(steps: 1_500)
    }
}
