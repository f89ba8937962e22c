extension Endpoint {
    /// Makes progress until one of the requests is complete, and takes the result of the first in the list that is.
    /// All others stay good, complete or not. Takes time with the length of the list; a `CompletionQueue` does not.
    /// - Parameters:
    ///   - requests: of this endpoint, at least one. One whose result was taken before counts as complete, with the
    ///     error `stale`.
    ///   - timeout: nil for no limit.
    /// - Returns: its place in the list, and its result.
    /// - Throws: `timeout`: then no result was taken, and all go on and stay good. `invalidArgument` for no requests.
    public func wait(
        forAny requests: [Request], timeout: Duration? = nil
    ) throws(HandfastError) -> (index: Int, result: Result<Completion, HandfastError>) {
        let first = try firstComplete(requests, timeout)
        return (first, requests[first].takenResult)
    }

    /// Makes progress until at least one of the requests is complete, and takes the results of all that are by then.
    /// - Parameters:
    ///   - requests: as for `wait(forAny:)`.
    ///   - timeout: nil for no limit.
    /// - Returns: their places in the list, ascending, with their results; at least one.
    /// - Throws: as `wait(forAny:)`.
    public func wait(
        forSome requests: [Request], timeout: Duration? = nil
    ) throws(HandfastError) -> [(index: Int, result: Result<Completion, HandfastError>)] {
        let first = try firstComplete(requests, timeout)
        return requests.indices[first...].filter { requests[$0].isComplete }.map { ($0, requests[$0].takenResult) }
    }

    /// Makes progress until all requests are complete, and takes their results. A failure of one does not end the wait.
    /// - Parameters:
    ///   - requests: of this endpoint; none are complete at once. One whose result was taken before counts as complete,
    ///     with the error `stale`.
    ///   - timeout: nil for no limit.
    /// - Returns: the results, in the order of the requests.
    /// - Throws: `timeout`: then no result was taken, not even of those that are complete, and all stay good.
    public func wait(
        forAll requests: [Request], timeout: Duration? = nil
    ) throws(HandfastError) -> [Result<Completion, HandfastError>] {
        for request in requests { try checkOwner(of: request) }
        // What is before it stays complete.
        var next = 0
        let areDone = wait(timeout: timeout) {
            while next < requests.count, requests[next].isComplete { next += 1 }
            return next == requests.count
        }
        guard areDone else {
            let left = requests.count { !$0.isComplete }
            throw HandfastError(
                .timeout, "\(left) of \(requests.count) requests are not complete after \(timeout ?? .zero)")
        }
        return requests.map(\.takenResult)
    }

    /// A request of another endpoint is good only when nothing has to be done for it.
    func checkOwner(of request: Request) throws(HandfastError) {
        guard !request.isComplete, let endpoint = request.slot?.pointee.endpoint, endpoint != state else { return }
        throw HandfastError(.invalidArgument, "the request is another endpoint's")
    }

    private func firstComplete(_ requests: [Request], _ timeout: Duration?) throws(HandfastError) -> Int {
        guard !requests.isEmpty else { throw HandfastError(.invalidArgument, "no requests to wait for") }
        for request in requests { try checkOwner(of: request) }
        var first: Int?
        _ = wait(timeout: timeout) {
            first = requests.firstIndex(where: \.isComplete)
            return first != nil
        }
        guard let first else {
            throw HandfastError(
                .timeout, "none of \(requests.count) requests is complete after \(timeout ?? .zero)")
        }
        return first
    }
}

extension Request {
    /// Of a complete request: its result, which is taken.
    fileprivate var takenResult: Result<Completion, HandfastError> {
        // Complete, so there is a result.
        Result { () throws(HandfastError) in try result()! }
    }
}
