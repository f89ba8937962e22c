public import CHandfast
import Handfast
import TransportAPI

@c @implementation
public func hf_connect(
    _ endpoint: hf_endpoint, _ address: UnsafePointer<CChar>?, _ options: UnsafePointer<hf_connect_options>?,
    _ connection: UnsafeMutablePointer<hf_connection>?
) -> hf_status {
    if let refusal = refusal(ofText: address, "address") { return refusal.told() }
    guard let address = text(address) else { return Refusal.null("address").told() }
    guard let connection else { return Refusal.null("connection").told() }
    if let options, let refusal = refusal(toRead: options, "options") { return refusal.told() }
    let (mode, transports) = (options?.pointee.mode ?? HF_CONNECT_DIRECT.rawValue, text(options?.pointee.transports))
    return onEndpoint(endpoint) { endpoint, _ throws(HandfastError) in
        switch hf_connect_mode(rawValue: mode) {
        case HF_CONNECT_DIRECT:
            let selection = try transports.map { text throws(HandfastError) in
                try endpoint.settings.selection(transports: text, select: nil)
            }
            connection.pointee = try endpoint.connect(to: address, selection: selection).handle
        case HF_CONNECT_ON_DEMAND:
            guard transports == nil else {
                return Refusal.argument("transports are given for a connection on demand; HANDFAST_SELECT can").told()
            }
            connection.pointee = try endpoint.connect(to: address, mode: .onDemand).handle
        default:
            return Refusal.argument("\(mode) is no hf_connect_mode").told()
        }
        return HF_OK
    }
}

@c @implementation
public func hf_connection_wait(_ connection: hf_connection, _ timeout_ns: Int64) -> hf_status {
    guard let (peer, owner) = Connection.find(connection) else {
        return Refusal.notAHandle(connection, of: "a connection").told()
    }
    return onOwner(owner, "a connection") { place throws(HandfastError) in
        guard !peer.isGone else { return Refusal.stale("a connection").told() }
        let status = place.wait(timeout_ns) { peer.state != .connecting }
        guard status == HF_OK else { return status }
        if peer.state == .closed { throw peer.error ?? HandfastError(.closed, "the connection was closed") }
        return HF_OK
    }
}

@c @implementation
public func hf_connection_state_get(
    _ connection: hf_connection, _ state: UnsafeMutablePointer<hf_connection_state>?
) -> hf_status {
    guard let state else { return Refusal.null("state").told() }
    // Of an endpoint that is gone.
    if let found = Connection.find(connection), found.owner == nil {
        state.pointee = HF_STATE_CLOSED
        return HF_OK
    }
    return onConnection(connection, changing: false) { connection in
        state.pointee =
            switch connection.state {
            case .onDemand: HF_STATE_ON_DEMAND
            case .connecting: HF_STATE_CONNECTING
            case .connected: HF_STATE_CONNECTED
            case .closing: HF_STATE_CLOSING
            case .closed: HF_STATE_CLOSED
            }
        return HF_OK
    }
}

@c @implementation
public func hf_connection_peer_name(
    _ connection: hf_connection, _ text: UnsafeMutablePointer<CChar>?, _ room: Int,
    _ byte_count: UnsafeMutablePointer<Int>?
) -> hf_status {
    onConnection(connection, changing: false) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        return copy(connection.peer?.name ?? "", text, room, byte_count)
    }
}

@c @implementation
public func hf_connection_transport(
    _ connection: hf_connection, _ text: UnsafeMutablePointer<CChar>?, _ room: Int,
    _ byte_count: UnsafeMutablePointer<Int>?
) -> hf_status {
    onConnection(connection, changing: false) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        guard let transport = connection.transport else { return HF_NOT_READY }
        return copy(transport, text, room, byte_count)
    }
}

@c @implementation
public func hf_connection_is_local(_ connection: hf_connection, _ is_local: UnsafeMutablePointer<Bool>?) -> hf_status {
    guard let is_local else { return Refusal.null("is_local").told() }
    return onConnection(connection, changing: false) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        guard let peer = connection.peer, connection.transport != nil else { return HF_NOT_READY }
        is_local.pointee = peer.isLocal
        return HF_OK
    }
}

@c @implementation
public func hf_connection_set_context(
    _ connection: hf_connection, _ context: UnsafeMutableRawPointer?
) -> hf_status {
    onConnection(connection, changing: false) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        connection.context = context
        return HF_OK
    }
}

// Hot path.
@c @implementation
public func hf_connection_context(
    _ connection: hf_connection, _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> hf_status {
    guard let context else { return Refusal.null("context").told() }
    return onConnection(connection, changing: false) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        context.pointee = connection.context
        return HF_OK
    }
}

@c @implementation
public func hf_connection_error(
    _ connection: hf_connection, _ error: UnsafeMutablePointer<hf_error>?
) -> hf_status {
    guard let error else { return Refusal.null("error").told() }
    if let refusal = refusal(to: error, "error") { return refusal.told() }
    return onConnection(connection, changing: false) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        let reason = connection.error
        error.pointee.status = (reason?.status ?? HF_OK).rawValue
        error.pointee.system_error = reason?.systemError ?? 0
        error.pointee.is_unsent = 0
        withUnsafeMutableBytes(of: &error.pointee.text) { (reason?.message ?? "").write(to: $0) }
        return HF_OK
    }
}

@c @implementation
public func hf_connection_decision(
    _ connection: hf_connection, _ index: UInt32, _ decision: UnsafeMutablePointer<hf_decision>?
) -> hf_status {
    guard let decision else { return Refusal.null("decision").told() }
    if let refusal = refusal(to: decision, "decision") { return refusal.told() }
    return onConnection(connection, changing: false) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        let decisions = connection.decisions
        guard index < decisions.count else { return HF_NOT_READY }
        let made = decisions[Int(index)]
        let outcome =
            switch made.outcome {
            case .chosen: HF_OUTCOME_CHOSEN
            case .excluded: HF_OUTCOME_EXCLUDED
            case .refusedHere: HF_OUTCOME_REFUSED_HERE
            case .refusedByPeer: HF_OUTCOME_REFUSED_BY_PEER
            case .notTried: HF_OUTCOME_NOT_TRIED
            }
        decision.pointee.outcome = Int32(outcome.rawValue)
        withUnsafeMutableBytes(of: &decision.pointee.transport) { made.transport.write(to: $0) }
        withUnsafeMutableBytes(of: &decision.pointee.reason) { made.reason.write(to: $0) }
        return HF_OK
    }
}

@c @implementation
public func hf_connection_close(_ connection: hf_connection) -> hf_status {
    onConnection(connection) { connection in
        guard !connection.isGone else { return Refusal.stale("a connection").told() }
        connection.close()
        return HF_OK
    }
}
