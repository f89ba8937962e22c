import Glibc
import Handfast

/// What a single message takes under circumstances.
extension ScaleRun {
    private static let byteCount = 8
    private static let silence: UInt32 = 20_000
    private static let silenceCount = 101

    /// - Parameter count: peers, of which one answers.
    mutating func message(_ kind: ConnectionKind, _ count: Int) throws {
        guard case .transport(let name) = kind else { return }
        let crowd = try Crowd(plan.pinning, clock, capacity: count)
        try crowd.grow(kind, to: count - 1)
        tellObstacle(kind, crowd)
        let companion = try Companion(
            arguments: [
                "perf", "--listen", "\(LocalHost.address):0@perf-echo", "--companion", "--pin",
                plan.pinning.echoingText,
            ])
        let connection = try crowd.endpoint.connect(to: companion.address, selection: Plan.only(name))
        let row =
            plan.test == .sleep
            ? try firstMessage(Link(crowd.endpoint, connection))
            : try latency(name, Link(crowd.endpoint, connection))
        report.add(ScaleRow(kind, plan.test, connections: crowd.connections.count + 1, row))
    }

    private func latency(
        _ transport: String, _ link: consuming Link
    ) throws -> [(key: String, value: Double, digits: Int)] {
        let buffers = try Buffers(sizes: [Self.byteCount], verifies: false)
        var bench = try Bench(
            transport: transport, link: link, buffers: buffers, clock: clock, iterations: nil, verifies: false,
            companion: nil, progress: ProgressLine())
        let found = try bench.run(.latency, Self.byteCount)
        bench.link.close()
        return [("p50_us", found.p50Microseconds, 3), ("p99_us", found.p99Microseconds, 3)]
    }

    /// There and back: the other process sleeps when it comes, and this one spins until the answer is there.
    private func firstMessage(_ link: consuming Link) throws -> [(key: String, value: Double, digits: Int)] {
        var link = link
        try link.prepare(depth: 1, byteCount: Self.byteCount, verifies: false)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        defer { memory.deallocate() }
        let header = UnsafeMutableRawBufferPointer(rebasing: memory[32..<32 + EchoHeader.byteCount])
        EchoHeader.write(.echo, to: header.baseAddress!)
        let payload = UnsafeRawBufferPointer(rebasing: memory[..<Self.byteCount])
        let room = UnsafeMutableRawBufferPointer(rebasing: memory[16..<16 + Self.byteCount])
        var times: [Double] = []
        for _ in 0..<Self.silenceCount {
            let receive = try link.endpoint.receive(into: room, from: link.connection)
            usleep(Self.silence)
            let start = clock.now
            let send = try link.connection.send(payload, header: UnsafeRawBufferPointer(header))
            _ = try link.finish(receive)
            times.append(clock.nanoseconds(clock.now - start) / 1_000)
            _ = try link.finish(send)
        }
        link.close()
        times.sort()
        return [("p50_us", times[times.count / 2], 1), ("p90_us", times[times.count * 9 / 10], 1)]
    }
}
