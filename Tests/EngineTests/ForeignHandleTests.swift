import Handfast
import Testing

@Suite struct `A connection of another endpoint` {
    @Test(arguments: transports) func `is refused by all that take one, and nothing is posted on it`(
        transport: String
    ) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let (payload, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
        for error in [
            #expect(throws: HandfastError.self) { try pair.near.receive(into: room.mutable, from: far) },
            #expect(throws: HandfastError.self) { try pair.near.receive(into: room.mutable, from: far, tag: 1) },
            #expect(throws: HandfastError.self) { try pair.near.probe(from: far) },
            #expect(throws: HandfastError.self) { try pair.near.takeMessage(from: far, tag: 1, timeout: .seconds(1)) },
            #expect(throws: HandfastError.self) { try pair.near.wait(for: far) },
        ] {
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("another endpoint") == true)
        }
        let foreign = try pair.far.receive(into: room.mutable, from: far)
        for error in [
            #expect(throws: HandfastError.self) { try pair.near.wait(for: foreign) },
            #expect(throws: HandfastError.self) { try pair.near.wait(forAny: [foreign]) },
            #expect(throws: HandfastError.self) { try pair.near.wait(forAll: [foreign]) },
        ] {
            #expect(error?.code == .invalidArgument)
        }
        #expect(foreign.cancel())
        let send = try near.send(payload.bytes)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        _ = try pair.finish(receive)
        _ = try pair.finish(send)
        #expect(room == payload)
    }
}
