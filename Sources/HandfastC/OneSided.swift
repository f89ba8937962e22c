public import CHandfast
import Handfast

@c @implementation
public func hf_put(
    _ connection: hf_connection, _ bytes: UnsafeRawPointer?, _ byte_count: UInt64, _ key: UnsafePointer<UInt8>?,
    _ offset: UInt64, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let content = HandfastC.bytes(bytes, byte_count) else { return Refusal.null("bytes").told() }
    return onMemory(connection, key, offset, request) { connection, memory, offset throws(HandfastError) in
        try connection.put(content, to: memory, offset: offset)
    }
}

@c @implementation
public func hf_put_notify(
    _ connection: hf_connection, _ bytes: UnsafeRawPointer?, _ byte_count: UInt64, _ key: UnsafePointer<UInt8>?,
    _ offset: UInt64, _ value: UInt64, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let content = HandfastC.bytes(bytes, byte_count) else { return Refusal.null("bytes").told() }
    return onMemory(connection, key, offset, request) { connection, memory, offset throws(HandfastError) in
        try connection.put(content, to: memory, offset: offset, notify: value)
    }
}

@c @implementation
public func hf_get(
    _ connection: hf_connection, _ bytes: UnsafeMutableRawPointer?, _ byte_count: UInt64,
    _ key: UnsafePointer<UInt8>?, _ offset: UInt64, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let target = room(bytes, byte_count) else { return Refusal.null("bytes").told() }
    return onMemory(connection, key, offset, request) { connection, memory, offset throws(HandfastError) in
        try connection.get(into: target, from: memory, offset: offset)
    }
}

@c @implementation
public func hf_fetch_add(
    _ connection: hf_connection, _ key: UnsafePointer<UInt8>?, _ offset: UInt64, _ byte_count: UInt32,
    _ value: UInt64, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let width = AtomicWidth(rawValue: Int(byte_count)) else { return refuse(byte_count) }
    return onMemory(connection, key, offset, request) { connection, memory, offset throws(HandfastError) in
        try connection.fetchAndAdd(value, to: memory, offset: offset, width: width)
    }
}

@c @implementation
public func hf_swap(
    _ connection: hf_connection, _ key: UnsafePointer<UInt8>?, _ offset: UInt64, _ byte_count: UInt32,
    _ value: UInt64, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let width = AtomicWidth(rawValue: Int(byte_count)) else { return refuse(byte_count) }
    return onMemory(connection, key, offset, request) { connection, memory, offset throws(HandfastError) in
        try connection.swap(value, in: memory, offset: offset, width: width)
    }
}

@c @implementation
public func hf_compare_swap(
    _ connection: hf_connection, _ key: UnsafePointer<UInt8>?, _ offset: UInt64, _ byte_count: UInt32,
    _ expected: UInt64, _ desired: UInt64, _ request: UnsafeMutablePointer<hf_request>?
) -> hf_status {
    guard let width = AtomicWidth(rawValue: Int(byte_count)) else { return refuse(byte_count) }
    return onMemory(connection, key, offset, request) { connection, memory, offset throws(HandfastError) in
        try connection.compareAndSwap(
            expected: expected, desired: desired, in: memory, offset: offset, width: width)
    }
}

@c @implementation
public func hf_flush(_ connection: hf_connection, _ request: UnsafeMutablePointer<hf_request>?) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    return onConnection(connection) { connection throws(HandfastError) in
        request.pointee = try connection.flush().handle
        return HF_OK
    }
}

private func refuse(_ byteCount: UInt32) -> hf_status {
    Refusal.argument("atomic operations on \(byteCount) bytes; 4 and 8 are allowed").told()
}

@inline(__always)
private func onMemory(
    _ handle: hf_connection, _ key: UnsafePointer<UInt8>?, _ offset: UInt64,
    _ request: UnsafeMutablePointer<hf_request>?,
    _ body: (Connection, RemoteMemory, Int) throws(HandfastError) -> Request
) -> hf_status {
    guard let request else { return Refusal.null("request").told() }
    guard let key else { return Refusal.null("key").told() }
    guard let memory = RemoteMemory(keyAt: UnsafeRawPointer(key)) else {
        return Refusal.argument("the bytes are no key; one comes from hf_memory_key").told()
    }
    guard let offset = Int(exactly: offset) else {
        return Refusal.argument("the offset \(offset) is beyond any memory").told()
    }
    return onConnection(handle) { connection throws(HandfastError) in
        request.pointee = try body(connection, memory, offset).handle
        return HF_OK
    }
}
