import Glibc
import Handfast
import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
import Testing

/// Two endpoints cannot sleep in one thread: the peer of a task runs in a thread of its own.
@Suite(.serialized) struct `Tasks on an endpoint` {
    private func endpoint(_ name: String, _ transport: String) throws -> Endpoint {
        try Endpoint(
            name: name, transports: definitions,
            environment: ["HANDFAST_TRANSPORTS": transport, "HANDFAST_SPIN_US": "0"])
    }

    /// Runs one body here and another on a thread that knows this endpoint's address.
    private func run(
        _ transport: String, _ here: @escaping @Sendable (isolated EndpointActor) async throws -> Void,
        with there: @escaping @Sendable (isolated EndpointActor, EndpointAddress) async throws -> Void
    ) throws {
        let near = try endpoint("near", transport)
        let address = try near.listen(on: IPAddress("127.0.0.1"))
        let thread = BodyThread {
            let far = try Endpoint(
                name: "far", transports: definitions,
                environment: ["HANDFAST_TRANSPORTS": transport, "HANDFAST_SPIN_US": "0"])
            try EndpointActor.run(far) { actor in
                try await there(actor, address)
                actor.endpoint.close()
                _ = try? await actor.endpoint.message(timeout: .seconds(60))
            }
        }
        try EndpointActor.run(near) { actor in
            try await here(actor)
            actor.endpoint.close()
            _ = try? await actor.endpoint.message(timeout: .seconds(60))
        }
        try thread.join()
    }

    @Test(arguments: transports) func `send, receive and connect`(transport: String) throws {
        try run(transport) { actor in
            var count = 0
            for await message in actor.endpoint.messages {
                #expect(message.payload == [UInt8](repeating: UInt8(count), count: count * 401))
                #expect(message.header == [UInt8(count)])
                try await message.connection.send(bytes: message.payload, header: message.header)
                count += 1
                if count == 50 { break }
            }
        } with: { actor, address in
            let connection = try await actor.endpoint.connected(to: address, timeout: .seconds(60))
            for index in 0..<50 {
                let payload = [UInt8](repeating: UInt8(index), count: index * 401)
                try await connection.send(bytes: payload, header: [UInt8(index)], timeout: .seconds(60))
                let echo = try await actor.endpoint.message(from: connection, timeout: .seconds(60))
                #expect(echo.payload == payload && echo.header == [UInt8(index)])
            }
        }
    }

    @Test(arguments: transports) func `use memory of their own`(transport: String) throws {
        try run(transport) { actor in
            let room = Payload(byteCount: 3_000_000)
            let completion = try await actor.endpoint.wait(
                for: try actor.endpoint.receive(into: room.mutable), timeout: .seconds(60))
            #expect(completion.byteCount == room.byteCount)
            let connection = try #require(completion.connection)
            _ = try await actor.endpoint.wait(for: try connection.send(room.bytes), timeout: .seconds(60))
        } with: { actor, address in
            let connection = try await actor.endpoint.connected(to: address)
            let (payload, room) = (Payload(byteCount: 3_000_000, seed: 1), Payload(byteCount: 3_000_000))
            let receive = try actor.endpoint.receive(into: room.mutable, from: connection)
            _ = try await actor.endpoint.wait(for: try connection.send(payload.bytes), timeout: .seconds(60))
            _ = try await actor.endpoint.wait(for: receive, timeout: .seconds(60))
            #expect(room == payload)
        }
    }

    @Test func `wait side by side`() throws {
        try run("tcp") { actor in
            // Each answers the messages of its own tag.
            let tasks = (0..<20).map { tag in
                actor.start { actor in
                    let room = Payload(byteCount: 8)
                    let request = try actor.endpoint.receive(into: room.mutable) { header, _ in header[0] == UInt8(tag)
                    }
                    let completion = try await actor.endpoint.wait(for: request, timeout: .seconds(60))
                    try await completion.connection?.send(bytes: room.copy, header: [UInt8(tag)])
                }
            }
            for task in tasks { try await task.value }
        } with: { actor, address in
            let connection = try await actor.endpoint.connected(to: address)
            for tag in (0..<20).reversed() {
                try await connection.send(bytes: [UInt8](repeating: UInt8(tag), count: 8), header: [UInt8(tag)])
                let echo = try await actor.endpoint.message(timeout: .seconds(60))
                #expect(echo.header == [UInt8(tag)] && echo.payload.first == UInt8(tag))
            }
        }
    }

