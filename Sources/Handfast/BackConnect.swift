import Glibc
import Precon
import TransportAPI

/// "Please connect to me": one message on a stream of its own, and the peer's acknowledgement.
final class BackConnect: DeadlineHolder {
    private unowned let association: Association
    private let stream: PreconStream
    private var watch: UInt?
    private var isConnected = false
    let nextDeadline: ContinuousClock.Instant?

    /// - Throws: when it cannot even begin.
    init(_ association: Association) throws(HandfastError) {
        self.association = association
        let engine = association.engine
        nextDeadline = .now + engine.settings.connectTimeout
        let places = engine.ranked(association.address.places)
        let socket = try engine.openSocket(to: places[engine.lastWinner(of: places)])
        stream = PreconStream(owning: socket)
        // A whole name that the 8 bytes cannot hold goes before it; a pscom peer passes it over.
        if WireName(engine.name).description != engine.name { stream.queue(.peerInfo(engine.ownPeerInfo())) }
        stream.queue(.backConnect(engine.ownInfo(on: stream.socket)))
        watch = engine.watches.add(stream.socket, .backConnect(self), readable: true, writable: true)
        engine.watch(self)
    }

    func socketIsReady() {
        if !isConnected {
            let error = stream.connectError
            guard error == 0 else { return end(String(cString: strerror(error))) }
            isConnected = true
        }
        let error = stream.flush()
        guard error == 0 else { return end(String(cString: strerror(error))) }
        if let watch, !stream.hasOutgoing {
            association.engine.watches.change(watch, stream.socket, readable: true, writable: false)
        }
        let incoming = stream.read()
        stream.endTurn()
        switch incoming {
        case .message(.backAcknowledgement): end(nil)
        case .message(.reject(let rejection)): end(rejection.text.escaped())
        case .nothing, .unknown: break
        case .message(let message): end("it answered BACK_CONNECT by \(message.name)")
        case .garbage(let error): end(error.description)
        case .ended: end("it closed the stream instead of an answer")
        }
    }

    func checkDeadlines(_ now: ContinuousClock.Instant) { end("no answer to BACK_CONNECT in time") }

    private func end(_ failure: String?) {
        finish()
        association.backConnectEnded(self, failure)
    }

    /// Lets go of everything; nothing is reported.
    func finish() {
        if let watch { association.engine.watches.remove(watch, stream.socket) }
        watch = nil
        association.engine.unwatch(self)
    }
}
