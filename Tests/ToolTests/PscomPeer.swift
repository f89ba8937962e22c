import Testing

/// A pscom 6 peer as Documentation/Wire.md and the data path's format describe it, over TCP, written byte by byte.
final class PscomPeer {
    struct Frame {
        let type: UInt32
        let payload: [UInt8]
    }

    struct Message: Equatable {
        static let endType: UInt8 = 8

        var type: UInt8 = 0
        var header: [UInt8] = []
        var payload: [UInt8] = []
    }

    private static let version: UInt32 = 0x10_0003
    private static let connectionInfo: UInt32 = 0x10_0002
    private static let archRequest: UInt32 = 0x10_0010
    private static let archOK: UInt32 = 0x10_0011
    private static let archNext: UInt32 = 0x10_0012
    private static let tcp: [UInt8] = [103, 0, 0, 0]

    private let stream: RawSocket

    private init(_ stream: RawSocket) { self.stream = stream }

    /// Connects as pscom does: all at once, without waiting.
    static func connect(port: UInt16) throws -> PscomPeer {
        let peer = PscomPeer(try RawSocket.connect(port: port))
        try peer.send(version, [0, 2, 0, 0, 0, 2, 0, 0])
        try peer.send(connectionInfo, information(port: 0))
        try peer.send(archRequest, tcp)
        try peer.send(archOK, [])
        var seen: [UInt32] = []
        while seen.last != archOK { seen.append(try peer.frame().type) }
        #expect(seen.contains(version) && seen.contains(connectionInfo) && !seen.contains(archNext))
        return peer
    }

    /// Answers a connecting peer: refuses every transport but TCP.
    static func answer(_ stream: RawSocket, port: UInt16) throws -> PscomPeer {
        let peer = PscomPeer(stream)
        var isAgreed = false
        while true {
            let frame = try peer.frame()
            switch frame.type {
            case connectionInfo:
                #expect(frame.payload.count == 40)
                try peer.send(version, [0, 2, 0, 0, 0, 2, 0, 0])
                try peer.send(connectionInfo, information(port: port))
            case archRequest where frame.payload == tcp: isAgreed = true
            case archRequest: try peer.send(archNext, [])
            case archOK where isAgreed:
                try peer.send(archOK, [])
                return peer
            // Steps of a transport that was refused, and types that pscom does not know.
            default: break
            }
        }
    }

    private static func information(port: UInt16) -> [UInt8] {
        let origin: [UInt8] = [UInt8(port & 0xff), UInt8(port >> 8)] + [UInt8](repeating: 0, count: 14)
        let node: [UInt8] = [1, 0, 0, 127]
        let rank = [UInt8](repeating: 0xff, count: 4)
        return origin + node + rank + [7, 0, 0, 0, 0, 0, 0, 0] + Array("rawpeer\0".utf8)
    }

    private func send(_ type: UInt32, _ payload: [UInt8]) throws {
        try stream.send(Self.bigEndian(type) + Self.bigEndian(UInt32(payload.count)) + payload)
    }

    private func frame() throws -> Frame {
        let head = try #require(try stream.receive(8), "the peer closed during the handshake")
        let words = [0, 4].map { start in head[start..<(start + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
        return Frame(type: words[0], payload: try #require(try stream.receive(Int(words[1]))))
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xff) } }

    func send(_ message: Message) throws {
        let (header, payload) = (message.header, message.payload)
        let sizes: [UInt8] = [UInt8(header.count & 0xff), UInt8(header.count >> 8), message.type]
        let length = (0..<5).map { UInt8(payload.count >> (8 * $0) & 0xff) }
        try stream.send(sizes + length + header + payload)
    }

    /// Nil at the end of the stream.
    func receive() throws -> Message? {
        guard let head = try stream.receive(8) else { return nil }
        let length = head[3...].reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try #require(try stream.receive(Int(head[0]) | Int(head[1]) << 8))
        return Message(type: head[2], header: header, payload: try #require(try stream.receive(length)))
    }

    /// Echoes until the other side says goodbye, and answers that.
    /// - Returns: the sizes of what was echoed.
    func echoAll() throws -> [Int] {
        var sizes: [Int] = []
        while true {
            let message = try #require(try receive(), "the stream ended without a goodbye")
            if message.type == Message.endType { break }
            #expect(message.type == 0 && message.header.count == 12)
            sizes.append(message.payload.count)
            try send(message)
        }
        try send(Message(type: Message.endType))
        return sizes
    }
}
