import Precon

/// A stream between two endpoints: each direction keeps its order, and no two streams have one in common.
final class SimulatedStream {
    /// What reads one end.
    enum Reader {
        case handshake(SimulatedHandshake)
        case backConnect(SimulatedAssociation)
        case established(SimulatedAssociation)
        case nobody
    }

    private struct Direction {
        var lastArrival = Duration.zero
        var sentCount = 0
        var arrivedCount = 0
        /// Of a broken stream: what has been sent from this number on does not arrive.
        var cut: Int?
    }

    unowned let network: SimulatedNetwork
    let id: StreamID
    /// The opener's and the acceptor's number.
    let endpoints: [Int]
    private(set) var readers: [Reader] = [.nobody, .nobody]
    private var isOpen = [true, true]
    /// One of the two processes has crashed since.
    var isFormer = false
    private var directions = [Direction(), Direction()]

    init(_ network: SimulatedNetwork, _ id: StreamID, from opener: Int, to acceptor: Int) {
        self.network = network
        self.id = id
        endpoints = [opener, acceptor]
    }

    func isOpen(at end: Int) -> Bool { isOpen[end] }
    func read(_ reader: Reader, at end: Int) { if isOpen[end] { readers[end] = reader } }

    func send(_ message: PreconMessage, from end: Int) { enqueue(message, from: end) }

    /// What was sent before still arrives, then the end.
    func close(at end: Int) {
        guard isOpen[end] else { return }
        if !isBroken { enqueue(nil, from: end) }
        release(end)
    }

    /// The stream is over for both; only some of what is under way still arrives.
    func breakUp(after delay: Duration = .zero) {
        guard !isBroken else { return }
        for end in 0...1 {
            let direction = directions[end]
            directions[end].cut = network.number(direction.arrivedCount...direction.sentCount)
            let arrival = max(network.now + delay + network.delay(), direction.lastArrival)
            network.schedule(at: arrival) { [self] in receive(nil, at: 1 - end) }
        }
    }

    /// An end goes without a word.
    func release(_ end: Int) {
        isOpen[end] = false
        readers[end] = .nobody
        if !isOpen[1 - end] { network.forget(self) }
    }

    private var isBroken: Bool { directions[0].cut != nil }

    /// - Parameter message: nil is the end.
    private func enqueue(_ message: PreconMessage?, from end: Int) {
        guard isOpen[end], !isBroken else { return }
        let number = directions[end].sentCount
        directions[end].sentCount += 1
        let arrival = max(network.now + network.delay(), directions[end].lastArrival)
        directions[end].lastArrival = arrival
        if message != nil { network.messageCount += 1 }
        network.schedule(at: arrival) { [self] in
            if let cut = directions[end].cut, number >= cut { return }
            directions[end].arrivedCount += 1
            receive(message, at: 1 - end)
        }
    }

    private func receive(_ message: PreconMessage?, at end: Int) {
        guard isOpen[end] else { return }
        switch readers[end] {
        case .handshake(let handshake): handshake.receive(message)
        case .backConnect(let association): association.backConnectAnswered(message)
        case .established(let association):
            // After the agreement only a transport would speak.
            if let message, !message.isReject { return network.complain("\(message.name) on an established stream") }
            association.ended(self)
        case .nobody: network.complain("nobody reads stream \(id.rawValue)")
        }
    }
}

extension PreconMessage {
    fileprivate var isReject: Bool { if case .reject = self { true } else { false } }
}
