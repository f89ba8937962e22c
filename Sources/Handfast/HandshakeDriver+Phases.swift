/// What of a handshake is timed, where the endpoint wants to know.
extension HandshakeDriver {
    enum Phase {
        case connect
        /// Until it is known who the peer is.
        case handshake
        case attempt(UInt32)
    }

    func beginPhase(_ phase: Phase) {
        guard let log = record?.phaseLog else { return }
        log.begin(text(phase))
    }

    func endPhase(_ phase: Phase) {
        guard let log = record?.phaseLog else { return }
        log.end(text(phase))
    }

    private func text(_ phase: Phase) -> String {
        switch phase {
        case .connect: "TCP connect to \(peerText)"
        case .handshake: "handshake with \(peerText)"
        case .attempt(let transport): engine.transportName(transport)
        }
    }
}
