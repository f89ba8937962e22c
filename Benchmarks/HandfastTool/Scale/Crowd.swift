import DefaultTransports
import Handfast
import TransportAPI

/// Many connections of one kind to a second process that is there for them alone.
final class Crowd {
    /// One set-up that takes so long will not come to an end.
    private static let patience = Duration.seconds(20)

    let endpoint: Endpoint
    let companion: Companion
    private let control: Connection
    private(set) var connections: [Connection] = []
    /// Why there can be no more of them.
    private(set) var obstacle: String?
    private let clock: TickClock

    /// - Parameter capacity: how many connections there will be at most.
    init(_ pinning: Pinning, _ clock: TickClock, capacity: Int) throws {
        self.clock = clock
        companion = try Companion(
            arguments: [
                "perf", "--listen", "\(LocalHost.address):0@perf-hold", "--companion", "--hold", "--pin",
                pinning.echoingText,
            ])
        endpoint = try Endpoint(name: "perf")
        try endpoint.listen(on: LocalHost.address)
        connections.reserveCapacity(capacity)
        control = try endpoint.connect(to: companion.address, selection: Plan.only("tcp"))
        try endpoint.wait(for: control, timeout: Self.patience)
    }

    /// Connects one after the other until there are so many.
    /// - Parameter each: is told the ticks of each set-up.
    func grow(_ kind: ConnectionKind, to count: Int, each: (UInt64) -> Void = { _ in }) throws(HandfastError) {
        let selection = if case .transport(let name) = kind { try Plan.only(name) } else { TransportSelection?.none }
        while connections.count < count, obstacle == nil {
            let start = clock.now
            switch kind {
            case .onDemand: connections.append(try endpoint.connect(to: idlePeer(connections.count), mode: .onDemand))
            case .transport: try add(selection)
            case .mixed:
                for kind in [ConnectionKind.transport("tcp"), .transport("shm"), .onDemand] {
                    try grow(kind, to: connections.count + 1)
                }
            }
            each(clock.now - start)
        }
    }

    private func add(_ selection: TransportSelection?) throws(HandfastError) {
        do throws(HandfastError) {
            let connection = try endpoint.connect(to: companion.address, selection: selection)
            try endpoint.wait(for: connection, timeout: Self.patience)
            connections.append(connection)
        } catch {
            // A transport that has carried some may have a bound of its own.
            guard error.code == .noTransport, !connections.isEmpty else { throw error }
            obstacle = error.message
        }
    }

    /// Names of the usual length at addresses of a usual cluster.
    private func idlePeer(_ number: Int) throws(HandfastError) -> EndpointAddress {
        let host = IPAddress(bytes: [10, 1, UInt8(number >> 8 & 0xff), UInt8(number & 0xff)])
        return try EndpointAddress(host: host!, port: 5_000, name: "rank\(number)")
    }

    /// What the second process says of its memory.
    func companionMemory() throws(HandfastError) -> MemoryReading {
        let answer = UnsafeMutableRawBufferPointer.allocate(byteCount: MemoryReading.byteCount, alignment: 8)
        defer { answer.deallocate() }
        let receive = try endpoint.receive(into: answer, from: control)
        let send = try control.send(UnsafeRawBufferPointer(start: nil, count: 0))
        _ = try endpoint.wait(for: receive, timeout: Self.patience)
        _ = try endpoint.wait(for: send, timeout: Self.patience)
        return MemoryReading(reading: UnsafeRawBufferPointer(answer))
    }

    /// Closes all in order.
    /// - Returns: whether all peers answered.
    func close() -> Bool {
        for connection in connections { connection.close() }
        var next = 0
        return endpoint.wait(timeout: Self.patience) {
            while next < connections.count, connections[next].state == .closed { next += 1 }
            return next == connections.count
        }
    }
}
