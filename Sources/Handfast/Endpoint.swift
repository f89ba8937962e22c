import CSystem
import Glibc
public import Logging
public import TransportAPI

/// A process's own end: its listener, its connections, its progress.
///
/// Used by one thread at a time; there are no hidden threads, so nothing moves but in `progress` and `wait`. Only the
/// system's resolver runs on a thread of its own, while a host name is being resolved. A process may have several
/// endpoints. Dropping the last reference ends everything at once; `Connection.close` ends one in order.
public final class Endpoint {
    let engine: Engine
    /// The engine's, to be reached without a reference count.
    let state: UnsafeMutablePointer<EndpointState>

    /// - Parameters:
    ///   - name: how peers address it, at most 255 bytes; nil for HANDFAST_NAME or `p` and the process number.
    ///   - transports: all that may be used, in the order of preference; `DefaultTransports` lists those of the package.
    ///   - selection: which of them with whom; nil for HANDFAST_TRANSPORTS and HANDFAST_SELECT.
    ///   - environment: where settings come from; nil for the process's own.
    ///   - logger: by default only warnings and errors are written.
    /// - Throws: `invalidArgument` naming the variable or argument, its value and what is allowed; `resources`.
    ///
    /// It raises the process's soft limit of open descriptors to the hard one, unless HANDFAST_RAISE_DESCRIPTORS says no.
    public init(
        name: String? = nil, transports: [TransportDefinition], selection: TransportSelection? = nil,
        environment: [String: String]? = nil, logger: Logger? = nil
    ) throws(HandfastError) {
        let settings = try Settings(
            environment: environment ?? Settings.processEnvironment(), transports: transports)
        if settings.raisesDescriptorLimit { csystem_raise_descriptor_limit() }
        engine = try Engine(
            name: try Self.checkedName(name ?? settings.name), settings: settings,
            selection: selection ?? settings.selection, definitions: transports,
            logger: logger ?? Self.quietLogger())
        state = engine.state
    }

    deinit {
        // A forked child has only copies: to end the connections is for the process that made them.
        if engine.processID == getpid() { engine.shutDown() }
    }

