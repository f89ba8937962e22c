/// One result that a completion queue has given.
public struct CompletionEntry {
    /// What the caller had given with the request.
    public let context: UInt64
    /// What was moved: nothing after an error, but for `truncated` the sizes of the message that was too long. A
    /// receive that failed with its connection names it.
    public let completion: Completion
    /// Why the request failed; nil for success.
    public let error: HandfastError?

    /// The same as `Request.result` would tell.
    public var result: Result<Completion, HandfastError> {
        if let error { .failure(error) } else { .success(completion) }
    }

    /// A placeholder, to fill the buffer that `CompletionQueue.poll` writes to.
    public init() {
        self.init(context: 0, completion: Completion(nothingOver: nil), error: nil)
    }

    init(context: UInt64, completion: Completion, error: HandfastError?) {
        self.context = context
        self.completion = completion
        self.error = error
    }
}

extension Completion {
    init(nothingOver connection: Connection?) {
        self.init(byteCount: 0, headerByteCount: 0, connection: connection)
    }
}
