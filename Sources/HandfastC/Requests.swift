public import CHandfast
import Handfast

@c @implementation
public func hf_request_test(_ request: hf_request, _ completion: UnsafeMutablePointer<hf_completion>?) -> hf_status {
    if let completion, let refusal = refusal(to: completion, "completion") { return refusal.told() }
    if let byteCount = Request.byteCount(ofComplete: request) {
        if let completion { fill(completion, byteCount: byteCount) }
        return HF_OK
    }
    return onRequest(request, changing: false) { request, _ in takeResult(of: request, into: completion) }
}

@c @implementation
public func hf_request_status(_ request: hf_request) -> hf_status {
    if Request.byteCount(ofComplete: request) != nil { return HF_OK }
    return onRequest(request, changing: false) { request, _ in
        guard !request.isGone else { return Refusal.stale("a request").told() }
        return request.isComplete ? HF_OK : HF_NOT_READY
    }
}

@c @implementation
public func hf_request_cancel(_ request: hf_request, _ is_cancelled: UnsafeMutablePointer<Bool>?) -> hf_status {
    if Request.byteCount(ofComplete: request) != nil {
        is_cancelled?.pointee = false
        return HF_OK
    }
    return onRequest(request) { request, _ in
        guard !request.isGone else { return Refusal.stale("a request").told() }
        let isCancelled = request.cancel()
        is_cancelled?.pointee = isCancelled
        return HF_OK
    }
}

@c @implementation
public func hf_request_release(_ request: hf_request) -> hf_status {
    if Request.byteCount(ofComplete: request) != nil { return HF_OK }
    return onRequest(request) { request, _ throws(HandfastError) in
        try request.abandon()
        return HF_OK
    }
}

@c @implementation
public func hf_wait(
    _ request: hf_request, _ timeout_ns: Int64, _ completion: UnsafeMutablePointer<hf_completion>?
) -> hf_status {
    if let completion, let refusal = refusal(to: completion, "completion") { return refusal.told() }
    if let byteCount = Request.byteCount(ofComplete: request) {
        if let completion { fill(completion, byteCount: byteCount) }
        return HF_OK
    }
    return onRequest(request) { request, endpoint in
        if !request.isComplete {
            let status = endpoint.wait(timeout_ns) { request.isComplete }
            guard status == HF_OK else { return status }
        }
        return takeResult(of: request, into: completion)
    }
}

@c @implementation
public func hf_wait_any(
    _ requests: UnsafeMutablePointer<hf_request>?, _ count: UInt32, _ timeout_ns: Int64,
    _ index: UnsafeMutablePointer<UInt32>?, _ completion: UnsafeMutablePointer<hf_completion>?
) -> hf_status {
    guard let index else { return Refusal.null("index").told() }
    index.pointee = UInt32.max
    guard let requests else { return Refusal.null("requests").told() }
    if let completion, let refusal = refusal(to: completion, "completion") { return refusal.told() }
    let list = RequestList(requests, count)
    return list.onItsEndpoint(timeout_ns, isDone: { list.firstComplete != nil }) {
        guard let first = list.firstComplete else { return HF_NOT_READY }
        index.pointee = UInt32(first)
        return list.take(first, into: completion)
    }
}

@c @implementation
public func hf_wait_all(
    _ requests: UnsafeMutablePointer<hf_request>?, _ count: UInt32, _ timeout_ns: Int64,
    _ completions: UnsafeMutablePointer<hf_completion>?
) -> hf_status {
    guard count > 0 else { return HF_OK }
    guard let requests else { return Refusal.null("requests").told() }
    if let completions, let refusal = refusal(to: completions, "completions") { return refusal.told() }
    let list = RequestList(requests, count)
    // What is before it stays complete.
    var next = 0
    return list.onItsEndpoint(
        timeout_ns, isEmptyGood: true,
        isDone: {
            while next < list.count, list.isComplete(next) { next += 1 }
            return next == list.count
        },
        then: {
            let results = CompletionList(completions)
            var first = HF_OK
            for index in 0..<list.count {
                let status = list.take(index, into: results[index])
                if first == HF_OK { first = status }
            }
            return first
        })
}
