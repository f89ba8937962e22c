import CSystem
import Glibc
import TransportAPI

/// Where answerers knock: one listener per endpoint, and the sockets whose token is not known yet.
///
/// Anybody in the network namespace may connect; other users are shown out at once, and those who say nothing as soon
/// as `callerLimit` more than are waited for sit here.
final class Lobby {
    static let callerLimit = 16
    private static let backlog: Int32 = 128
    /// More than wait outside at once.
    private static let acceptLimit = 200

    /// One who has connected.
    private final class Caller {
        /// For as long as `socket` is here.
        let number: Int32
        private var socket: Descriptor?

        init(socket: consuming Descriptor) {
            number = socket.number
            self.socket = consume socket
        }

        func takeSocket() -> Descriptor? { socket.take() }
    }

    /// Readable when somebody knocks or speaks.
    let descriptor: Int32
    let name: Nonce
    private let epoll: Descriptor
    private let listener: Descriptor
    private var callers: [Caller] = []
    private var expected: Set<Nonce> = []

    /// - Throws: `resources` or `unreachable`, when this host gives no such socket.
    init() throws(TransportRefusal) {
        name = try Nonce.makeRandom()
        let socket = Lobby.socketName(name)
        let listening = unsafe csystem_listen(socket, UInt64(socket.count), Lobby.backlog)
        guard listening >= 0 else { throw .system(-listening, "cannot listen on a Unix socket") }
        listener = Descriptor(owning: listening)
        let made = csystem_epoll_make()
        guard made >= 0 else { throw .system(-made, "no descriptor for epoll") }
        epoll = Descriptor(owning: made)
        descriptor = made
        let status = csystem_epoll_add(made, listening, nil, 1, 0)
        guard status == 0 else { throw .system(-status, "cannot watch a Unix socket") }
    }

    static func socketName(_ name: Nonce) -> [UInt8] { Array("handfast-shm-\(name.text)".utf8) }

    func expect(_ token: Nonce) { expected.insert(token) }
    func forget(_ token: Nonce) { expected.remove(token) }

    /// Lets in who waits outside, shows out who does not belong here, and looks for one caller.
    /// - Returns: the socket on which the token was said; its message is still to be received.
    /// - Throws: `resources` when no more sockets can be had.
    func claim(_ token: Nonce) throws(TransportRefusal) -> Descriptor? {
        try admit()
        var found: Caller?
        callers.removeAll { caller in
            switch said(by: caller) {
            case .nothing: return false
            case .nonsense: return true
            case .token(let said):
                guard said == token, found == nil else { return !expected.contains(said) }
                found = caller
                return true
            }
        }
        guard let found else { return nil }
        _ = csystem_epoll_remove(epoll.number, found.number)
        return found.takeSocket()
    }

    private enum Said {
        case nothing
        case nonsense
        case token(Nonce)
    }

    private func said(by caller: Caller) -> Said {
        var bytes = [UInt8](repeating: 0, count: Introduction.byteCount)
        let count = unsafe csystem_peek_message(caller.number, &bytes, UInt64(bytes.count))
        if count == -Int64(EAGAIN) || count == -Int64(EINTR) { return .nothing }
        guard count == Int64(bytes.count), let introduction = Introduction(bytes) else { return .nonsense }
        return expected.contains(introduction.token) ? .token(introduction.token) : .nonsense
    }

    private func admit() throws(TransportRefusal) {
        for _ in 0..<Lobby.acceptLimit {
            let accepted = csystem_accept(listener.number)
            if accepted == -EAGAIN { return }
            if accepted == -EMFILE || accepted == -ENFILE || accepted == -ENOMEM || accepted == -ENOBUFS {
                throw .system(-accepted, "cannot accept a Unix socket")
            }
            guard accepted >= 0 else { continue }
            let socket = Descriptor(owning: accepted)
            guard (try? Credentials(of: socket))?.isOwnUser == true,
                csystem_epoll_add(epoll.number, accepted, nil, 1, 0) == 0
            else { continue }
            callers.append(Caller(socket: socket))
            if callers.count > Lobby.callerLimit + expected.count { showOneOut() }
        }
    }

    /// The oldest who has said nothing that is waited for; those who have are as many as our own attempts.
    private func showOneOut() {
        let index = callers.firstIndex { if case .token = said(by: $0) { false } else { true } }
        callers.remove(at: index ?? 0)
    }
}
