import Glibc
import Handfast
import Precon
import Testing

/// A TCP peer that sends whatever bytes a test wants to an endpoint.
final class RawPeer {
    let socket: Int32
    private(set) var received: [UInt8] = []
    private(set) var hasEnded = false

    init(_ address: EndpointAddress) throws {
        // Processes that other tests start meanwhile must not keep it.
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    /// One that was accepted.
    init(owning socket: Int32) { self.socket = socket }

    deinit { close(socket) }

    /// As it shows in the other side's log.
    var name: String {
        var own = sockaddr_in()
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &byteCount) }
        }
        return "127.0.0.1:\(own.sin_port.bigEndian)"
    }

    func send(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    func send(_ messages: PreconMessage...) { for message in messages { send(message.frame) } }

    /// The begin of a connect on demand, up to who it says that it is.
    /// - Parameter incarnation: nil as of a peer that speaks only 0x0200.
    func claim(_ name: String, _ incarnation: UInt64?) {
        let info = ConnectionInfo(
            origin: .tcp(port: 0), node: 0x7f00_0001, rank: -1, connectionID: 1, name: WireName(name))
        guard let incarnation else { return send(.pscomVersion, .connectionInfoOnDemand(info)) }
        var about = PeerInfo()
        about.name = name
        let more = VersionOffer.Extension(
            features: 0, incarnation: incarnation, nonce: VersionOffer.Nonce(high: 1, low: 2))
        send(
            .version(VersionOffer(lowest: 0x200, highest: 0x300, handfast: more)), .peerInfo(about),
            .connectionInfoOnDemand(info))
    }

    /// Takes what has come.
    func poll() {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0 { received += buffer.prefix(count) }
        if count == 0 || (count < 0 && errno != EAGAIN) { hasEnded = true }
    }

    /// It was told why it is turned away.
    var wasRejected: Bool { messages.contains { if case .reject = $0 { true } else { false } } }

    /// The handshake messages among what has come.
    var messages: [PreconMessage] {
        var rest = received[...]
        var found: [PreconMessage] = []
        while rest.count >= 8, let header = try? FrameHeader(decoding: Array(rest.prefix(8))) {
            rest = rest.dropFirst(8)
            guard rest.count >= Int(header.payloadByteCount) else { break }
            let payload = rest.prefix(Int(header.payloadByteCount))
            rest = rest.dropFirst(Int(header.payloadByteCount))
            if let message = try? PreconMessage(type: header.type, payload: payload) { found.append(message) }
        }
        return found
    }
}

func frame(_ type: UInt32, byteCount: UInt32, payload: [UInt8] = []) -> [UInt8] {
    [type, byteCount].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } } + payload
}

extension PreconMessage {
    static let pscomVersion = version(VersionOffer(lowest: 0x200, highest: 0x200, handfast: nil))
    static let pscomInfo = connectionInfo(
        ConnectionInfo(origin: .tcp(port: 0), node: 0x7f00_0001, rank: -1, connectionID: 1, name: WireName("bad")))
}
