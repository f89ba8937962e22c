/// Why a connection ended, shared by all requests that ended with it.
final class EndReason {
    let error: HandfastError
    init(_ error: HandfastError) { self.error = error }
}
