import Precon

/// Two handshakes and the two directions of the stream between them, as one value that a search can copy.
struct HandshakeWorld: Hashable {
    enum End: Hashable { case established(UInt32), failed(HandshakeFailure) }

    struct Side: Hashable {
        var handshake: Handshake
        /// What may be used with the peer, for the answerer to say when asked.
        let transports: [UInt32]
        /// Messages on their way to this side.
        var inbox: [PreconMessage] = []
        /// Nothing more will be put into the inbox.
        var isInboxClosed = false
        var hasSeenEnd = false
        var attempt: UInt32?
        var hasStep = false
        var isDecided = false
        var end: End?
    }

    enum Move: Hashable {
        case deliver(Int), end(Int), accept(Int), refuse(Int)
        /// The starter's owner takes another stream.
        case abandon
        /// The stream breaks, and only the first messages of each inbox still arrive.
        case cut(Int, Int)
    }

    var sides: [Side]
    private(set) var isCut = false
    private(set) var isAbandoned = false
    /// The first broken rule, if any.
    private(set) var fault: String?

    init(starter: Handshake, answerer: Handshake, answererTransports: [UInt32]) {
        sides = [Side(handshake: starter, transports: []), Side(handshake: answerer, transports: answererTransports)]
        handle(.opened, at: 1)
        handle(.opened, at: 0)
    }

    func moves(cutting: Bool) -> [Move] {
        var moves: [Move] = []
        for (index, side) in sides.enumerated() {
            if !side.inbox.isEmpty { moves.append(.deliver(index)) }
            if side.inbox.isEmpty, side.isInboxClosed, !side.hasSeenEnd { moves.append(.end(index)) }
            guard side.attempt != nil, !side.isDecided else { continue }
            moves.append(.refuse(index))
            // As in shared memory, the answerer has to see the starter's step before it can accept.
            if index == 0 || side.hasStep { moves.append(.accept(index)) }
        }
        if cutting, sides[0].end == nil { moves.append(.abandon) }
        guard cutting, !isCut, sides.contains(where: { $0.end == nil }) else { return moves }
        for first in 0...sides[0].inbox.count {
            for second in 0...sides[1].inbox.count { moves.append(.cut(first, second)) }
        }
        return moves
    }

    func after(_ move: Move) -> HandshakeWorld {
        var next = self
        switch move {
        case .deliver(let index):
            let message = next.sides[index].inbox.removeFirst()
            next.handle(.received(message), at: index)
        case .end(let index):
            next.sides[index].hasSeenEnd = true
            next.handle(.streamEnded, at: index)
        case .accept(let index):
            next.sides[index].isDecided = true
            next.handle(.attemptAccepted, at: index)
        case .refuse(let index):
            next.sides[index].isDecided = true
            next.handle(.attemptRefused(Refusal(.unreachable, "side \(index)")), at: index)
        case .abandon:
            next.isAbandoned = true
            next.handle(.abandoned, at: 0)
        case .cut(let first, let second):
            next.isCut = true
            for (index, kept) in [first, second].enumerated() {
                next.sides[index].inbox.removeLast(next.sides[index].inbox.count - kept)
                next.sides[index].isInboxClosed = true
            }
        }
        return next
    }

    private mutating func handle(_ event: HandshakeEvent, at index: Int) {
        for action in sides[index].handshake.handle(event) { perform(action, at: index) }
    }

    private mutating func perform(_ action: HandshakeAction, at index: Int) {
        if sides[index].end != nil { fault = fault ?? "side \(index) acts after its end: \(action)" }
        let peer = 1 - index
        switch action {
        case .send(let message):
            if !sides[peer].isInboxClosed { sides[peer].inbox.append(message) }
        case .identify(let identity):
            guard index == 1 else { return }
            handle(
                .peerAccepted(as: identity.connection, transports: sides[index].transports, refusals: [:]), at: index)
        case .beginAttempt(let transport):
            if sides[index].attempt != nil { fault = fault ?? "side \(index) begins a second attempt" }
            sides[index].attempt = transport
            sides[index].hasStep = false
            sides[index].isDecided = false
            if index == 0 { handle(.attemptStep(number: 1, payload: [UInt8(transport)]), at: index) }
        case .deliverStep(_, let payload):
            if payload != sides[index].attempt.map({ [UInt8($0)] }) {
                fault = fault ?? "side \(index) gets a step of another attempt"
            }
            sides[index].hasStep = true
        case .abandonAttempt(let transport): endAttempt(transport, at: index)
        case .completeAttempt(let transport):
            endAttempt(transport, at: index)
            sides[index].end = .established(transport)
        case .fail(let failure):
            sides[index].end = .failed(failure)
            // The owner closes: what is out still arrives, what comes is thrown away.
            sides[index].inbox = []
            sides[index].isInboxClosed = true
            sides[index].hasSeenEnd = true
            sides[peer].isInboxClosed = true
        }
    }

    private mutating func endAttempt(_ transport: UInt32, at index: Int) {
        if sides[index].attempt != transport { fault = fault ?? "side \(index) ends attempt \(transport) twice" }
        sides[index].attempt = nil
    }
}
