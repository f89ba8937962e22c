import Handfast
import TransportAPI

/// What becomes of a transport on this host.
struct TransportState {
    let definition: TransportDefinition
    /// Why it is not available; nil when it is.
    let refusal: String?
    /// Why no peer gets it, though it is available; nil when some may.
    let exclusion: String?

    init(_ definition: TransportDefinition, _ settings: Settings) {
        self.definition = definition
        do throws(TransportRefusal) {
            _ = try definition.make(settings.values)
            refusal = nil
        } catch { refusal = error.text }
        let somebody = PeerDescription(name: "", address: [], isLocal: true)
        exclusion = settings.selection.choose(for: somebody).excluded.first { $0.name == definition.name }?.reason
    }

    var isAvailable: Bool { refusal == nil && exclusion == nil }
    var reason: String { refusal ?? exclusion ?? "" }
}
