public import CHandfast
import Glibc
import Handfast

// Hot path.
@c @implementation
public func hf_send(
    _ connection: hf_connection, _ payload: UnsafeRawPointer?, _ byte_count: UInt64, _ header: UnsafeRawPointer?,
    _ header_byte_count: UInt32, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    guard let payload = bytes(payload, byte_count) else { return Refusal.null("payload").told() }
    guard let header = bytes(header, UInt64(header_byte_count)) else { return Refusal.null("header").told() }
    return onConnection(connection) { connection throws(HandfastError) in
        request.pointee = try connection.sendForHandle(payload, header: header)
        return HF_OK
    }
}

// Hot path.
@c @implementation
public func hf_send_tag(
    _ connection: hf_connection, _ payload: UnsafeRawPointer?, _ byte_count: UInt64, _ tag: UInt64,
    _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    guard let payload = bytes(payload, byte_count) else { return Refusal.null("payload").told() }
    return onConnection(connection) { connection throws(HandfastError) in
        request.pointee = try connection.sendForHandle(payload, tag: tag)
        return HF_OK
    }
}

@c @implementation
public func hf_send_pieces(
    _ connection: hf_connection, _ pieces: UnsafePointer<iovec>?, _ piece_count: UInt32, _ header: UnsafeRawPointer?,
    _ header_byte_count: UInt32, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    guard pieces != nil || piece_count == 0 else { return Refusal.null("pieces").told() }
    guard let header = bytes(header, UInt64(header_byte_count)) else { return Refusal.null("header").told() }
    let count = Int(piece_count)
    guard count <= Connection.maximumPieceCount else {
        return Refusal.argument("\(count) pieces; at most \(Connection.maximumPieceCount) are allowed").told()
    }
    return onConnection(connection) { connection throws(HandfastError) in
        try withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: max(count, 1)) {
            list throws(HandfastError) in
            for index in 0..<count {
                guard let piece = pieces?[index],
                    let content = bytes(piece.iov_base, UInt64(piece.iov_len))
                else { return Refusal.null("the place of a piece").told() }
                list.initializeElement(at: index, to: content)
            }
            let filled = UnsafeBufferPointer(rebasing: UnsafeBufferPointer(list)[..<count])
            request.pointee = try connection.send(pieces: filled, header: header).handle
            return HF_OK
        }
    }
}

// Hot path.
@c @implementation
public func hf_send_copy(
    _ connection: hf_connection, _ payload: UnsafeRawPointer?, _ byte_count: UInt64, _ header: UnsafeRawPointer?,
    _ header_byte_count: UInt32
) -> hf_status {
    guard let payload = bytes(payload, byte_count) else { return Refusal.null("payload").told() }
    guard let header = bytes(header, UInt64(header_byte_count)) else { return Refusal.null("header").told() }
    return onConnection(connection) { connection throws(HandfastError) in
        try connection.sendCopy(payload, header: header)
        return HF_OK
    }
}

// Hot path.
@c @implementation
public func hf_receive(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ payload: UnsafeMutableRawPointer?, _ byte_count: UInt64,
    _ header: UnsafeMutableRawPointer?, _ header_byte_count: UInt32, _ tag: UInt64, _ mask: UInt64,
    _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    guard let payload = room(payload, byte_count) else { return Refusal.null("payload").told() }
    guard let header = room(header, UInt64(header_byte_count)) else { return Refusal.null("header").told() }
    guard let source = source(from) else { return Refusal.notAHandle(from, of: "a connection").told() }
    return onEndpoint(endpoint) { endpoint, _ throws(HandfastError) in
        request.pointee = try endpoint.receive(
            into: payload, header: header.isEmpty ? nil : header, from: source, tag: tag, mask: mask
        ).handle
        return HF_OK
    }
}

@c @implementation
public func hf_receive_where(
    _ endpoint: hf_endpoint, _ from: hf_connection, _ payload: UnsafeMutableRawPointer?, _ byte_count: UInt64,
    _ header: UnsafeMutableRawPointer?, _ header_byte_count: UInt32, _ match: hf_match_function?,
    _ context: UnsafeMutableRawPointer?, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    guard let match else { return Refusal.null("match").told() }
    guard let payload = room(payload, byte_count) else { return Refusal.null("payload").told() }
    guard let header = room(header, UInt64(header_byte_count)) else { return Refusal.null("header").told() }
    guard let source = source(from) else { return Refusal.notAHandle(from, of: "a connection").told() }
    return onEndpoint(endpoint) { endpoint, place throws(HandfastError) in
        request.pointee = try endpoint.receive(
            into: payload, header: header.isEmpty ? nil : header, from: source, where: place.predicate(match, context)
        ).handle
        return HF_OK
    }
}
