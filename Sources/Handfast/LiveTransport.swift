import CHandfast
import TransportAPI

/// A transport of one endpoint: what it is called, and the transport itself unless this host cannot have it.
struct LiveTransport {
    let definition: TransportDefinition
    let transport: (any Transport)?
    /// Why there is none, or why no connection gets it any more.
    private(set) var refusal: TransportRefusal?

    init(_ definition: TransportDefinition, _ values: SettingValues) {
        self.definition = definition
        do throws(TransportRefusal) {
            transport = try definition.make(values)
            refusal = nil
        } catch {
            transport = nil
            refusal = error
        }
    }

    /// It broke its word: what goes on over it may go on, and nothing new begins.
    mutating func leaveOut(_ fault: TransportRefusal) { refusal = fault }

    /// Memory that peers read sooner than other; nil when it has none.
    func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard let transport, transport.operations.pointee.release != nil else { return nil }
        return transport.operations.pointee.allocate?(transport.state, UInt64(byteCount))
    }

    func release(_ memory: UnsafeMutableRawPointer) {
        if let transport { transport.operations.pointee.release?(transport.state, memory) }
    }

    var polled: EndpointState.Polled? {
        transport.map {
            EndpointState.Polled(
                poll: $0.operations.pointee.poll, arm: $0.operations.pointee.arm, keep: $0.operations.pointee.keep,
                forget: $0.operations.pointee.forget, state: $0.state)
        }
    }
}
