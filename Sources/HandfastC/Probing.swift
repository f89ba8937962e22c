public import CHandfast
import Handfast

// Messages that no receive has matched: found, looked at, taken.

@c @implementation
public func hf_probe(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ tag: UInt64, _ mask: UInt64, _ timeout_ns: Int64,
    _ header: UnsafeMutableRawPointer?, _ header_byte_count: UInt32, _ info: UnsafeMutablePointer<hf_message_info>?
) -> hf_status {
    probe(endpoint, from, timeout_ns, header, header_byte_count, info, looksAlways: false) {
        endpoint, _, header, source throws(HandfastError) in
        try endpoint.probe(header: header, from: source, tag: tag, mask: mask)
    }
}

@c @implementation
public func hf_probe_where(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ match: hf_match_function?, _ context: UnsafeMutableRawPointer?,
    _ timeout_ns: Int64, _ header: UnsafeMutableRawPointer?, _ header_byte_count: UInt32,
    _ info: UnsafeMutablePointer<hf_message_info>?
) -> hf_status {
    guard let match else { return Refusal.null("match").told() }
    return probe(endpoint, from, timeout_ns, header, header_byte_count, info, looksAlways: true) {
        endpoint, place, header, source throws(HandfastError) in
        try endpoint.probe(header: header, from: source, where: place.predicate(match, context))
    }
}

@c @implementation
public func hf_take_message(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ tag: UInt64, _ mask: UInt64, _ timeout_ns: Int64,
    _ message: UnsafeMutablePointer<hf_message>?
) -> hf_status {
    take(endpoint, from, timeout_ns, message, looksAlways: false) { endpoint, _, source throws(HandfastError) in
        try endpoint.takeMessage(from: source, tag: tag, mask: mask)
    }
}

@c @implementation
public func hf_take_message_where(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ match: hf_match_function?, _ context: UnsafeMutableRawPointer?,
    _ timeout_ns: Int64, _ message: UnsafeMutablePointer<hf_message>?
) -> hf_status {
    guard let match else { return Refusal.null("match").told() }
    return take(endpoint, from, timeout_ns, message, looksAlways: true) {
        endpoint, place, source throws(HandfastError) in
        try endpoint.takeMessage(from: source, where: place.predicate(match, context))
    }
}

/// - Parameters:
///   - looksAlways: what is meant may change without an arrival.
///   - look: looks once.
@inline(__always)
private func probe(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ timeout: Int64, _ header: UnsafeMutableRawPointer?,
    _ headerByteCount: UInt32, _ info: UnsafeMutablePointer<hf_message_info>?,
    looksAlways: Bool,
    _ look: (Endpoint, GuardPointer, UnsafeMutableRawBufferPointer, Connection?) throws(HandfastError) -> MessageInfo?
) -> hf_status {
    guard let info else { return Refusal.null("info").told() }
    if let refusal = refusal(to: info, "info") { return refusal.told() }
    guard let header = room(header, UInt64(headerByteCount)) else { return Refusal.null("header").told() }
    guard let source = source(from) else { return Refusal.notAHandle(from, of: "a connection").told() }
    return onEndpoint(endpoint) { endpoint, place throws(HandfastError) in
        try place.find(timeout, endpoint, source, looksAlways: looksAlways) { () throws(HandfastError) in
            guard let found = try look(endpoint, place, header, source) else { return false }
            fill(info, found)
            return true
        }
    }
}

/// - Parameters:
///   - looksAlways: what is meant may change without an arrival.
///   - look: looks once.
@inline(__always)
private func take(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ timeout: Int64, _ message: UnsafeMutablePointer<hf_message>?,
    looksAlways: Bool,
    _ look: (Endpoint, GuardPointer, Connection?) throws(HandfastError) -> Message?
) -> hf_status {
    guard let message else { return Refusal.null("message").told() }
    guard let source = source(from) else { return Refusal.notAHandle(from, of: "a connection").told() }
    return onEndpoint(endpoint) { endpoint, place throws(HandfastError) in
        try place.find(timeout, endpoint, source, looksAlways: looksAlways) { () throws(HandfastError) in
            guard let found = try look(endpoint, place, source) else { return false }
            message.pointee = found.handle
            return true
        }
    }
}

