import LoopbackTransport
import Testing
import TransportAPI

@testable import Handfast

@Suite struct `A connection on demand to its own endpoint` {
    @Test(arguments: [0, 5, 100_000]) func `receives what it sends`(byteCount: Int) throws {
        let endpoint = try Endpoint(
            name: "alpha", transports: [LoopbackTransport.definition] + definitions, environment: [:])
        let port = try endpoint.listen(on: .loopback).port
        let connection = try endpoint.connect(to: "localhost:\(port)@alpha", mode: .onDemand)
        #expect(connection.state == .onDemand)
        let (payload, room) = (Payload(byteCount: byteCount, seed: 1), Payload(byteCount: byteCount))
        for _ in 0..<3 {
            let send = try connection.send(payload.bytes)
            let receive = try endpoint.receive(into: room.mutable, from: connection)
            let completion = try endpoint.wait(for: receive, timeout: .seconds(10))
            #expect(completion.connection == connection)
            #expect(room == payload)
            _ = try endpoint.wait(for: send, timeout: .seconds(10))
        }
        #expect(connection.state == .connected)
        #expect(connection.transport == "loopback")
        #expect(endpoint.accept() == nil, "it has no other end")
        let left = try connection.send(payload.bytes)
        connection.close()
        #expect(endpoint.wait(timeout: .seconds(10)) { connection.state == .closed && left.isComplete })
        let again = try endpoint.connect(to: "localhost:\(port)@alpha", mode: .onDemand)
        _ = try again.send(payload.bytes)
        #expect(endpoint.wait(timeout: .seconds(10)) { again.state == .connected })
    }

    @Test(
        arguments: [
            "127.0.0.1:PORT", "localhost.:PORT", "LOCALHOST:PORT", "node7:PORT", "127.0.0.1:CLOSED,127.0.0.1:PORT",
            "127.0.0.1:PORT,127.0.0.1:CLOSED", "127.0.0.2:SILENT,127.0.0.1:PORT", "127.0.0.1:OTHER,node7:PORT",
            "[::ffff:127.0.0.1]:PORT,node7:PORT,127.0.0.1:CLOSED",
        ])
    func `is found out by who answers`(text: String) throws {
        let log = LogCapture()
        let endpoint = try Endpoint(
            name: "alpha", transports: [LoopbackTransport.definition] + definitions,
            environment: ["HANDFAST_CONNECT_OFFSET_MS": "1"], logger: log.logger)
        endpoint.engine.resolver = HostResolver { _ in .addresses([.loopback]) }
        let other = try Endpoint(name: "alpha", transports: definitions, environment: [:])
        let silent = SilentListener(lastByte: 2)
        let ports = [
            "PORT": try endpoint.listen(on: .loopback).port, "CLOSED": SilentListener.closedPort(),
            "SILENT": silent.port, "OTHER": try other.listen(on: .loopback).port,
        ]
        let address = ports.reduce(text) { $0.replacing($1.key, with: "\($1.value)") }
        let connection = try endpoint.connect(to: "\(address)@alpha", mode: .onDemand)
        let (payload, room) = (Payload(byteCount: 5, seed: 1), Payload(byteCount: 5))
        let send = try connection.send(payload.bytes)
        let receive = try endpoint.receive(into: room.mutable, from: connection)
        let guardTime = ContinuousClock.now + .seconds(60)
        while !send.isComplete || !receive.isComplete, ContinuousClock.now < guardTime {
            endpoint.progress()
            other.progress()
        }
        try #require(send.isComplete && receive.isComplete)
        _ = try send.result()
        _ = try receive.result()
        #expect(room == payload)
        #expect(connection.transport == "loopback")
        #expect(endpoint.accept() == nil && endpoint.takeEvent() == nil)
        #expect(endpoint.wait(timeout: .seconds(60)) { endpoint.pending.isEmpty }, "\(endpoint.pending)")
        #expect(log.lines.isEmpty, "\(log.lines)")
        connection.close()
        #expect(endpoint.wait(timeout: .seconds(60)) { connection.state == .closed })
    }

    @Test func `is none to another endpoint of the same name, which is an error`() throws {
        let pair = try EndpointPair(definitions: definitions, near: [:], far: [:], names: ("alpha", "alpha"))
        try pair.near.listen(on: .loopback)
        let connection = try pair.near.connect(to: try #require(pair.far.address), mode: .onDemand)
        let send = try connection.send(Payload.lasting(byteCount: 1).bytes)
        pair.run("it has failed") { send.isComplete }
        let error = try #require(throws: HandfastError.self) { try send.result() }
        #expect(error.code == .rejected)
        #expect(error.message.contains("is called \"alpha\" too"), "\(error)")
    }

    @Test func `says why no transport can`() throws {
        let endpoint = try Endpoint(name: "alpha", transports: definitions, environment: [:])
        let port = try endpoint.listen(on: .loopback).port
        let connection = try endpoint.connect(to: "127.0.0.1:\(port)@alpha", mode: .onDemand)
        let send = try connection.send(Payload.lasting(byteCount: 1).bytes)
        let error = #expect(throws: HandfastError.self) { try endpoint.wait(for: send, timeout: .seconds(10)) }
        #expect(error?.code == .noTransport)
        for transport in transports {
            #expect(error?.message.contains("\(transport): refused here") == true, "\(error as Any)")
        }
    }
}
