import Glibc
import Synchronization
import TransportAPI

/// Resolves host names without blocking an engine.
///
/// The system's resolver can only be waited for, so that it is asked on threads of its own: the only ones in the library,
/// at most four at once in a process, each alive while there is a name to be resolved. They take no signals and touch
/// nothing but the lookup. A lookup that is abandoned leaves its thread waiting until the system's own deadline; others
/// stand in line for it.
final class HostResolver: Sendable {
    static let shared = HostResolver(resolve: ask)

    private struct State {
        var line: [HostLookup] = []
        var threadCount = 0
    }

    private let threadLimit: Int
    private let resolve: @Sendable (String) -> HostLookup.Answer
    private let state = Mutex(State())

    init(threadLimit: Int = 4, resolve: @escaping @Sendable (String) -> HostLookup.Answer) {
        self.threadLimit = threadLimit
        self.resolve = resolve
    }

    var threadCount: Int { state.withLock { $0.threadCount } }

    /// Asks for all names; the lookup's descriptor tells when they are answered.
    /// - Throws: `resources`.
    func start(_ names: [String]) throws(HandfastError) -> HostLookup {
        let lookup = try HostLookup(names)
        let needsThread = state.withLock { state in
            state.line.append(lookup)
            guard state.threadCount < threadLimit else { return false }
            state.threadCount += 1
            return true
        }
        guard needsThread else { return lookup }
        let error = makeThread()
        guard error != 0 else { return lookup }
        let isHopeless = state.withLock { state in
            state.threadCount -= 1
            guard state.threadCount == 0 else { return false }
            state.line.removeAll { $0 === lookup }
            return true
        }
        guard isHopeless else { return lookup }
        throw HandfastError(
            .resources, "no thread to resolve \(names[0].quoted): \(systemErrorText(error))",
            systemError: error)
    }

    /// - Returns: 0 or an errno.
    private func makeThread() -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // The program's signals are for its own threads.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let error = pthread_create(
            &thread, &attributes,
            { context in
                if let context { Unmanaged<HostResolver>.fromOpaque(context).takeRetainedValue().work() }
                return nil
            }, context.toOpaque())
        if error != 0 { context.release() }
        return error
    }

    /// What a thread does: lookups until there is none.
    private func work() {
        while let lookup = next() { lookup.run(resolve) }
    }

    private func next() -> HostLookup? {
        state.withLock { state in
            if !state.line.isEmpty { return state.line.removeFirst() }
            state.threadCount -= 1
            return nil
        }
    }

    /// The system's resolver: /etc/hosts, the domain name system, whatever the host is set up for.
    private static func ask(_ name: String) -> HostLookup.Answer {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(name, nil, &hints, &list)
        guard error == 0 else {
            guard error == EAI_SYSTEM else { return .failure(String(cString: gai_strerror(error))) }
            return .failure(systemErrorText(errno))
        }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let system = entry.pointee.ai_addr, let address = SocketAddress(copying: system).address else {
                continue
            }
            if !addresses.contains(address) { addresses.append(address) }
        }
        return addresses.isEmpty ? .failure("it has no IP address") : .addresses(addresses)
    }
}
