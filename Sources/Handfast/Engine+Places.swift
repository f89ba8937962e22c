import Glibc
import Precon
import TransportAPI

// Peers with several addresses, and which of them are this endpoint's own.

/// Several streams of one connect: whose, and which connect of its.
struct Contest: Hashable {
    let incarnation: UInt64
    let connectionID: UInt64
}

extension Engine {
    /// Whether a stream leads to this endpoint itself: then the connect goes on as loopback.
    func isOwnStream(_ driver: HandshakeDriver, _ identity: PeerIdentity) -> Bool {
        guard !driver.peer.isSelf, identity.version.handfast?.incarnation == incarnation else { return false }
        if driver.association != nil || identity.isOnDemand { return isOwnDemand(driver, identity) }
        let dial = driver.dial ?? dial(identity.connection.connectionID)
        if let dial, let rejection = nameMismatch(expected: dial.peerName, identity) {
            driver.reject(rejection)
            return true
        }
        dial?.goLoopback()
        if driver.role == .answerer { driver.reject(Rejection(.superseded, "both ends are this endpoint")) }
        return true
    }

    private func dial(_ connectionID: UInt64) -> Dial? {
        for case .dialing(let dial) in records.values.map(\.phase) where dial.connectionID == connectionID {
            return dial
        }
        return nil
    }

    /// Another stream of a connect of which one is here already.
    func isDuplicate(_ driver: HandshakeDriver, _ identity: PeerIdentity) -> Bool {
        guard let contest = Contest(identity), let other = contests[contest], !other.isEnded else { return false }
        driver.reject(Rejection(.superseded, "another stream of the same connect is here already"))
        return true
    }

    func noteContest(_ record: ConnectionRecord, _ identity: PeerIdentity) {
        guard let contest = Contest(identity) else { return }
        record.contest = contest
        contests[contest] = record
    }

    // MARK: Places

    /// In the order in which they are to be tried; what HANDFAST_NETWORK leaves of this host decides.
    func ranked(_ places: [EndpointAddress.Place]) -> [EndpointAddress.Place] {
        places.count > 1 ? CandidateRanking.rank(places, from: hostAddresses.selected) : places
    }

    /// Whether this endpoint listens at every one of these places. Where it does at some, the stream will show who answers:
    /// another host has a 172.17.0.1 too.
    func areOwn(_ places: [EndpointAddress.Place]) -> Bool {
        guard let listener else { return false }
        return places.allSatisfy { place in
            let host = place.host.unmapped
            let target = !host.isUnspecified ? host : host.isIPv6 ? .loopbackIPv6 : .loopback
            return place.port == listener.port && leadsHere(target) && listener.isReached(by: target)
        }
    }

    /// The preferred place alone; nil without a listener.
    var address: EndpointAddress? {
        // A listener has a port, and the name was checked, so this cannot fail.
        listener.flatMap {
            try? EndpointAddress(host: $0.preferredAddress(on: hostAddresses), port: $0.port, name: name)
        }
    }

    var ownAddresses: EndpointAddress? {
        guard let listener,
            let preferred = try? EndpointAddress.Place(
                host: listener.preferredAddress(on: hostAddresses), port: listener.port)
        else { return nil }
        let others = listener.places(on: hostAddresses).filter { !$0.isLinkLocal }
            .compactMap { try? EndpointAddress.Place(host: $0, port: listener.port) }
        return try? EndpointAddress(
            Array(([preferred] + others.filter { $0 != preferred }).prefix(EndpointAddress.maximumPlaceCount)),
            name: name)
    }

    /// For PEER_INFO: all of them, the best with the highest priority.
    var toldAddresses: [PeerInfo.Address] {
        guard let listener else { return [] }
        return listener.places(on: hostAddresses).prefix(EndpointAddress.maximumPlaceCount).enumerated().map {
            PeerInfo.Address(bytes: $1.bytes, port: listener.port, priority: UInt8(255 - $0))
        }
    }

    /// Where a peer says that it listens, the best first, as far as it can be used from here.
    /// - Parameter zone: of the interface that the stream runs over.
    func places(told: [PeerInfo.Address], zone: String?) -> [EndpointAddress.Place] {
        let usable = told.enumerated().sorted {
            (-Int($0.element.priority), $0.offset) < (-Int($1.element.priority), $1.offset)
        }
        .compactMap { Self.place($0.element, zone: zone) }
        return Array(usable.prefix(EndpointAddress.maximumPlaceCount))
    }

    private static func place(_ told: PeerInfo.Address, zone: String?) -> EndpointAddress.Place? {
        guard let address = IPAddress(bytes: told.bytes), !address.isUnspecified else { return nil }
        let needsZone = address.isIPv6 && address.isLinkLocal
        if needsZone, zone == nil { return nil }
        return try? EndpointAddress.Place(host: needsZone ? address.with(zone: zone) : address, port: told.port)
    }
}

extension Contest {
    /// Nil when the connect has this stream alone, or does not say.
    init?(_ identity: PeerIdentity) {
        guard let handfast = identity.version.handfast, handfast.features & VersionOffer.Extension.severalStreams != 0
        else { return nil }
        self.init(incarnation: handfast.incarnation, connectionID: identity.connection.connectionID)
    }
}
