import Handfast
import TransportAPI

/// Echoes what all peers of an endpoint send.
struct EchoServer: ~Copyable {
    /// The longest message that is echoed unannounced, if nobody asks for more.
    static let usualPayloadByteCount = 64 << 20
    /// Looking for new peers costs more than looking for messages.
    private static let stepsPerAccept = 32

    private let endpoint: Endpoint
    private let payloadByteCount: Int
    /// Buffers are memory of the endpoint.
    private let allocates: Bool
    /// Told of each peer that comes or goes, in one line.
    private let log: (String) -> Void
    private var sessions: [UnsafeMutablePointer<EchoSession>] = []
    private var stepsUntilAccept = 0
    /// Peers that sent something and closed in order. Who only connects looks what there is, as `explain` does.
    private(set) var closedCount = 0
    /// Peers that sent something and vanished, or broke a rule.
    private(set) var lostCount = 0

    init(
        _ endpoint: Endpoint, payloadByteCount: Int = EchoServer.usualPayloadByteCount, allocates: Bool = false,
        log: @escaping (String) -> Void = { _ in }
    ) {
        self.endpoint = endpoint
        self.payloadByteCount = max(payloadByteCount, Self.usualPayloadByteCount)
        self.allocates = allocates
        self.log = log
    }

    deinit {
        for session in sessions {
            session.deinitialize(count: 1)
            session.deallocate()
        }
    }

    var isIdle: Bool { sessions.isEmpty }

    // Hot path.
    /// Answers what has arrived; never waits.
    mutating func step() {
        stepsUntilAccept -= 1
        if stepsUntilAccept < 0 { acceptAll() }
        var index = 0
        while index < sessions.count {
            let session = sessions[index]
            session.pointee.step(endpoint)
            if session.pointee.isOver { remove(at: index) } else { index += 1 }
        }
    }

    /// Says goodbye to all peers; `step` until `isIdle`.
    mutating func close() {
        for session in sessions { session.pointee.end(HandfastError(.closed, "the server ends")) }
    }

    private mutating func acceptAll() {
        stepsUntilAccept = Self.stepsPerAccept
        while let connection = endpoint.accept() {
            let name = connection.peer?.name ?? ""
            do throws(ToolError) {
                let session = try EchoSession(
                    connection, endpoint, payloadByteCount: payloadByteCount, allocates: allocates)
                let memory = UnsafeMutablePointer<EchoSession>.allocate(capacity: 1)
                memory.initialize(to: session)
                sessions.append(memory)
                log("\(name) is connected over \(connection.transport ?? "nothing")")
            } catch {
                connection.close()
                log("\(name) is turned away: \(error.message)")
            }
        }
    }

    private mutating func remove(at index: Int) {
        let session = sessions.remove(at: index)
        if case .ending(let error) = session.pointee.phase {
            if session.pointee.messageCount > 0 {
                if error.code == .closed { closedCount += 1 } else { lostCount += 1 }
            }
            log("\(error.message) (after \(session.pointee.messageCount) messages)")
        }
        session.deinitialize(count: 1)
        session.deallocate()
    }
}
