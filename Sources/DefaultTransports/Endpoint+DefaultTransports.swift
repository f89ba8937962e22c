public import Handfast
public import Logging

extension Endpoint {
    /// An endpoint with all transports of this package; the arguments mean what they mean with a list of one's own.
    /// - Throws: `invalidArgument` naming the variable or argument, its value and what is allowed; `resources`.
    public convenience init(
        name: String? = nil, selection: TransportSelection? = nil, environment: [String: String]? = nil,
        logger: Logger? = nil
    ) throws(HandfastError) {
        try self.init(
            name: name, transports: defaultTransports, selection: selection, environment: environment, logger: logger)
    }
}
