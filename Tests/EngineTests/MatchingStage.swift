import Handfast
import LoopbackTransport
import MatchingReference
import SharedMemoryTransport
import TCPTransport
import TransportAPI

/// What a random program of matching plays on: one or two endpoints driven in turn, and the directions of their
/// connections, each of which is a source of messages at one endpoint.
final class MatchingStage {
    struct Flow {
        let sender: Connection
        let receiver: Connection
        /// The endpoint that receives.
        let domain: Int
    }

    let endpoints: [Endpoint]
    private(set) var flows: [Flow] = []
    private var memory: [UnsafeMutableRawBufferPointer] = []
    private var everything: [UnsafeMutableRawBufferPointer] = []

    static let maximumByteCount = MatchingContent.maximumByteCount

    init(_ transport: String, connectionCount: Int, unexpectedBytes: String) throws {
        let definitions = [
            "shm": SharedMemoryTransport.definition, "tcp": TCPTransport.definition,
            "loopback": LoopbackTransport.definition,
        ]
        let used = definitions[transport].map { [$0] } ?? []
        let environment = ["HANDFAST_UNEXPECTED_BYTES": unexpectedBytes, "HANDFAST_RENDEZVOUS_BYTES": "4k"]
        endpoints = try (transport == "loopback" ? ["both"] : ["near", "far"]).map {
            try Endpoint(name: $0, transports: used, environment: environment)
        }
        let far = endpoints.count - 1
        let address = try endpoints[far].listen(on: IPAddress("127.0.0.1"))
        for _ in 0..<connectionCount {
            let near = try endpoints[0].connect(to: address)
            var accepted: Connection?
            try run("a connection comes up") {
                accepted = accepted ?? endpoints[far].accept()
                return accepted != nil && near.state != .connecting
            }
            guard let accepted, near.state == .connected else {
                throw near.error ?? MatchingFailure("no connection")
            }
            flows.append(Flow(sender: near, receiver: accepted, domain: far))
            flows.append(Flow(sender: accepted, receiver: near, domain: 0))
        }
    }

    deinit { for block in everything { block.deallocate() } }

    var domains: Range<Int> { endpoints.indices }

    func sources(of domain: Int) -> [Int] { flows.indices.filter { flows[$0].domain == domain } }

    func drive() { for endpoint in endpoints { endpoint.progress() } }

    func run(_ what: @autoclosure () -> String, until condition: () throws -> Bool) throws {
        guard try !condition() else { return }
        var rounds = 0
        var deadline: ContinuousClock.Instant?
        while true {
            drive()
            if try condition() { return }
            rounds += 1
            guard rounds % 1_024 == 0 else { continue }
            let now = ContinuousClock.now
            if let deadline, deadline < now { throw MatchingFailure("not within ten seconds: \(what())") }
            deadline = deadline ?? now + .seconds(10)
        }
    }

    func check(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        if !isRight { throw MatchingFailure(what()) }
    }

    func close() throws {
        for endpoint in endpoints { endpoint.close() }
        try run("all endpoints close") { endpoints.allSatisfy(\.isClosed) }
    }

    // MARK: Memory, used again and again

    func takeMemory() -> UnsafeMutableRawBufferPointer {
        if let block = memory.popLast() { return block }
        let block = MatchingContent.allocate()
        everything.append(block)
        return block
    }

    func giveBack(_ block: UnsafeMutableRawBufferPointer) { memory.append(block) }

    // MARK: Operations

    func send(_ message: MatchingModel.Message, from block: UnsafeMutableRawBufferPointer) throws -> Request {
        MatchingContent.write(message, into: block)
        return try flows[message.source].sender.send(
            UnsafeRawBufferPointer(MatchingContent.room(block, byteCount: message.byteCount)),
            header: UnsafeRawBufferPointer(MatchingContent.header(block)))
    }

    func header(_ block: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        MatchingContent.header(block)
    }

    func room(_ block: UnsafeMutableRawBufferPointer, byteCount: Int) -> UnsafeMutableRawBufferPointer {
        MatchingContent.room(block, byteCount: byteCount)
    }

    func post(
        _ criterion: Criterion, at domain: Int, into block: UnsafeMutableRawBufferPointer, room byteCount: Int
    ) throws -> Request {
        try endpoints[domain].post(criterion, from: source(criterion), into: block, room: byteCount)
    }

    func probe(
        _ criterion: Criterion, at domain: Int, into block: UnsafeMutableRawBufferPointer
    ) throws -> MessageInfo? {
        try endpoints[domain].probe(criterion, from: source(criterion), into: block)
    }

    func take(_ criterion: Criterion, at domain: Int) throws -> Message? {
        try endpoints[domain].take(criterion, from: source(criterion))
    }

    private func source(_ criterion: Criterion) -> Connection? { criterion.source.map { flows[$0].receiver } }

    /// A request that is complete must have received this message.
    func check(
        _ request: Request, _ block: UnsafeMutableRawBufferPointer, room: Int, is message: MatchingModel.Message
    ) throws {
        try request.check(block, room: room, is: message, from: flows[message.source].receiver)
    }
}
