import DefaultTransports
import Handfast
import TransportAPI

/// What came of one connect.
struct Explanation {
    let address: EndpointAddress
    /// Nil when nobody said who he is.
    private(set) var peer: PeerDescription?
    private(set) var transport: String?
    private(set) var verdicts: [Verdict] = []
    private(set) var phases: [ConnectionPhase] = []
    /// Why there is no connection.
    private(set) var error: HandfastError?

    /// Connects and leaves again.
    /// - Throws: only for what is wrong on this side, before anything was tried.
    init(of address: EndpointAddress, selection: TransportSelection) throws {
        self.address = address
        let endpoint = try Endpoint(selection: selection)
        endpoint.keepsPhases = true
        var decisions: [ConnectionDecision] = []
        do throws(HandfastError) {
            let connection = try endpoint.connect(to: address)
            do throws(HandfastError) { try endpoint.wait(for: connection) } catch { self.error = error }
            peer = connection.peer
            transport = connection.transport
            decisions = connection.decisions
            phases = connection.phases
            connection.close()
            _ = endpoint.wait(timeout: .seconds(3)) { connection.state == .closed }
        } catch { self.error = error }
        verdicts = defaultTransports.map { definition in
            let decision = decisions.first { $0.transport == definition.name }
            return decision.map { Verdict($0) } ?? Self.untried(definition.name, selection, address)
        }
    }

    /// The connection ended before anything was said of a transport.
    private static func untried(_ name: String, _ selection: TransportSelection, _ address: EndpointAddress) -> Verdict
    {
        let peer = PeerDescription(
            name: address.name ?? "", address: address.host.bytes, isLocal: address.host.bytes.first == 127)
        let exclusion = selection.choose(for: peer).excluded.first { $0.name == name }
        return exclusion.map { Verdict(untried: name, "left out, \($0.reason)") }
            ?? Verdict(untried: name, "not tried, no handshake came about")
    }
}
