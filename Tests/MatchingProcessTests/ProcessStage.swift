import DefaultTransports
import Handfast
import MatchingReference

/// An endpoint of this process, and connections of both transports to another process.
final class ProcessStage {
    struct Send {
        let request: Request
        let memory: UnsafeMutableRawBufferPointer
    }

    let endpoint: Endpoint
    let peer: MatchingPeerProcess
    private(set) var connections: [Connection] = []
    private var memory: [UnsafeMutableRawBufferPointer] = []
    private var everything: [UnsafeMutableRawBufferPointer] = []

    private static let environment = [
        "HANDFAST_UNEXPECTED_BYTES": "64m", "HANDFAST_RENDEZVOUS_BYTES": "4k", "HANDFAST_HANDSHAKE_TIMEOUT_MS": "60000",
        "HANDFAST_CONNECT_TIMEOUT_MS": "60000", "HANDFAST_CONNECT_DEADLINE_MS": "60000",
        "HANDFAST_CLOSE_TIMEOUT_MS": "60000", "HANDFAST_SPIN_US": "1000",
    ]

    init(transports: [String]) throws {
        endpoint = try Endpoint(name: "here", environment: Self.environment)
        peer = try MatchingPeerProcess(Self.environment)
        let address = try EndpointAddress(parsing: try peer.answer("address")[0])
        peer.tell("hold")
        _ = try peer.answer("held")
        for transport in transports {
            connections.append(
                try endpoint.connect(
                    to: address,
                    selection: TransportSelection(
                        transports: transport, select: nil, known: ["loopback", "shm", "tcp"])))
        }
        var hellos: [Send] = []
        for index in connections.indices {
            // Those before and behind the first message wait for the connection, and are cancelled.
            let sends = try [-1, index, -2].map {
                try send(MatchingModel.Message(number: $0, source: index, tag: 0, byteCount: 8))
            }
            for send in [sends[2], sends[0]] {
                try MatchingFailure.check(send.request.cancel(), "a send without a connection cannot be cancelled")
                try send.request.expectCancelled()
                giveBack(send.memory)
            }
            hellos.append(sends[1])
        }
        peer.tell("accept \(transports.count)")
        _ = try peer.answer("accepted", endpoint)
        try run("the first sends end") { hellos.allSatisfy(\.request.isComplete) }
        for hello in hellos { try end(hello) }
        let actual = connections.map { $0.transport ?? "none" }
        try MatchingFailure.check(actual == transports, "\(actual) instead of \(transports)")
    }

    deinit { for block in everything { block.deallocate() } }

    func run(_ what: @autoclosure () -> String, until condition: () throws -> Bool) throws {
        var failure: (any Error)?
        let holds = endpoint.wait(timeout: MatchingPeerProcess.patience) {
            do { return try condition() } catch {
                failure = error
                return true
            }
        }
        if let failure { throw failure }
        try MatchingFailure.check(holds, "not in time: \(what())")
    }

    func close() throws {
        endpoint.close()
        try peer.finish(endpoint)
        try run("it closes") { endpoint.isClosed }
    }

    func send(_ message: MatchingModel.Message) throws -> Send {
        let block = takeMemory()
        MatchingContent.write(message, into: block)
        let request = try connections[message.source].send(
            UnsafeRawBufferPointer(MatchingContent.room(block, byteCount: message.byteCount)),
            header: UnsafeRawBufferPointer(MatchingContent.header(block)))
        return Send(request: request, memory: block)
    }

    func end(_ send: Send) throws {
        _ = try send.request.result()
        giveBack(send.memory)
    }

    /// The numbers of all messages that nobody has received, in order of arrival.
    func waitingNumbers() throws -> [Int] {
        var numbers: [Int] = []
        _ = try endpoint.probe(where: { header, _ in
            numbers.append(MatchingContent.number(header))
            return false
        })
        return numbers
    }

    func takeMemory() -> UnsafeMutableRawBufferPointer {
        if let block = memory.popLast() { return block }
        let block = MatchingContent.allocate()
        everything.append(block)
        return block
    }

    func giveBack(_ block: UnsafeMutableRawBufferPointer) { memory.append(block) }
}
