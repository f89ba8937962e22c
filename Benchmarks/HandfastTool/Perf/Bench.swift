import Handfast
import TransportAPI

/// Everything that a test of one connection works with.
struct Bench: ~Copyable {
    let transport: String
    var link: Link
    let buffers: Buffers
    private let region: MemoryRegion
    let clock: TickClock
    let iterations: Int?
    let verifies: Bool
    let companion: Int32?
    let progress: ProgressLine
    var samples: Samples

    init(
        transport: String, link: consuming Link, buffers: consuming Buffers, clock: TickClock, iterations: Int?,
        verifies: Bool, companion: Int32?, progress: ProgressLine
    ) throws(HandfastError) {
        region = try buffers.register(link.endpoint)
        self.transport = transport
        self.link = link
        self.buffers = buffers
        self.clock = clock
        self.iterations = iterations
        self.verifies = verifies
        self.companion = companion
        self.progress = progress
        samples = Samples(clock)
    }

    deinit { region.deregister() }

    mutating func run(_ test: TestKind, _ byteCount: Int) throws -> Measurement {
        progress.show("\(transport), \(test.rawValue) of \(byteCount) bytes")
        let limit = Limit(iterations: iterations, clock)
        let switches: Int
        do {
            try warmUpAndPrepare(test, byteCount, limit.warmUp)
            switches = Switches.count(companion: companion)
            try rounds(test, byteCount, limit)
        } catch let error as HandfastError where error.code == .timeout {
            throw ToolError.failure("\(transport), \(test.rawValue) of \(byteCount) bytes: \(peerText) \(Link.silence)")
        }
        return Measurement(
            transport: transport, test: test, byteCount: byteCount,
            iterations: test == .latency ? samples.count / 2 : samples.count,
            p50Microseconds: samples.percentile(50), p99Microseconds: samples.percentile(99),
            maximumMicroseconds: samples.maximumMicroseconds, meanMicroseconds: samples.meanMicroseconds,
            involuntarySwitches: Switches.count(companion: companion) - switches)
    }

    private var peerText: String {
        if let companion { return "the second process (\(companion))" }
        guard let peer = link.connection.peer else { return "the peer" }
        return ["peer", peer.name, IPAddress(bytes: peer.address).map { "at \($0)" } ?? ""].filter { !$0.isEmpty }
            .joined(separator: " ")
    }

    /// Whether a bandwidth test has each message echoed, instead of half a window acknowledged.
    var isEchoed: Bool { verifies || link.canPrepare == false }

    private mutating func warmUpAndPrepare(_ test: TestKind, _ byteCount: Int, _ limit: Limit) throws {
        let depth = test == .latency ? 1 : Window.count(byteCount, isEcho: verifies)
        try link.prepare(depth: depth, byteCount: byteCount, verifies: verifies)
        try rounds(test, byteCount, limit)
    }

    private mutating func rounds(_ test: TestKind, _ byteCount: Int, _ limit: Limit) throws {
        samples.reset()
        switch test {
        case .latency: try pingPong(byteCount, limit)
        case .bandwidth where isEchoed: try streamEchoed(byteCount, limit)
        case .bandwidth: try stream(byteCount, limit)
        }
        samples.sort()
    }

    /// Rounds go on after this; the clock should not see it.
    mutating func makeRoom() {
        samples.sort()
        progress.tick()
    }

    // MARK: One message

    func write(_ slot: Int, _ byteCount: Int, number: Int) {
        EchoHeader.write(.echo, number: UInt32(truncatingIfNeeded: number), to: buffers.header(slot).baseAddress!)
        guard verifies else { return }
        Pattern.fill(buffers.payload(slot, byteCount), number: UInt32(truncatingIfNeeded: number))
    }

    // Hot path.
    func send(_ slot: Int, _ byteCount: Int) throws(HandfastError) -> Request {
        try link.connection.send(
            UnsafeRawBufferPointer(buffers.payload(slot, byteCount)),
            header: UnsafeRawBufferPointer(buffers.header(slot)))
    }

    // Hot path.
    func postEcho(_ slot: Int, _ byteCount: Int) throws(HandfastError) -> Request {
        try link.endpoint.receive(
            into: buffers.room(slot, byteCount), header: buffers.headerRoom(slot), from: link.connection)
    }

    // Hot path.
    /// Whether a completion is that of an echo. `check` is a call for which the compiler copies all of the bench.
    static func isEcho(_ completion: Completion, _ byteCount: Int) -> Bool {
        completion.byteCount == byteCount && completion.headerByteCount == EchoHeader.byteCount
    }

    /// - Throws: when what came back is not what was sent.
    func check(_ slot: Int, _ byteCount: Int, _ completion: Completion) throws {
        guard Self.isEcho(completion, byteCount) else {
            throw ToolError.failure(
                "\(transport): \(byteCount) bytes with a header of \(EchoHeader.byteCount) were sent, and"
                    + " \(completion.byteCount) with a header of \(completion.headerByteCount) came back")
        }
        guard verifies else { return }
        try checkContent("header", buffers.header(slot), buffers.headerRoom(slot))
        try checkContent("payload", buffers.payload(slot, byteCount), buffers.room(slot, byteCount))
    }

    private func checkContent(
        _ what: String, _ sent: UnsafeMutableRawBufferPointer, _ received: UnsafeMutableRawBufferPointer
    ) throws {
        guard let place = Pattern.difference(UnsafeRawBufferPointer(sent), UnsafeRawBufferPointer(received)) else {
            return
        }
        throw ToolError.failure(
            "\(transport): byte \(place) of a \(what) of \(sent.count) came back as \(received[place]), sent was"
                + " \(sent[place])")
    }
}
