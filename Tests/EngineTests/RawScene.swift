import Handfast
import Precon
import Testing

/// Two endpoints that are connected over TCP, and a raw peer that is connected to the far one.
struct RawScene {
    let log = LogCapture()
    let pair: EndpointPair
    let near: Connection
    let far: Connection
    let raw: RawPeer
    let bad: Connection
    /// What the raw peer had received when the handshake was over.
    private let handshakeByteCount: Int

    /// - Parameter version: what the raw peer says that it is.
    init(_ more: [String: String] = [:], version: PreconMessage = .pscomVersion) throws {
        pair = try EndpointPair("tcp", more, logger: log.logger)
        (near, far) = try pair.connect()
        raw = try RawPeer(try #require(pair.far.address))
        raw.send(version, .pscomInfo, .transportRequest(103), .transportAccepted)
        var accepted: Connection?
        let (raw, pair) = (raw, pair)
        pair.run("the raw peer is connected") {
            raw.poll()
            accepted = accepted ?? pair.far.accept()
            return accepted != nil && raw.messages.last == .transportAccepted
        }
        bad = try #require(accepted)
        handshakeByteCount = raw.received.count
    }

    /// What the raw peer has received on the data path.
    var received: [UInt8] { Array(raw.received.dropFirst(handshakeByteCount)) }

    /// Drives all until so many bytes have come to the raw peer.
    func receive(byteCount: Int) {
        pair.run("\(byteCount) bytes") {
            raw.poll()
            return received.count >= byteCount || raw.hasEnded
        }
    }

    /// Drives all until the raw peer's connection has ended, and looks at the others.
    func expectViolation(_ word: String, _ what: Comment) throws {
        pair.run("it is closed") {
            raw.poll()
            return raw.hasEnded && bad.state == .closed
        }
        #expect(bad.error?.code == .rejected, what)
        #expect(log.lines.contains { $0.contains(raw.name) && $0.contains(word) }, "\(what): \(log.lines)")
        try pair.pingPong(near, far)
    }
}

/// The eight bytes before a message of the data path.
func dataHeader(_ kind: UInt8, userHeader: Int, payload: Int) -> [UInt8] {
    [UInt8(userHeader & 0xff), UInt8(userHeader >> 8), kind]
        + (0..<5).map { UInt8(truncatingIfNeeded: payload >> (8 * $0)) }
}

func littleEndian(_ words: UInt64...) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
}

func bigEndian(_ words: UInt64...) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
}

extension PreconMessage {
    /// Of a peer that knows one-sided operations.
    static let oneSidedVersion = version(
        VersionOffer(
            lowest: 0x200, highest: 0x300,
            handfast: .init(
                features: VersionOffer.Extension.rendezvousByMessages | VersionOffer.Extension.oneSided,
                incarnation: 1, nonce: .init(high: 2, low: 3))))
}
