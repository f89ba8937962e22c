import Glibc
import Precon
import TransportAPI

/// "Please connect to me": one message on a stream of its own, and the peer's acknowledgement. The peer's places are
/// asked one after another, until one of them acknowledges.
final class BackConnect: DeadlineHolder {
    private unowned let association: Association
    /// Those that have not been asked.
    private var places: ArraySlice<EndpointAddress.Place>
    private var stream: PreconStream?
    private var watch: UInt?
    /// Which is being asked.
    private(set) var place: EndpointAddress.Place?
    private var isConnected = false
    private var failures: [String] = []
    private(set) var nextDeadline: ContinuousClock.Instant?

    /// - Throws: when it cannot even begin, at any place.
    init(_ association: Association) throws(HandfastError) {
        self.association = association
        let all = association.places
        let first = association.engine.lastWinner(of: all)
        places = all[first...] + all[..<first]
        guard askNext() else { throw HandfastError(.unreachable, failures.joined(separator: "; ")) }
    }

    /// What it is about, in words.
    var standing: String {
        "\(place?.description ?? ""): \(isConnected ? "BACK_ACK was awaited" : "the TCP connection was being made")"
    }

    /// - Returns: whether there is a place that may answer.
    private func askNext() -> Bool {
        let engine = association.engine
        while let place = places.popFirst() {
            do throws(HandfastError) {
                let stream = PreconStream(owning: try engine.openSocket(to: place))
                // A whole name that the 8 bytes cannot hold goes before it; a pscom peer passes it over.
                if WireName(engine.name).description != engine.name { stream.queue(.peerInfo(engine.ownPeerInfo())) }
                stream.queue(.backConnect(engine.ownInfo(on: stream.socket)))
                (self.stream, self.place) = (stream, place)
                isConnected = false
                watch = engine.watches.add(stream.socket, .backConnect(self), readable: true, writable: true)
                nextDeadline = .now + engine.settings.connectTimeout
                engine.watch(self)
                return true
            } catch { failures.append(error.message) }
        }
        return false
    }

    func socketIsReady() {
        guard let stream else { return }
        if !isConnected {
            let error = stream.connectError
            guard error == 0 else { return failed(systemErrorText(error)) }
            isConnected = true
        }
        let error = stream.flush()
        guard error == 0 else { return failed(systemErrorText(error)) }
        if let watch, !stream.hasOutgoing {
            association.engine.watches.change(watch, stream.socket, readable: true, writable: false)
        }
        let incoming = stream.read()
        stream.endTurn()
        switch incoming {
        case .message(.backAcknowledgement):
            finish()
            association.backConnectEnded(self, nil)
        case .message(.reject(let rejection)): failed(rejection.text.escaped())
        case .nothing, .unknown: break
        case .message(let message): failed("it answered BACK_CONNECT by \(message.name)")
        case .garbage(let error): failed(error.description)
        case .ended: failed("it closed the stream instead of an answer")
        }
    }

    func checkDeadlines(_ now: ContinuousClock.Instant) {
        let limit = "\(association.engine.settings.connectTimeout) (\(Settings.connectTimeout.name))"
        failed("no answer to BACK_CONNECT within \(limit)")
    }

    /// This place is none where the peer can be asked.
    private func failed(_ failure: String) {
        failures.append(failure)
        finish()
        guard !askNext() else { return }
        association.backConnectEnded(self, failures.joined(separator: "; "))
    }

    /// Lets go of everything; nothing is reported.
    func finish() {
        if let watch, let stream { association.engine.watches.remove(watch, stream.socket) }
        watch = nil
        stream = nil
        nextDeadline = nil
        association.engine.unwatch(self)
    }
}
