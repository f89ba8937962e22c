public import CHandfast
import TransportAPI

/// The transport `stream`: goes on over the TCP stream that the handshake ran on.
private let definition = TransportDefinition(
    name: "stream", number: 0x5002, summary: "the handshake's own TCP stream, from outside",
    settings: [StreamState.readAhead.row]
) { values throws(TransportRefusal) in try StreamTransport(values) }

/// What the shared object is asked for.
@c(hf_transport_plugin_1)
public func transportPlugin() -> UnsafePointer<hf_transport_plugin>? {
    TransportExport.table(of: definition, operations: StreamChannel.operations)
}
