import CHandfast
import Handfast

// Every call goes in through one of these: the handle is checked, then the guard, and errors become codes.

// Hot path.
@inline(__always)
func onEndpoint(
    _ handle: hf_endpoint, changing hasChanged: Bool = true,
    _ body: (Endpoint, GuardPointer) throws(HandfastError) -> hf_status
) -> hf_status {
    guard let place = GuardPointer.find(handle) else { return Refusal.notAHandle(handle, of: "an endpoint").told() }
    let mode = place.pointee.mode
    if mode != 0, let refusal = place.enter() { return refusal.told() }
    defer { if mode != 0 { place.leave(hasChanged: hasChanged) } }
    guard place.pointee.generation == handle, let endpoint = place.pointee.endpoint else {
        return Refusal.stale("an endpoint").told()
    }
    return endpoint._withUnsafeGuaranteedRef { endpoint in
        do throws(HandfastError) { return try body(endpoint, place) } catch { return error.told() }
    }
}

// Hot path.
/// - Parameters:
///   - owner: nil when the endpoint is gone.
///   - kind: for errors.
@inline(__always)
func onOwner(
    _ owner: UnsafeMutableRawPointer?, _ kind: StaticString, changing hasChanged: Bool = true,
    _ body: (GuardPointer) throws(HandfastError) -> hf_status
) -> hf_status {
    guard let place = owner?.assumingMemoryBound(to: EndpointGuard.self) else { return Refusal.stale(kind).told() }
    let mode = place.pointee.mode
    if mode != 0, let refusal = place.enter() { return refusal.told() }
    defer { if mode != 0 { place.leave(hasChanged: hasChanged) } }
    do throws(HandfastError) { return try body(place) } catch { return error.told() }
}

// Hot path.
@inline(__always)
func onConnection(
    _ handle: hf_connection, changing hasChanged: Bool = true,
    _ body: (Connection) throws(HandfastError) -> hf_status
) -> hf_status {
    guard let (connection, owner) = Connection.find(handle) else {
        return Refusal.notAHandle(handle, of: "a connection").told()
    }
    return onOwner(owner, "a connection", changing: hasChanged) { _ throws(HandfastError) in try body(connection) }
}

// Hot path.
@inline(__always)
func onRequest(
    _ handle: hf_request, changing hasChanged: Bool = true,
    _ body: (Request, GuardPointer) throws(HandfastError) -> hf_status
) -> hf_status {
    guard let (request, owner) = Request.find(handle) else {
        return Refusal.notAHandle(handle, of: "a request").told()
    }
    return onOwner(owner, "a request", changing: hasChanged) { place throws(HandfastError) in
        try body(request, place)
    }
}

// Hot path.
@inline(__always)
func onQueue(
    _ handle: hf_queue, changing hasChanged: Bool = true,
    _ body: (CompletionQueue, GuardPointer) throws(HandfastError) -> hf_status
) -> hf_status {
    guard let (queue, owner) = CompletionQueue.find(handle) else {
        return Refusal.notAHandle(handle, of: "a completion queue").told()
    }
    return onOwner(owner, "a completion queue", changing: hasChanged) { place throws(HandfastError) in
        guard !queue.isGone else { return Refusal.stale("a completion queue").told() }
        return try body(queue, place)
    }
}

func onMessage(_ handle: hf_message, _ body: (Message) throws(HandfastError) -> hf_status) -> hf_status {
    guard let (message, owner) = Message.find(handle) else {
        return Refusal.notAHandle(handle, of: "a message").told()
    }
    return onOwner(owner, "a message") { _ throws(HandfastError) in try body(message) }
}

// Hot path.
/// The connection that a receive is for.
/// - Returns: nil for what never was one; nil within for any.
@inline(__always)
func source(_ handle: hf_connection) -> Connection?? {
    guard handle != 0 else { return .some(nil) }
    return Connection.find(handle).map { $0.connection }
}

// Hot path.
/// Memory of the program's, from a pointer that may be null only if there are no bytes.
@inline(__always)
func bytes(_ start: UnsafeRawPointer?, _ byteCount: UInt64) -> UnsafeRawBufferPointer? {
    guard let start else { return byteCount == 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : nil }
    return UnsafeRawBufferPointer(start: start, count: Int(clamping: byteCount))
}

// Hot path.
@inline(__always)
func room(_ start: UnsafeMutableRawPointer?, _ byteCount: UInt64) -> UnsafeMutableRawBufferPointer? {
    guard let start else { return byteCount == 0 ? UnsafeMutableRawBufferPointer(start: nil, count: 0) : nil }
    return UnsafeMutableRawBufferPointer(start: start, count: Int(clamping: byteCount))
}
