import TransportAPI

/// One side of an attempt under way.
struct AttemptSide {
    enum Turn {
        /// There was no reason to advance.
        case idle
        case moved
        case send([UInt8])
    }

    let attempt: any TransportAttempt
    private(set) var hasAccepted = false
    private var hasBegun = false
    /// Steps of the peer that the attempt has not seen.
    private var steps: [[UInt8]] = []

    init(_ attempt: any TransportAttempt) { self.attempt = attempt }

    mutating func receive(_ step: [UInt8]) { steps.append(step) }

    /// Advances once if there is a reason to: the beginning, a step of the peer, a readable descriptor.
    mutating func advance() throws -> Turn {
        if !hasBegun {
            hasBegun = true
            return try advance(step: nil)
        }
        if !steps.isEmpty {
            guard !hasAccepted else { throw BrokenRule("a step came for a side that had accepted") }
            return try advance(step: steps.removeFirst())
        }
        guard !hasAccepted, attempt.descriptor >= 0, sleepUntilReadable([attempt.descriptor], milliseconds: 0) else {
            return .idle
        }
        return try advance(step: nil)
    }

    private mutating func advance(step: [UInt8]?) throws -> Turn {
        switch try attempt.advance(step: step) {
        case .wait: return .moved
        case .accepted:
            hasAccepted = true
            return .moved
        case .step(let number, let payload):
            guard (1...4).contains(number) else { throw BrokenRule("step \(number) is none of the four") }
            guard payload.count <= 65_536 else { throw BrokenRule("a step of \(payload.count) bytes fits no frame") }
            return .send(payload)
        }
    }
}
