import Glibc
import Precon
import TCPTransport
import Testing

@testable import Handfast

/// What happens to a task's request or message while the task itself does not get its turn.
@Suite(.serialized) struct `A task that waits` {
    private func endpoint(_ name: String) throws -> Endpoint {
        try Endpoint(name: name, transports: [TCPTransport.definition], environment: [:])
    }

    @Test func `for a message that is out when its time is over leaves no request behind`() throws {
        let near = try endpoint("near")
        try EndpointActor.run(near) { actor in
            let near = actor.endpoint
            let far = try endpoint("far")
            let connection = try near.connect(to: try far.listen(on: IPAddress("127.0.0.1")))
            while connection.state == .connecting {
                near.progress()
                far.progress()
            }
            let task = Task {
                _ = actor
                try await connection.send(bytes: [UInt8](repeating: 1, count: 30_000_000), timeout: .milliseconds(1))
            }
            func isWaitedFor() -> Bool {
                var isDirected = false
                near.state.pointee.requests.forEachUsed { isDirected = $0.pointee.isDirected }
                return isDirected
            }
            while !isWaitedFor() { await Task.yield() }
            // No task runs here: first the time is over, then the message goes out.
            while isWaitedFor() { near.progress() }
            let room = Payload(byteCount: 30_000_000)
            let receive = try far.receive(into: room.mutable)
            while !receive.isComplete {
                near.progress()
                far.progress()
            }
            _ = try receive.result()
            for _ in 0..<1_000 {
                near.progress()
                far.progress()
            }
            _ = await task.result
            #expect(near.state.pointee.requests.usedCount == 0)
        }
    }

    @Test func `for a message that no memory can hold is told so`() throws {
        try EndpointActor.run(try endpoint("near")) { actor in
            let near = actor.endpoint
            let raw = try RawPeer(try near.listen(on: IPAddress("127.0.0.1")))
            raw.send(.pscomVersion, .pscomInfo, .transportRequest(103), .transportAccepted)
            var accepted: Connection?
            while accepted == nil {
                near.progress()
                accepted = near.accept()
            }
            let byteCount = 1 << 40 - 1
            raw.send(
                dataHeader(4, userHeader: 32, payload: 0) + dataHeader(0, userHeader: 0, payload: byteCount)
                    + littleEndian(1, 4_096, UInt64(byteCount)))
            var code: HandfastError.Code?
            do {
                _ = try await near.message(timeout: .seconds(5))
            } catch { code = (error as? HandfastError)?.code }
            #expect(code == .truncated)
        }
    }
}
