/// When a connection is set up.
public enum ConnectMode: Hashable, Sendable {
    /// At once; the peer takes it from `Endpoint.accept`.
    case direct
    /// By the first message of either side. Both sides name each other, and until then nothing is sent and no
    /// descriptor is used. Needs `listen` and the peer's name.
    case onDemand
}