    private static func checkedName(_ name: String?) throws(HandfastError) -> String {
        guard let name else { return "p\(getpid())" }
        let limit = EndpointAddress.maximumNameByteCount
        guard (1...limit).contains(name.utf8.count),
            name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0 != "\u{7f}" })
        else {
            throw HandfastError(
                .invalidArgument,
                "the name \"\(name.prefix(64))\" is not allowed: 1 to \(limit) bytes without control characters are")
        }
        return name
    }

    private static func quietLogger() -> Logger {
        var logger = Logger(label: "handfast")
        logger.logLevel = .warning
        return logger
    }

    public var name: String { engine.name }

    /// Begins to accept peers.
    /// - Parameters:
    ///   - host: nil for all addresses of this host, IPv4 and IPv6.
    ///   - port: 0 for any that is free.
    /// - Returns: what to tell the peers.
    @discardableResult
    public func listen(on host: IPAddress? = nil, port: UInt16 = 0) throws(HandfastError) -> EndpointAddress {
        try engine.listen(on: host, port: port)
        return address!
    }

    /// Where peers reach it, in the form with one place that pscom peers read too; nil before `listen`.
    public var address: EndpointAddress? { engine.address }

    /// All places where peers may reach it, at most 16, the best first; nil before `listen`. HANDFAST_NETWORK chooses
    /// among them. Addresses that are good on one link alone are left out, because only the peer knows its link.
    public var addresses: EndpointAddress? { engine.ownAddresses }

    /// Whether connections that are begun from now on note how long each step of theirs takes, for `Connection.phases`.
    public var keepsPhases: Bool {
        get { engine.keepsPhases }
        set { engine.keepsPhases = newValue }
    }

    /// From how many bytes on a payload waits at its sender for the receive; HANDFAST_RENDEZVOUS_BYTES at first. A
    /// change holds for connections that come up after it.
    public var rendezvous: RendezvousThresholds {
        get { engine.rendezvous }
        set { engine.rendezvous = newValue }
    }

    /// Begins to connect; the connection can be used at once, what is sent is queued.
    /// - Parameter selection: overrides the endpoint's own for this peer.
    /// - Throws: when it cannot even begin; `noTransport` lists each transport with its reason.
    public func connect(
        to address: EndpointAddress, selection: TransportSelection? = nil
    ) throws(HandfastError) -> Connection { Connection(try engine.connect(to: address, selection).slot) }

    /// Begins to connect to an address as a text, such as `10.0.0.1:5000@rank0`, that may also have host names:
    /// `node7:5000@rank0`, or several places with commas between them.
    ///
    /// A name is resolved by the system's resolver on a thread of its own, the only one in the library, which lives no
    /// longer than that takes; HANDFAST_RESOLVE_TIMEOUT_MS bounds it. The connection can be used at once. A name that
    /// cannot be resolved ends it with an error that names it and says what the resolver said, unless another place works.
    /// - Throws: `invalidArgument` with the text, the place in it and what is allowed; and as the other `connect`.
    public func connect(to text: String, selection: TransportSelection? = nil) throws(HandfastError) -> Connection {
        Connection(try engine.connect(to: try EndpointText(text), selection).slot)
    }

    /// The same, or only notes whom the connection is to: then the first message of either side connects. Until then
    /// it costs neither a descriptor nor a byte on the wire; an endpoint may name thousands of peers.
    /// - Throws: `invalidArgument` when the mode is `onDemand` and the address has no name, the endpoint does not
    ///   listen, or the name is expected already.
    public func connect(to address: EndpointAddress, mode: ConnectMode) throws(HandfastError) -> Connection {
        switch mode {
        case .direct: try connect(to: address)
        case .onDemand: Connection(try engine.expect(PeerTarget(address)))
        }
    }

    /// The same with an address as a text, whose host names are resolved when somebody wants to connect.
    /// - Throws: `invalidArgument` as above, and with the text, the place in it and what is allowed.
    public func connect(to text: String, mode: ConnectMode) throws(HandfastError) -> Connection {
        switch mode {
        case .direct: try connect(to: text)
        case .onDemand: Connection(try engine.expect(try PeerTarget(try EndpointText(text))))
        }
    }

    /// Closes all connections in order and stops listening. Never waits: `isClosed` tells when all is done.
    public func close() { engine.close() }

    /// True when the endpoint was closed and nothing is left of its connections.
    public var isClosed: Bool { engine.isClosed }

    /// Takes the oldest connection that a peer has made; nil when there is none.
    public func accept() -> Connection? {
        guard !engine.incoming.isEmpty else { return nil }
        let slot = engine.incoming.removeFirst().slot
        slot.pointee.isKnownToUser = true
        return Connection(slot)
    }

    /// Takes the oldest news of a connection that ended without this side's `close`; nil when there is none. The requests
    /// on it have failed by then. What nobody takes is kept, one event for each connection.
    public func takeEvent() -> ConnectionEvent? { engine.events.take() }

    /// Posts a receive for the next message that fits, from one connection or any. Never waits.
    ///
    /// Receives match in the order in which they were posted, messages in the order in which they came.
    /// - Parameters:
    ///   - payload: room for the payload, left alone by the caller until the request is complete. A longer message
    ///     completes the request with `truncated`.
    ///   - header: room for the user header, likewise; nil when it does not matter.
    ///   - connection: nil for any.
    ///   - predicate: says whether a message with this user header and connection is meant. It must not call back into
    ///     the library. It costs an allocation; nil takes any message.
    /// - Throws: `stale`, `resources`, or the error by which the connection ended.
    public func receive(
        into payload: UnsafeMutableRawBufferPointer, header: UnsafeMutableRawBufferPointer? = nil,
        from connection: Connection? = nil, where predicate: ((UnsafeRawBufferPointer, Connection) -> Bool)? = nil
    ) throws(HandfastError) -> Request {
        let request = try makeReceive(into: payload, header: header, from: connection)
        if let predicate { request.setPredicate(predicate) }
        return try post(request, from: connection)
    }

    // Hot path.
    /// A receive that takes any message and is not posted yet.
    @inline(__always)
    func makeReceive(
        into payload: UnsafeMutableRawBufferPointer, header: UnsafeMutableRawBufferPointer?,
        from connection: Connection?
    ) throws(HandfastError) -> UnsafeMutablePointer<RequestSlot> {
        if let connection { try check(connection) }
        guard let request = state.takeRequest() else { throw .tooManyRequests }
        request.expect(payload: payload, header: header)
        request.pointee.connection = connection?.slot
        request.pointee.connectionGeneration = connection?.generation ?? 0
        return request
    }

    // Hot path.
    @inline(__always)
    func post(
        _ request: UnsafeMutablePointer<RequestSlot>, from connection: Connection?
    ) throws(HandfastError) -> Request {
        state.post(request, from: connection?.slot)
        if let connection, request.pointee.isQueued, !connection.mayBring, let reason = endReason(of: connection) {
            // What is left of the connection does not fit, and nothing more will come.
            _ = request.cancelReceive()
            request.giveBack()
            throw reason
        }
        return Request(request)
    }

    // Hot path.
    @inline(__always)
    private func check(_ connection: Connection) throws(HandfastError) {
        if !connection.isStale, connection.slot.pointee.endpoint == state, connection.mayBring { return }
        try checkWhatIsLeft(of: connection)
    }

    /// Apart, because the room for an error alone costs more than the check.
    @inline(never)
    private func checkWhatIsLeft(of connection: Connection) throws(HandfastError) {
        try checkOwner(of: connection)
        guard connection.slot.pointee.unexpected.first == nil else { return }
        if let reason = endReason(of: connection) { throw reason }
    }

    // Hot path.
    func checkOwner(of connection: Connection) throws(HandfastError) {
        guard !connection.isStale else { throw .staleConnection }
        guard connection.slot.pointee.endpoint == state else { throw .foreignConnection }
    }

    // Hot path.
    /// Why no message can come any more; nil when one can.
    func endReason(of connection: Connection) -> HandfastError? {
        let slot = connection.slot
        guard !connection.mayBring, let record = connection.record else { return nil }
        if slot.pointee.dropsArrivals { return record.endReason }
        switch record.phase {
        case .resolving, .dialing, .connecting, .onDemand: return nil
        case .connected, .ended: return record.endReason
        }
    }
}

extension Connection {
    // Hot path.
    /// It is up, and the peer has not said that it has sent all. Looked at before anything that makes an error, whose
    /// room alone costs more than this.
    fileprivate var mayBring: Bool {
        slot.pointee.channel != nil && !slot.pointee.hasPeerEnded && !slot.pointee.dropsArrivals
    }
}
