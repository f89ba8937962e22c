import DefaultTransports
import Handfast
import TransportAPI

/// What came of one connect, and what each side says of the transports that it did not need.
struct Explanation {
    /// As the user wrote it.
    let address: String
    /// Nil when nobody said who he is.
    private(set) var peer: PeerDescription?
    private(set) var transport: String?
    private(set) var verdicts: [Verdict] = []
    private(set) var phases: [ConnectionPhase] = []
    /// Why there is no connection.
    private(set) var error: HandfastError?

    /// Connects and leaves again; then once more for each transport that was not needed, so that the peer is asked of it.
    /// - Throws: only for what is wrong on this side, before anything was tried.
    init(of address: String, selection: TransportSelection, settings: Settings) throws {
        self.address = address
        let endpoint = try Endpoint()
        endpoint.keepsPhases = true
        let visit = try Self.visit(address, selection, endpoint)
        (peer, transport, phases, error) = (visit.peer, visit.transport, visit.phases, visit.error)
        verdicts = try availableTransports(in: Settings.processEnvironment()).map { definition in
            guard let decision = visit.decisions.first(where: { $0.transport == definition.name }) else {
                return Self.untried(definition.name, selection, visit.guess)
            }
            guard decision.outcome == .notTried, transport != nil else { return Verdict(decision) }
            let alone = try settings.selection(transports: definition.name, select: "")
            let asked = try Self.visit(address, alone, endpoint)
            guard let answer = asked.decisions.first(where: { $0.transport == definition.name }) else {
                return Verdict(untried: definition.name, "not tried, \(asked.error?.message ?? decision.reason)")
            }
            return answer.outcome == .chosen ? Verdict(notNeeded: definition.name) : Verdict(answer)
        }
    }

    private struct Visit {
        /// Who the peer is, if it has answered.
        var peer: PeerDescription?
        /// Who it is as far as the address tells.
        var guess: PeerDescription?
        var transport: String?
        var decisions: [ConnectionDecision] = []
        var phases: [ConnectionPhase] = []
        var error: HandfastError?
    }

    private static func visit(
        _ address: String, _ selection: TransportSelection, _ endpoint: Endpoint
    ) throws -> Visit {
        var visit = Visit()
        do {
            let connection = try Place.connect(endpoint, to: address, option: "explain", selection: selection)
            do throws(HandfastError) { try endpoint.wait(for: connection) } catch { visit.error = error }
            visit.guess = connection.peer
            visit.transport = connection.transport
            visit.decisions = connection.decisions
            visit.phases = connection.phases
            let hasAnswered = visit.transport != nil || visit.decisions.contains { $0.outcome == .refusedByPeer }
            visit.peer = hasAnswered ? visit.guess : nil
            connection.close()
            _ = endpoint.wait(timeout: .seconds(3)) { connection.state == .closed }
        } catch let error as HandfastError { visit.error = error }
        return visit
    }

    /// The connection ended before anything was said of a transport.
    private static func untried(_ name: String, _ selection: TransportSelection, _ guess: PeerDescription?) -> Verdict {
        let peer = guess ?? PeerDescription(name: "", address: [], isLocal: false)
        let exclusion = selection.choose(for: peer).excluded.first { $0.name == name }
        return exclusion.map { Verdict(untried: name, "left out, \($0.reason)") }
            ?? Verdict(untried: name, "not tried, no handshake came about")
    }
}