    @Test func `never leave the thread that drives the endpoint`() throws {
        let endpoint = try endpoint("alone", "tcp")
        let thread = UInt(pthread_self())
        let value = try EndpointActor.run(endpoint) { actor in
            actor.preconditionIsolated()
            #expect(UInt(pthread_self()) == thread)
            let task = Task {
                #expect(UInt(pthread_self()) == thread)
                _ = try? await actor.endpoint.message(timeout: .milliseconds(20))
                #expect(UInt(pthread_self()) == thread)
                // Elsewhere, and back again while this thread may sleep.
                await Task.detached {}.value
                #expect(UInt(pthread_self()) == thread)
                return 7
            }
            return await task.value
        }
        #expect(value == 7)
    }

    @Test func `that are cancelled cancel what they wait for`() throws {
        try EndpointActor.run(try endpoint("alone", "tcp")) { actor in
            let room = Payload(byteCount: 8)
            let request = try actor.endpoint.receive(into: room.mutable)
            let waits = [
                Task { try await actor.endpoint.wait(for: request).byteCount },
                actor.start { actor in try await actor.endpoint.message().payload.count },
            ]
            let sequence = Task {
                var count = 0
                for await _ in actor.endpoint.messages { count += 1 }
                return count
            }
            // They begin to wait while this waits.
            _ = try? await actor.endpoint.message(timeout: .milliseconds(20))
            sequence.cancel()
            #expect(await sequence.value == 0)
            for wait in waits {
                // From another thread, while this one sleeps.
                Task.detached { wait.cancel() }
                #expect(await failure { _ = try await wait.value } == .cancelled)
            }
            #expect(request.isComplete)
            // Cancelled before it begins.
            let late = Task { try await actor.endpoint.message().payload.count }
            late.cancel()
            #expect(await failure { _ = try await late.value } == .cancelled)
        }
    }

    @Test func `get their request back when the time is over`() throws {
        let alone = try Endpoint(
            name: "alone", transports: [LoopbackTransport.definition], environment: ["HANDFAST_SPIN_US": "0"])
        let address = try alone.listen(on: IPAddress("127.0.0.1"))
        try EndpointActor.run(alone) { actor in
            let connection = try await actor.endpoint.connected(to: address, timeout: .seconds(60))
            let room = Payload(byteCount: 8)
            let request = try actor.endpoint.receive(into: room.mutable)
            let code = await failure { _ = try await actor.endpoint.wait(for: request, timeout: .milliseconds(20)) }
            #expect(code == .timeout && !request.isComplete)
            try await connection.send(bytes: [UInt8](repeating: 1, count: 8), timeout: .seconds(60))
            #expect(try await actor.endpoint.wait(for: request, timeout: .seconds(60)).byteCount == 8)
            #expect(room.bytes.allSatisfy { $0 == 1 })
        }
    }

    @Test func `are told why a connection did not come up, and what went wrong in the body`() throws {
        struct Mistake: Error {}
        try EndpointActor.run(try endpoint("alone", "tcp")) { actor in
            let nowhere = try EndpointAddress(parsing: "127.0.0.1:1")
            #expect(await failure { _ = try await actor.endpoint.connected(to: nowhere) } == .unreachable)
            #expect(await failure { _ = try await actor.endpoint.connected(to: nowhere, timeout: .zero) } == .timeout)
        }
        #expect(throws: Mistake.self) {
            try EndpointActor.run(try Endpoint(name: "alone", transports: definitions)) { _ in throw Mistake() }
        }
    }

    @Test func `are told when the peer has gone`() throws {
        try run("tcp") { actor in
            let first = try await actor.endpoint.message(timeout: .seconds(60))
            let code = await failure {
                _ = try await actor.endpoint.message(from: first.connection, timeout: .seconds(60))
            }
            #expect(code == .closed)
        } with: { actor, address in
            let connection = try await actor.endpoint.connected(to: address)
            try await connection.send(bytes: [1])
            connection.close()
        }
    }
}

/// The code of the error with which a body fails; nil when it does not.
private func failure(
    on actor: isolated (any Actor)? = #isolation, _ body: () async throws -> Void
) async -> HandfastError.Code? {
    do { try await body() } catch { return (error as? HandfastError)?.code ?? .system }
    return nil
}

/// Runs a body on a thread of its own.
private final class BodyThread: @unchecked Sendable {
    // Written by the thread, read after it was joined.
    private var error: (any Error)?
    private let body: @Sendable () throws -> Void
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () throws -> Void) {
        self.body = body
        pthread_create(
            &thread, nil,
            { context in
                let own = Unmanaged<BodyThread>.fromOpaque(context!).takeRetainedValue()
                do { try own.body() } catch { own.error = error }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
    }

    func join() throws {
        pthread_join(thread, nil)
        if let error { throw error }
    }
}
