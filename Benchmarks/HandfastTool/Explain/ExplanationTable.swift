import Handfast
import TransportAPI

/// For people: who, which transport, both sides' verdicts, and the times.
struct ExplanationTable {
    let text: String

    init(_ explanation: Explanation) {
        let name =
            explanation.peer.map { $0.name.isEmpty ? "" : ", \($0.name)\($0.isLocal ? ", on this host" : "")" } ?? ""
        let result = explanation.transport.map { "connected over \($0)" } ?? "no connection"
        var lines = ["\(explanation.address)\(name): \(result)"]
        if let error = explanation.error { lines.append("error: \(error.message)") }
        let width = (explanation.verdicts.map(\.here.count).max() ?? 0) + 2
        lines += ["", "transport".rightPadded(11) + "this side".rightPadded(width) + "the peer"]
        lines += explanation.verdicts.map {
            $0.transport.rightPadded(11) + $0.here.rightPadded(width) + $0.there
        }
        if !explanation.phases.isEmpty {
            lines += ["", "start us".leftPadded(10) + "took us".leftPadded(12) + "  what"]
            lines += explanation.phases.map { phase in
                let took = phase.duration.map { Self.microseconds($0) } ?? "no end"
                return Self.microseconds(phase.start).leftPadded(10) + took.leftPadded(12) + "  " + phase.name
            }
        }
        text = lines.map { $0 + "\n" }.joined()
    }

    static func microseconds(_ duration: Duration) -> String {
        Decimal.text(duration / .nanoseconds(1) / 1_000, digits: 1)
    }
}
