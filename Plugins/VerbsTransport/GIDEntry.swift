import CVerbs
import TransportAPI

/// An entry of a port's table of GIDs.
struct GIDEntry: Hashable {
    let index: Int
    let gid: GID
    /// RoCE v1, v2 or InfiniBand, as CVerbs numbers them.
    let kind: UInt8

    /// The one to use of those that a port has.
    /// - Parameters:
    ///   - source: this host's own address towards the peer, if it is known.
    ///   - wanted: the index that the user asks for.
    ///   - place: the port, for messages.
    /// - Throws: with the list when the wanted one is not there, and when there is none at all.
    static func choose(
        from entries: [GIDEntry], source: GID?, isEthernet: Bool, wanted: Int?, place: String
    ) throws(TransportRefusal) -> GIDEntry {
        if let wanted {
            if let entry = entries.first(where: { $0.index == wanted }) { return entry }
            let known = entries.isEmpty ? "none" : entries.map { "\($0.index) (\($0.gid))" }.joined(separator: ", ")
            throw TransportRefusal(
                .unreachable, "HANDFAST_VERBS_GID=\(wanted) matches no entry of \(place); there are \(known)")
        }
        let best = isEthernet ? entries.max { $0.rank(source) < $1.rank(source) } : entries.first
        guard let best else {
            throw TransportRefusal(.unreachable, "\(place) has no GID; give its interface an address")
        }
        return best
    }

    /// The own address towards the peer first, RoCE v2 before v1, and what only reaches the next switch last.
    private func rank(_ source: GID?) -> Int {
        (gid == source ? 8 : 0) + (kind == CVERBS_GID_ROCE_2 ? 4 : 0) + (gid.isMappedIPv4 ? 2 : gid.isLinkLocal ? 0 : 1)
    }
}
