import Glibc
import TCPTransport
import Testing

@Suite struct `Small messages over TCP` {
    private func message(_ number: Int, _ byteCount: Int = 100) -> ArraySlice<UInt8> {
        (0..<byteCount).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) }[...]
    }

    @Test func `leave at once after a poll if they are few, and together with the next poll behind those`() throws {
        let pair = try ChannelPair()
        for number in 0..<7 { #expect(pair.send(message(number)) == 100) }
        #expect(pair.unreadByteCount == 400)
        while pair.receiver.bytes.count < 700 { pair.poll() }
        #expect(pair.receiver.bytes == (0..<7).flatMap { Array(message($0)) })
        #expect(pair.send(message(7)) == 100)
        #expect(pair.unreadByteCount == 100)
    }

    @Test func `leave before the next poll when they are many`() throws {
        let pair = try ChannelPair()
        for number in 0..<1_000 { #expect(pair.send(message(number)) == 100) }
        #expect(pair.unreadByteCount > 30_000)
    }

    @Test func `keep their order among long ones, whoever takes how much`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let transport = try TCPTransport()
        let pairs = try (0..<3).map { _ in try ChannelPair(transport: transport) }
        var expected: [[UInt8]] = [[], [], []]
        for number in 0..<3_000 {
            let index = next(3)
            let bytes = message(number, [1, 30, 500, 4_096, 5_000, 70_000][next(6)])
            let taken = pairs[index].send(bytes)
            expected[index] += bytes.prefix(taken)
            pairs[index].receiver.takeLimit = [0, 10, 10_000, Int.max][next(4)]
            if next(4) == 0 {
                pairs[index].resume()
                pairs[index].poll()
            }
        }
        for pair in pairs { pair.receiver.takeLimit = .max }
        for (pair, bytes) in zip(pairs, expected) {
            while pair.receiver.bytes.count < bytes.count {
                for pair in pairs { pair.resume() }
                pair.poll()
            }
            #expect(pair.receiver.bytes == bytes, "seed \(seed)")
        }
    }

    @Test(arguments: [7, 20_000]) func `arrive though their channel is closed at once`(count: Int) throws {
        let pair = try ChannelPair()
        pair.receiver.takeLimit = 0
        var sent: [UInt8] = []
        for number in 0..<count {
            let taken = pair.send(message(number))
            sent += message(number).prefix(taken)
            // Now and then the receiver's side is asked, so that it holds back.
            if number % 100 == 0 { pair.poll() }
            if taken < 100 { break }
        }
        pair.closeSender()
        pair.receiver.takeLimit = .max
        while pair.receiver.ends.isEmpty {
            pair.resume()
            pair.poll()
        }
        #expect(pair.receiver.bytes == sent)
        #expect(pair.receiver.ends == [0])
    }
}