@c @implementation
public func hf_message_look(
    _ message: hf_message, _ header: UnsafeMutableRawPointer?, _ header_byte_count: UInt32,
    _ info: UnsafeMutablePointer<hf_message_info>?
) -> hf_status {
    guard let info else { return Refusal.null("info").told() }
    if let refusal = refusal(to: info, "info") { return refusal.told() }
    guard let header = room(header, UInt64(header_byte_count)) else { return Refusal.null("header").told() }
    return onMessage(message) { message throws(HandfastError) in
        fill(info, try message.info(header: header))
        return HF_OK
    }
}

@c @implementation
public func hf_message_payload(
    _ message: hf_message, _ payload: UnsafeMutablePointer<UnsafeRawPointer?>?,
    _ byte_count: UnsafeMutablePointer<UInt64>?
) -> hf_status {
    guard let payload else { return Refusal.null("payload").told() }
    guard let byte_count else { return Refusal.null("byte_count").told() }
    return onMessage(message) { message throws(HandfastError) in
        try message.withBytes { (_, bytes) throws(HandfastError) in
            guard let bytes else { return HF_NOT_READY }
            payload.pointee = bytes.baseAddress
            byte_count.pointee = UInt64(bytes.count)
            return HF_OK
        }
    }
}

@c @implementation
public func hf_message_receive(
    _ message: hf_message, _ payload: UnsafeMutableRawPointer?, _ byte_count: UInt64,
    _ header: UnsafeMutableRawPointer?, _ header_byte_count: UInt32, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    guard let payload = room(payload, byte_count) else { return Refusal.null("payload").told() }
    guard let header = room(header, UInt64(header_byte_count)) else { return Refusal.null("header").told() }
    return onMessage(message) { message throws(HandfastError) in
        request.pointee = try message.receive(into: payload, header: header.isEmpty ? nil : header).handle
        return HF_OK
    }
}

@c @implementation
public func hf_message_drop(_ message: hf_message) -> hf_status {
    onMessage(message) { message in
        guard !message.isGone else { return Refusal.stale("a message").told() }
        message.drop()
        return HF_OK
    }
}

private func fill(_ info: UnsafeMutablePointer<hf_message_info>, _ found: MessageInfo) {
    info.pointee.header_byte_count = UInt32(found.headerByteCount)
    info.pointee.connection = found.connection.handle
    info.pointee.tag = found.tag
    info.pointee.byte_count = UInt64(found.byteCount)
    info.pointee.is_whole = found.isWhole ? 1 : 0
}

extension GuardPointer {
    /// A function of the program's that matches, called so that it cannot call back.
    func predicate(
        _ match: @escaping hf_match_function, _ context: UnsafeMutableRawPointer?
    ) -> (UnsafeRawBufferPointer, Connection) -> Bool {
        { header, connection in
            callOut { match(context, connection.handle, header.baseAddress, UInt32(header.count)) }
        }
    }

    /// Waits until something is found, or never will be. No error of the search is looked for twice.
    fileprivate func find(
        _ timeout: Int64, _ endpoint: Endpoint, _ source: Connection?, looksAlways: Bool,
        _ isFound: () throws(HandfastError) -> Bool
    ) throws(HandfastError) -> hf_status {
        var seen = endpoint.arrivalCount
        if try isFound() { return HF_OK }
        guard timeout != 0 else { return HF_NOT_READY }
        var outcome: Result<Bool, HandfastError> = .success(false)
        let status = wait(timeout) {
            guard looksAlways || endpoint.hasNews(from: source, since: &seen) else { return false }
            do throws(HandfastError) { outcome = .success(try isFound()) } catch { outcome = .failure(error) }
            if case .success(false) = outcome { return false }
            return true
        }
        if case .failure(let error) = outcome { throw error }
        return status
    }
}
