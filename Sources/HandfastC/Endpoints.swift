public import CHandfast
import Handfast
import TransportAPI

@c @implementation
public func hf_endpoint_listen(_ endpoint: hf_endpoint, _ host: UnsafePointer<CChar>?, _ port: UInt16) -> hf_status {
    onEndpoint(endpoint) { endpoint, _ throws(HandfastError) in
        guard let host = text(host) else {
            try endpoint.listen(port: port)
            return HF_OK
        }
        guard let address = IPAddress(host) else {
            return Refusal.argument(
                "\"\(host.prefix(64))\" is no IP address of this host, and no other text is allowed"
            ).told()
        }
        try endpoint.listen(on: address, port: port)
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_address(
    _ endpoint: hf_endpoint, _ text: UnsafeMutablePointer<CChar>?, _ room: Int,
    _ byte_count: UnsafeMutablePointer<Int>?
) -> hf_status {
    onEndpoint(endpoint, changing: false) { endpoint, _ in
        guard let address = endpoint.address else { return HF_NOT_READY }
        return copy(address.description, text, room, byte_count)
    }
}

@c @implementation
public func hf_endpoint_addresses(
    _ endpoint: hf_endpoint, _ text: UnsafeMutablePointer<CChar>?, _ room: Int,
    _ byte_count: UnsafeMutablePointer<Int>?
) -> hf_status {
    onEndpoint(endpoint, changing: false) { endpoint, _ in
        guard let addresses = endpoint.addresses else { return HF_NOT_READY }
        return copy(addresses.description, text, room, byte_count)
    }
}

@c @implementation
public func hf_endpoint_name(
    _ endpoint: hf_endpoint, _ text: UnsafeMutablePointer<CChar>?, _ room: Int,
    _ byte_count: UnsafeMutablePointer<Int>?
) -> hf_status {
    onEndpoint(endpoint, changing: false) { endpoint, _ in copy(endpoint.name, text, room, byte_count) }
}

@c @implementation
public func hf_endpoint_close(_ endpoint: hf_endpoint) -> hf_status {
    onEndpoint(endpoint) { endpoint, _ in
        endpoint.close()
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_is_closed(_ endpoint: hf_endpoint, _ is_closed: UnsafeMutablePointer<Bool>?) -> hf_status {
    guard let is_closed else { return Refusal.null("is_closed").told() }
    return onEndpoint(endpoint, changing: false) { endpoint, _ in
        is_closed.pointee = endpoint.isClosed
        return HF_OK
    }
}

// Hot path.
@c @implementation
public func hf_progress(_ endpoint: hf_endpoint, _ count: UnsafeMutablePointer<UInt32>?) -> hf_status {
    onEndpoint(endpoint) { endpoint, _ in
        let done = endpoint.progress()
        count?.pointee = UInt32(clamping: done)
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_fd(_ endpoint: hf_endpoint, _ fd: UnsafeMutablePointer<Int32>?) -> hf_status {
    guard let fd else { return Refusal.null("fd").told() }
    return onEndpoint(endpoint, changing: false) { endpoint, _ in
        fd.pointee = endpoint.fileDescriptor
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_arm(
    _ endpoint: hf_endpoint, _ timeout_milliseconds: UnsafeMutablePointer<Int32>?
) -> hf_status {
    guard let timeout_milliseconds else { return Refusal.null("timeout_milliseconds").told() }
    return onEndpoint(endpoint, changing: false) { endpoint, place in
        guard case .upTo(let limit) = endpoint.arm() else {
            // It may have done what others wait for.
            place.tellOthers()
            return HF_NOT_READY
        }
        timeout_milliseconds.pointee = limit.map { $0.millisecondCount } ?? -1
        return HF_OK
    }
}

@c @implementation
public func hf_accept(_ endpoint: hf_endpoint, _ connection: UnsafeMutablePointer<hf_connection>?) -> hf_status {
    guard let connection else { return Refusal.null("connection").told() }
    return onEndpoint(endpoint, changing: false) { endpoint, _ in
        guard let accepted = endpoint.accept() else { return HF_NOT_READY }
        connection.pointee = accepted.handle
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_next_connection(
    _ endpoint: hf_endpoint, _ after: hf_connection, _ connection: UnsafeMutablePointer<hf_connection>?
) -> hf_status {
    guard let connection else { return Refusal.null("connection").told() }
    guard let before = source(after) else { return Refusal.notAHandle(after, of: "a connection").told() }
    return onEndpoint(endpoint, changing: false) { endpoint, _ throws(HandfastError) in
        guard let next = try endpoint.connection(after: before) else { return HF_NOT_READY }
        connection.pointee = next.handle
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_pending(
    _ endpoint: hf_endpoint, _ text: UnsafeMutablePointer<CChar>?, _ room: Int,
    _ byte_count: UnsafeMutablePointer<Int>?
) -> hf_status {
    onEndpoint(endpoint, changing: false) { endpoint, _ in
        copy(endpoint.pending.map(\.description).joined(separator: "\n"), text, room, byte_count)
    }
}

@c @implementation
public func hf_endpoint_take_event(_ endpoint: hf_endpoint, _ event: UnsafeMutablePointer<hf_event>?) -> hf_status {
    guard let event else { return Refusal.null("event").told() }
    if let refusal = refusal(to: event, "event") { return refusal.told() }
    return onEndpoint(endpoint, changing: false) { endpoint, _ in
        guard let taken = endpoint.takeEvent() else { return HF_NOT_READY }
        let kind =
            switch taken.reason.code {
            case .closed: HF_EVENT_CLOSED
            case .peerLost: HF_EVENT_PEER_LOST
            case .peerRestarted: HF_EVENT_PEER_RESTARTED
            default: HF_EVENT_FAILED
            }
        event.pointee.kind = Int32(kind.rawValue)
        event.pointee.connection = taken.connection.handle
        event.pointee.status = taken.reason.status.rawValue
        event.pointee.system_error = taken.reason.systemError
        withUnsafeMutableBytes(of: &event.pointee.text) { taken.reason.message.write(to: $0) }
        return HF_OK
    }
}

@c @implementation
public func hf_endpoint_flush(_ endpoint: hf_endpoint, _ request: UnsafeMutablePointer<hf_request>?) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    return onEndpoint(endpoint) { endpoint, _ throws(HandfastError) in
        request.pointee = try endpoint.flush().handle
        return HF_OK
    }
}

@c @implementation
public func hf_take_notification(
    _ endpoint: hf_endpoint, _ notification: UnsafeMutablePointer<hf_notification>?
) -> hf_status {
    guard let notification else { return Refusal.null("notification").told() }
    if let refusal = refusal(to: notification, "notification") { return refusal.told() }
    return onEndpoint(endpoint) { endpoint, _ in
        guard let taken = endpoint.takeNotification() else { return HF_NOT_READY }
        notification.pointee.connection = taken.connection.handle
        notification.pointee.value = taken.value
        return HF_OK
    }
}
