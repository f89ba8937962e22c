import CHandfast
import Handfast

/// A list of requests that the program waits for.
struct RequestList {
    private let handles: UnsafeMutablePointer<hf_request>
    let count: Int

    init(_ handles: UnsafeMutablePointer<hf_request>, _ count: UInt32) {
        self.handles = handles
        self.count = Int(count)
    }

    // Hot path.
    /// True for no request, too, and for one whose result is gone.
    func isComplete(_ index: Int) -> Bool {
        guard handles[index] != 0, Request.byteCount(ofComplete: handles[index]) == nil else { return true }
        return Request.find(handles[index])?.request.isComplete ?? true
    }

    var firstComplete: Int? { (0..<count).first { handles[$0] != 0 && isComplete($0) } }

    /// Takes the result of a complete one, and puts no request in its place.
    func take(_ index: Int, into target: UnsafeMutablePointer<hf_completion>?) -> hf_status {
        let handle = handles[index]
        handles[index] = 0
        if let byteCount = handle == 0 ? 0 : Request.byteCount(ofComplete: handle) {
            if let target { fill(target, byteCount: byteCount) }
            return HF_OK
        }
        guard let (request, _) = Request.find(handle) else { return HF_ERROR_HANDLE }
        return takeResult(of: request, into: target)
    }

    /// Goes in to the endpoint that all are of, waits there, and does what is to be done when that is over.
    /// - Parameter isEmptyGood: whether a list without any is complete, and no error.
    func onItsEndpoint(
        _ timeout: Int64, isEmptyGood: Bool = false, isDone: () -> Bool, then body: () -> hf_status
    ) -> hf_status {
        var owner: UnsafeMutableRawPointer?
        var isEmpty = true
        for index in 0..<count where handles[index] != 0 {
            isEmpty = false
            guard Request.byteCount(ofComplete: handles[index]) == nil else { continue }
            guard let found = Request.find(handles[index]) else {
                return Refusal.notAHandle(handles[index], of: "a request").told()
            }
            // One whose endpoint is gone is complete, and stale.
            guard let its = found.owner else { continue }
            guard owner == nil || owner == its else {
                return Refusal.argument("the requests are of more than one endpoint").told()
            }
            owner = its
        }
        if isEmpty, !isEmptyGood { return Refusal.argument("no requests to wait for").told() }
        guard let owner else { return body() }
        return onOwner(owner, "a request") { endpoint in
            if !isDone() {
                let status = endpoint.wait(timeout, until: isDone)
                guard status == HF_OK else { return status }
            }
            return body()
        }
    }
}
