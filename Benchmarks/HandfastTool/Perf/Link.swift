import Handfast

/// The measuring end of one connection.
struct Link: ~Copyable {
    /// A peer that is silent for so long will not speak again.
    static let patience = Duration.seconds(20)
    /// For the user, of a peer that was silent so long.
    static let silence = "has been silent for \(patience); its process may be stopped, as by SIGSTOP or a debugger"

    let endpoint: Endpoint
    let connection: Connection
    /// Echoes at the other end, when that is in this process too.
    private var server: EchoServer?
    /// False for a peer that only echoes; nil before it was asked.
    private(set) var canPrepare: Bool?

    /// - Returns: when the connection is up.
    init(_ endpoint: Endpoint, _ connection: Connection, server: consuming EchoServer? = nil) throws(HandfastError) {
        self.endpoint = endpoint
        self.connection = connection
        self.server = server
        try endpoint.wait(for: connection)
    }

    // Hot path.
    mutating func finish(_ request: Request) throws(HandfastError) -> Completion {
        guard server != nil else { return try endpoint.wait(for: request, timeout: Self.patience) }
        let isDone = endpoint.wait(timeout: Self.patience) {
            server?.step()
            return request.isComplete
        }
        guard isDone else { throw HandfastError(.timeout, "this process does not answer itself") }
        return try request.result()!
    }

    /// Tells the peer what will come, so that it has receives for it; a peer that only echoes does so.
    /// - Parameter verifies: the echo is to be what was sent.
    mutating func prepare(depth: Int, byteCount: Int, verifies: Bool) throws(HandfastError) {
        guard canPrepare != false else { return }
        let size = max(EchoHeader.byteCount, EchoLayout.encodedByteCount)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 4 * size, alignment: 8)
        defer { memory.deallocate() }
        func part(_ index: Int, _ byteCount: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(start: memory + index * size, count: byteCount)
        }
        let (header, answerHeader) = (part(0, EchoHeader.byteCount), part(1, EchoHeader.byteCount))
        let (payload, answer) = (part(2, EchoLayout.encodedByteCount), part(3, EchoLayout.encodedByteCount))
        EchoHeader.write(.prepare, to: header.baseAddress!)
        EchoLayout(depth: depth, payloadByteCount: byteCount, sharesRoom: !verifies).write(to: payload.baseAddress!)
        let receive = try endpoint.receive(into: answer, header: answerHeader, from: connection)
        let send = try connection.send(UnsafeRawBufferPointer(payload), header: UnsafeRawBufferPointer(header))
        canPrepare = try finish(receive).byteCount == 0
        _ = try finish(send)
    }

    /// Closes in order.
    mutating func close() {
        connection.close()
        _ = endpoint.wait(timeout: .seconds(3)) {
            server?.step()
            return connection.state == .closed && server?.isIdle ?? true
        }
    }
}
