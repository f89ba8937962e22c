public import Handfast
public import Logging

extension Endpoint {
    /// An endpoint with all transports of this package and of HANDFAST_PLUGIN_PATH; the arguments mean what they mean with a list of one's own.
    /// - Throws: `invalidArgument` naming the variable or argument, its value and what is allowed; `resources`.
    public convenience init(
        name: String? = nil, selection: TransportSelection? = nil, environment: [String: String]? = nil,
        logger: Logger? = nil
    ) throws(HandfastError) {
        let environment = environment ?? Settings.processEnvironment()
        try self.init(
            name: name, transports: try availableTransports(in: environment), selection: selection,
            environment: environment, logger: logger)
    }
}
