import Glibc
import TransportAPI

/// What a test and its peer process say to each other beside the connection under test.
enum ControlMessage {
    case step([UInt8])
    case accepted
    /// The other side cannot go on, in its own words.
    case failed(String)
    /// What a task has to tell.
    case words([UInt64])
}

/// Carries control messages over a local stream: size of the payload (u32), kind (u8), payload.
final class ControlStream {
    let descriptor: Int32

    /// - Parameter descriptor: closed with this object.
    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func send(_ message: ControlMessage) throws {
        switch message {
        case .step(let payload): try send(1, payload)
        case .accepted: try send(2, [])
        case .failed(let text): try send(3, Array(text.utf8))
        case .words(let words): try send(4, words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } })
        }
    }

    private func send(_ kind: UInt8, _ payload: [UInt8]) throws {
        let frame = withUnsafeBytes(of: UInt32(payload.count)) { Array($0) } + [kind] + payload
        let sent = Glibc.send(descriptor, frame, frame.count, Int32(MSG_NOSIGNAL))
        guard sent == frame.count else { throw BrokenRule("the control stream broke (errno \(errno))") }
    }

    /// Waits for the next message.
    /// - Throws: when none comes in time or the other process has gone.
    func receive(within limit: Duration = .seconds(10)) throws -> ControlMessage {
        let deadline = Deadline(limit)
        let head = try receive(5, deadline)
        let byteCount = head.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
        let payload = try receive(Int(byteCount), deadline)
        switch head[4] {
        case 1: return .step(payload)
        case 2: return .accepted
        case 3: return .failed(String(decoding: payload, as: UTF8.self))
        case 4:
            return payload.withUnsafeBytes { bytes in
                .words(
                    stride(from: 0, to: bytes.count, by: 8).map {
                        bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)
                    })
            }
        default: throw BrokenRule("a control message of kind \(head[4])")
        }
    }

    private func receive(_ byteCount: Int, _ deadline: Deadline) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < byteCount {
            try deadline.check("a message of the other process")
            guard sleepUntilReadable([descriptor], milliseconds: 100) else { continue }
            var part = [UInt8](repeating: 0, count: byteCount - bytes.count)
            let count = recv(descriptor, &part, part.count, 0)
            guard count > 0 else { throw BrokenRule("the other process has gone") }
            bytes += part[..<count]
        }
        return bytes
    }

    /// True when the other process has closed its end or gone.
    var hasEnded: Bool { hasStreamEnded(descriptor) }

    /// Takes an attempt to where both processes have accepted.
    func agree(_ attempt: any TransportAttempt) throws {
        var side = AttemptSide(attempt)
        var hasPeerAccepted = false
        let deadline = Deadline(.seconds(10))
        while !side.hasAccepted || !hasPeerAccepted {
            let hadAccepted = side.hasAccepted
            let turn = try side.advance()
            if case .send(let step) = turn { try send(.step(step)) }
            if side.hasAccepted, !hadAccepted { try send(.accepted) }
            try deadline.check("agreement with the other process")
            guard case .idle = turn else { continue }
            sleepUntilReadable([descriptor, side.hasAccepted ? -1 : attempt.descriptor], milliseconds: 100)
            guard sleepUntilReadable([descriptor], milliseconds: 0) else { continue }
            switch try receive() {
            case .step(let payload): side.receive(payload)
            case .accepted: hasPeerAccepted = true
            case .failed(let text): throw BrokenRule("the other process: \(text)")
            case .words: throw BrokenRule("the other process spoke out of turn")
            }
        }
    }
}
