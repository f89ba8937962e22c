import Handfast
import LoopbackTransport
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

    struct Failure: Error, CustomStringConvertible { let description: String }

    let endpoints: [Endpoint]
    private(set) var flows: [Flow] = []
    private var memory: [UnsafeMutableRawBufferPointer] = []
    private var everything: [UnsafeMutableRawBufferPointer] = []

    /// A message's user header: tag and number; the payload follows in the same memory.
    static let headerByteCount = 16
    static let maximumByteCount = 40_000

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
                throw near.error ?? Failure(description: "no connection")
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
            if let deadline, deadline < now { throw Failure(description: "not within ten seconds: \(what())") }
            deadline = deadline ?? now + .seconds(10)
        }
    }

    func check(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        if !isRight { throw Failure(description: what()) }
    }

    func close() throws {
        for endpoint in endpoints { endpoint.close() }
        try run("all endpoints close") { endpoints.allSatisfy(\.isClosed) }
    }

    // MARK: Memory, used again and again

    func takeMemory() -> UnsafeMutableRawBufferPointer {
        if let block = memory.popLast() { return block }
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.headerByteCount + Self.maximumByteCount, alignment: 8)
        everything.append(block)
        return block
    }

    func giveBack(_ block: UnsafeMutableRawBufferPointer) { memory.append(block) }

    // MARK: Operations

    /// The number stands in the header and at both ends of the payload.
    func send(_ message: MatchingModel.Message, from block: UnsafeMutableRawBufferPointer) throws -> Request {
        block.storeBytes(of: message.tag, as: UInt64.self)
        block.storeBytes(of: message.number, toByteOffset: 8, as: Int.self)
        let end = Self.headerByteCount + message.byteCount
        if message.byteCount >= 8 {
            block.storeBytes(of: message.number, toByteOffset: 16, as: Int.self)
        }
        if message.byteCount >= 16 {
            block.storeBytes(of: message.number, toByteOffset: end - 8, as: Int.self)
        }
        return try flows[message.source].sender.send(
            UnsafeRawBufferPointer(rebasing: block[Self.headerByteCount..<end]),
            header: UnsafeRawBufferPointer(rebasing: block[..<Self.headerByteCount]))
    }

    func header(_ block: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: block[..<Self.headerByteCount])
    }

    func room(_ block: UnsafeMutableRawBufferPointer, byteCount: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: block[Self.headerByteCount..<(Self.headerByteCount + byteCount)])
    }

    func post(
        _ criterion: Criterion, at domain: Int, into block: UnsafeMutableRawBufferPointer, room byteCount: Int
    ) throws -> Request {
        let (room, header) = (room(block, byteCount: byteCount), header(block))
        let source = criterion.source.map { flows[$0].receiver }
        guard criterion.isEvenOnly else {
            return try endpoints[domain].receive(
                into: room, header: header, from: source, tag: criterion.tag, mask: criterion.mask)
        }
        return try endpoints[domain].receive(into: room, header: header, from: source, where: predicate(criterion))
    }

    func probe(
        _ criterion: Criterion, at domain: Int, into block: UnsafeMutableRawBufferPointer
    ) throws -> MessageInfo? {
        let source = criterion.source.map { flows[$0].receiver }
        guard criterion.isEvenOnly else {
            return try endpoints[domain].probe(
                header: header(block), from: source, tag: criterion.tag, mask: criterion.mask)
        }
        return try endpoints[domain].probe(header: header(block), from: source, where: predicate(criterion))
    }

    func take(_ criterion: Criterion, at domain: Int) throws -> Message? {
        let source = criterion.source.map { flows[$0].receiver }
        guard criterion.isEvenOnly else {
            return try endpoints[domain].takeMessage(from: source, tag: criterion.tag, mask: criterion.mask)
        }
        return try endpoints[domain].takeMessage(from: source, where: predicate(criterion))
    }

    private func predicate(_ criterion: Criterion) -> (UnsafeRawBufferPointer, Connection) -> Bool {
        { header, _ in
            (header.loadUnaligned(as: UInt64.self) ^ criterion.tag) & criterion.mask == 0
                && header.loadUnaligned(fromByteOffset: 8, as: Int.self) % 2 == 0
        }
    }

    // MARK: Outcomes

    /// A request that is complete must have received this message.
    func check(
        _ request: Request, _ block: UnsafeMutableRawBufferPointer, room: Int, is message: MatchingModel.Message
    ) throws {
        let connection = try sender(of: request, message, room: room)
        let number = block.loadUnaligned(fromByteOffset: 8, as: Int.self)
        try check(number == message.number, "message \(number) came where \(message.number) belongs")
        try check(block.loadUnaligned(as: UInt64.self) == message.tag, "message \(number) has another tag")
        try check(connection == flows[message.source].receiver, "message \(number) came from elsewhere")
        guard min(message.byteCount, room) >= 8 else { return }
        try check(
            block.loadUnaligned(fromByteOffset: Self.headerByteCount, as: Int.self) == message.number,
            "message \(number) begins wrong")
        guard message.byteCount >= 16, message.byteCount <= room else { return }
        let end = Self.headerByteCount + message.byteCount
        try check(
            block.loadUnaligned(fromByteOffset: end - 8, as: Int.self) == message.number, "message \(number) ends wrong"
        )
    }
    /// Where it came from; its length is right, or told to be too much.
    private func sender(
        of request: Request, _ message: MatchingModel.Message, room: Int
    ) throws -> Connection? {
        let error: HandfastError
        do throws(HandfastError) {
            let completion = try request.result()
            let isWhole = completion?.byteCount == message.byteCount && message.byteCount <= room
            if isWhole { return completion?.connection }
            error = HandfastError(.invalidArgument, "the wrong length: \(completion?.byteCount ?? -1)")
        } catch let thrown { error = thrown }
        guard let truncation = error.truncation else { throw error }
        let isRight = truncation.byteCount == message.byteCount && truncation.roomByteCount == room
        try check(isRight && message.byteCount > room && error.code == .truncated, "the wrong truncation: \(error)")
        return truncation.connection
    }
}
