import Glibc
import TransportAPI
import VerbsTransport

/// One side of an attempt over iWARP, in tests that play the handshake themselves.
struct IWARPSide {
    /// `10.2.0.1,10.2.0.2`, of two devices that reach each other; nil where there are none.
    static let addresses: [[UInt8]]? = getenv("VERBS_IWARP_ADDRESSES").map {
        String(cString: $0).split(separator: ",").map { $0.split(separator: ".").compactMap { UInt8($0) } }
    }
    /// Of the step before the answerer's port, and with port and token.
    static let offerByteCount = 68
    static let answerByteCount = 86

    let transport: any Transport
    let attempt: any TransportAttempt

    /// The starter's peer is at the second address, the answerer's at the first.
    init(_ role: AttemptRole, _ transport: (any Transport)? = nil) throws {
        let address = Self.addresses![role == .starter ? 1 : 0]
        self.transport = try transport ?? Self.makeTransport()
        attempt = try self.transport.makeAttempt(
            role, with: PeerDescription(name: "peer", address: address, isLocal: true))
    }

    static func makeTransport() throws -> any Transport {
        let definition = VerbsTransport.definition
        return try definition.make(SettingValues(environment: [:], checkedAgainst: definition.settings))
    }

    /// Goes on until there is a step to send, or it has accepted, which is nil.
    /// - Parameters:
    ///   - step: of the peer.
    ///   - others: go on meanwhile.
    func run(_ step: [UInt8]? = nil, beside others: [IWARPSide] = []) throws -> [UInt8]? {
        var progress = try attempt.advance(step: step)
        while true {
            switch progress {
            case .step(_, let payload): return payload
            case .accepted: return nil
            case .wait: break
            }
            var places = ([self] + others).map { pollfd(fd: $0.attempt.descriptor, events: Int16(POLLIN), revents: 0) }
            guard poll(&places, nfds_t(places.count), 20_000) > 0 else { throw Silence() }
            for (place, other) in zip(places.dropFirst(), others) where place.revents != 0 {
                _ = try other.attempt.advance(step: nil)
            }
            progress = places[0].revents != 0 ? try attempt.advance(step: nil) : .wait
        }
    }

    struct Silence: Error {}
}
