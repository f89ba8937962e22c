import CHandfast
import Glibc
import TCPTransport
import Testing
import TransportAPI

@Suite struct `TCP` {
    @Test func `brings a megabyte in order, though the receiver often takes only part`() throws {
        let pair = try ChannelPair()
        let bytes = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        pair.receiver.takeLimit = 777
        var sent = 0
        while pair.receiver.bytes.count < bytes.count {
            sent += pair.send(bytes[sent...])
            pair.poll()
            pair.resume()
        }
        #expect(pair.receiver.bytes == bytes)
    }

    @Test func `puts bytes straight where the engine wants them`() throws {
        let pair = try ChannelPair()
        pair.receiver.place = UnsafeMutableRawBufferPointer.allocate(byteCount: 5, alignment: 1)
        defer { pair.receiver.place?.deallocate() }
        #expect(pair.send([1, 2, 3, 4, 5, 6, 7]) == 7)
        while pair.receiver.bytes.count < 2 { pair.poll() }
        #expect(pair.receiver.place.map(Array.init) == [1, 2, 3, 4, 5])
        #expect(pair.receiver.bytes == [6, 7])
    }

    @Test func `takes no more than the peer reads, and says when there is room again`() throws {
        let pair = try ChannelPair()
        pair.receiver.takeLimit = 0
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        var sent = 0
        while true {
            let taken = pair.send(bytes[...])
            sent += taken
            if taken < bytes.count { break }
        }
        pair.receiver.takeLimit = .max
        while !pair.sender.hasRoom { pair.poll() }
        #expect(pair.receiver.bytes.count <= sent)
    }

    @Test func `tells the end of the stream once`() throws {
        let pair = try ChannelPair()
        pair.closeSender()
        while pair.receiver.ends.isEmpty { pair.poll() }
        for _ in 0..<10 { pair.poll() }
        #expect(pair.receiver.ends == [0])
    }

    @Test func `does not wait without end for peers that never close`() throws {
        // Each pair closes one end; the other ends stay open and silent.
        let transport = try TCPTransport()
        let pairs = try (0..<300).map { _ in try ChannelPair(transport: transport) }
        for pair in pairs { pair.closeSender() }
        // An end whose other end is closed cannot send; one whose other end lingers can.
        let alive = pairs.count { $0.sendBack([1]) == 1 }
        #expect((1...200).contains(alive))
    }

    @Test func `is defined by its name and number`() throws {
        #expect(TCPTransport.definition.name == "tcp")
        #expect(TCPTransport.definition.number == 103)
        #expect(try TCPTransport.definition.make(SettingValues(environment: [:], checkedAgainst: [])).descriptor >= 0)
    }
}
