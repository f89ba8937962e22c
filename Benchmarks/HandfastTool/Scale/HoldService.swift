import DefaultTransports
import Glibc
import Handfast

/// The second process of a test of many connections: accepts them, keeps them, and tells its memory to who asks.
struct HoldService {
    private static let turn = Duration.milliseconds(100)
    private static let stepsPerTurn = 1 << 16

    let place: Place.Listening
    let pinning: Pinning

    func run() throws {
        if case .cores(_, let core) = pinning { try Cores.pin(to: core) }
        _ = DescriptorLimit.raised()
        let endpoint = try Endpoint(name: place.name)
        let address = try endpoint.listen(on: place.host, port: place.port)
        var connections: [Connection] = []
        connections.reserveCapacity(1 << 16)
        let answer = UnsafeMutableRawBufferPointer.allocate(byteCount: MemoryReading.byteCount, alignment: 8)
        defer { answer.deallocate() }
        Output.standard.write("\(address)\n")
        var question = try endpoint.receive(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        var replies: [Request] = []
        while !isToldToEnd() {
            var steps = 0
            _ = endpoint.wait(timeout: Self.turn) {
                while let connection = endpoint.accept() { connections.append(connection) }
                steps += 1
                return question.isComplete || steps >= Self.stepsPerTurn
            }
            replies.removeAll { $0.isComplete }
            guard question.isComplete, let asked = try question.result() else { continue }
            MemoryReading.now().write(to: answer)
            if let asker = asked.connection { replies.append(try asker.send(UnsafeRawBufferPointer(answer))) }
            question = try endpoint.receive(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        }
    }

    private func isToldToEnd() -> Bool {
        var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, 0) > 0
    }
}
