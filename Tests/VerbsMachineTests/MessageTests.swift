import Handfast
import Testing
import VerbsPeer

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `the endpoint` {
        @Test func `puts, gets and counts in a peer's memory`() throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint()
            let connection = try connect(endpoint, peer.address)
            let byteCount = 3 << 20
            let digits = try peer.ask("share \(byteCount + 4096)", "key", endpoint).compactMap(\.hexDigitValue)
            let memory = try RemoteMemory(
                key: stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
            let (data, room) = (Pattern(byteCount: byteCount), Room(byteCount))
            func finish(_ request: Request) throws -> UInt64 {
                try endpoint.wait(for: request, timeout: .seconds(60)).fetched
            }
            _ = try finish(try connection.put(data.message(1), to: memory, offset: 4096))
            _ = try finish(try connection.get(into: room.bytes, from: memory, offset: 4096))
            #expect(room.holds(data.message(1)))

            for index in 0..<20 { #expect(try finish(try connection.fetchAndAdd(3, to: memory)) == UInt64(3 * index)) }
            #expect(try finish(try connection.compareAndSwap(expected: 60, desired: 7, in: memory)) == 60)
            #expect(try finish(try connection.compareAndSwap(expected: 60, desired: 8, in: memory)) == 7)
            #expect(try finish(try connection.swap(1 << 40, in: memory)) == 7)
            _ = try finish(try connection.flush())
            #expect(try peer.ask("look", "number", endpoint) == "\(UInt64(1) << 40)")
            withExtendedLifetime((data, room)) {}
        }

        @Test(arguments: [10, 10_000, 1 << 20])
        func `finds and takes messages that nobody has received`(byteCount: Int) throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint()
            let connection = try connect(endpoint, peer.address)
            let (pattern, room) = (Pattern(byteCount: byteCount), Room(byteCount))
            peer.tell("give 2 \(byteCount)")
            let found = try #require(try endpoint.probe(from: connection, timeout: .seconds(20)))
            #expect(found.byteCount == byteCount)
            let message = try #require(try endpoint.takeMessage(from: connection, timeout: .seconds(20)))
            // The second is received before the first, which is taken already.
            _ = try endpoint.wait(for: try endpoint.receive(into: room.bytes, from: connection), timeout: .seconds(30))
            #expect(room.holds(pattern.message(1)))
            _ = try endpoint.wait(for: try message.receive(into: room.bytes), timeout: .seconds(30))
            #expect(room.holds(pattern.message(0)))
            #expect(try peer.answer("gave", endpoint) == "2")
            withExtendedLifetime(room) {}
        }

        @Test func `receives what fits of a payload that stays with its sender`() throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint()
            let connection = try connect(endpoint, peer.address)
            let (pattern, room) = (Pattern(byteCount: 1 << 20), Room(1 << 19))
            peer.tell("give 1 \(1 << 20)")
            let error = try failure(endpoint, try endpoint.receive(into: room.bytes, from: connection))
            #expect(error?.code == .truncated)
            #expect(room.holds(UnsafeRawBufferPointer(rebasing: pattern.message(0)[..<room.bytes.count])))
            #expect(try peer.answer("gave", endpoint) == "1")
        }

        @Test func `sleeps while nothing comes, and is woken by what does`() throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint("near", ["HANDFAST_TRANSPORTS": "verbs", "HANDFAST_SPIN_US": "0"])
            let connection = try connect(endpoint, peer.address)
            let room = Room(100)
            func exchange() throws {
                peer.tell("give 1 100")
                let receive = try endpoint.receive(into: room.bytes, from: connection)
                _ = try endpoint.wait(for: receive, timeout: .seconds(20))
                #expect(try peer.answer("gave", endpoint) == "1")
            }
            try exchange()
            let before = Usage()
            _ = endpoint.wait(timeout: .seconds(2)) { false }
            let after = Usage()
            print(
                "asleep 2 s: \(after.processor - before.processor) of the processor, \(after.wakeUps - before.wakeUps) wake-ups"
            )
            #expect(after.processor - before.processor < .seconds(1))
            #expect(after.wakeUps - before.wakeUps < 100)
            // Each of them is asleep when the message comes.
            for _ in 0..<5 { try exchange() }
            withExtendedLifetime(room) {}
        }
    }
}
