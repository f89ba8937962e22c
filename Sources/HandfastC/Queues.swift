public import CHandfast
import Handfast

@c @implementation
public func hf_queue_create(_ endpoint: hf_endpoint, _ queue: UnsafeMutablePointer<hf_queue>?) -> hf_status {
    guard let queue else { return Refusal.null("queue").told() }
    return onEndpoint(endpoint, changing: false) { endpoint, _ throws(HandfastError) in
        queue.pointee = try endpoint.makeCompletionQueue().handle
        return HF_OK
    }
}

// Hot path.
@c @implementation
public func hf_queue_add(_ queue: hf_queue, _ request: hf_request, _ context: UInt64) -> hf_status {
    let byteCount = Request.byteCount(ofComplete: request)
    let found = byteCount == nil ? Request.find(request) : nil
    guard byteCount != nil || found != nil else { return Refusal.notAHandle(request, of: "a request").told() }
    return onQueue(queue) { queue, _ throws(HandfastError) in
        if let byteCount {
            try queue.add(completeWith: byteCount, context: context)
        } else if let found {
            try queue.add(found.request, context: context)
        }
        return HF_OK
    }
}

// Hot path.
@c @implementation
public func hf_queue_poll(
    _ queue: hf_queue, _ completions: UnsafeMutablePointer<hf_completion>?, _ room: UInt32,
    _ count: UnsafeMutablePointer<UInt32>?
) -> hf_status {
    guard let count else { return Refusal.null("count").told() }
    guard let completions else { return Refusal.null("completions").told() }
    if let refusal = refusal(to: completions, "completions") { return refusal.told() }
    let list = CompletionList(completions)
    return onQueue(queue, changing: false) { queue, _ in
        var taken: UInt32 = 0
        while taken < room, let entry = queue.takeFirst(), let target = list[Int(taken)] {
            if let error = entry.error {
                _ = fill(target, error, entry.completion, context: entry.context)
            } else {
                fill(target, entry.completion, context: entry.context)
            }
            taken += 1
        }
        count.pointee = taken
        return HF_OK
    }
}

@c @implementation
public func hf_queue_wait(_ queue: hf_queue, _ timeout_ns: Int64) -> hf_status {
    onQueue(queue) { queue, place in
        if !queue.isEmpty { return HF_OK }
        let status = place.wait(timeout_ns) { !queue.isEmpty || queue.isGone }
        // Another thread may have destroyed it.
        if status == HF_OK, queue.isGone { return Refusal.stale("a completion queue").told() }
        return status
    }
}

@c @implementation
public func hf_queue_open_count(_ queue: hf_queue, _ count: UnsafeMutablePointer<UInt64>?) -> hf_status {
    guard let count else { return Refusal.null("count").told() }
    return onQueue(queue, changing: false) { queue, _ in
        count.pointee = UInt64(queue.openCount)
        return HF_OK
    }
}

@c @implementation
public func hf_queue_destroy(_ queue: hf_queue) -> hf_status {
    onQueue(queue) { queue, _ in
        queue.close()
        return HF_OK
    }
}
