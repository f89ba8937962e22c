import CSystem
import Glibc

/// The socket at which peers arrive.
final class Listener: DeadlineHolder {
    /// How long nobody looks at it when descriptors have run out: whoever waits would make each wait end at once.
    private static let rest = Duration.milliseconds(250)

    private let descriptor: Descriptor
    /// Given up for a moment when descriptors run out, so that the newest peer can be turned away.
    private var spare: Descriptor?
    /// A shortage without a spare was told; it is told again after a peer could be accepted with a spare in hand.
    private var hasToldShortage = false
    /// Nil for all of this host.
    private let bound: IPAddress?
    private let acceptsIPv4, acceptsIPv6: Bool
    let port: UInt16
    private var watches: Watches?
    private var watch: UInt = 0
    /// When it is watched again; nil while it is.
    private(set) var nextDeadline: ContinuousClock.Instant?

    enum Accepted: ~Copyable {
        case socket(Descriptor)
        case nobody
        /// Descriptors or memory ran out, and the newest peer was told.
        case turnedAway
        /// They ran out, not even that can be done, and whoever waits goes on waiting.
        case shortage(systemError: Int32, isNew: Bool)
    }

    /// - Parameters:
    ///   - address: nil for all of them, IPv4 and IPv6.
    ///   - port: 0 lets the system choose.
    init(on address: IPAddress?, port: UInt16) throws(HandfastError) {
        var system = try SocketAddress(address ?? .anyIPv6, port: port)
        var number = socket(system.family, Self.kind, 0)
        if number < 0, address == nil {
            // A host without IPv6.
            system = try SocketAddress(.anyIPv4, port: port)
            number = socket(system.family, Self.kind, 0)
        }
        guard number >= 0 else { throw Self.error("cannot make a socket", errno) }
        descriptor = Descriptor(owning: number)
        set(number, SOL_SOCKET, SO_REUSEADDR, 1)
        if system.family == AF_INET6 { set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, address == nil ? 0 : 1) }
        // Linux hands these on to every socket that is accepted.
        tune(number)
        let place = "\(address?.description ?? "all addresses"), port \(port)"
        guard system.withPointer({ bind(number, $0, $1) }) == 0, listen(number, SOMAXCONN) == 0 else {
            throw Self.error("cannot listen on \(place)", errno)
        }
        let own = SocketAddress.own(of: number)
        self.port = own.port
        bound = address?.isUnspecified == true ? nil : address
        acceptsIPv4 = address?.isIPv6 != true
        acceptsIPv6 = system.family == AF_INET6
        spare = Self.makeSpare()
    }

    private static let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

    private static func makeSpare() -> Descriptor? {
        let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
        return number < 0 ? nil : Descriptor(owning: number)
    }

    private static func error(_ what: String, _ number: Int32) -> HandfastError {
        HandfastError(.system, "\(what): \(systemErrorText(number))", systemError: number)
    }

    /// Where others reach it, the best first: a listener on all addresses names those that they most likely do.
    /// - Parameter host: this host's.
    func places(on host: HostAddresses) -> [IPAddress] {
        if let bound { return [bound] }
        let told = host.told.filter(accepts)
        return told.isEmpty ? [acceptsIPv4 ? .loopback : .loopbackIPv6] : told
    }

    /// The one address of these to print.
    func preferredAddress(on host: HostAddresses) -> IPAddress {
        if let bound { return bound }
        return accepts(host.preferred) ? host.preferred : places(on: host)[0]
    }

    /// Whether a peer that connects to an address of this host arrives here.
    func isReached(by address: IPAddress) -> Bool {
        if let bound { return bound.hasSamePrefix(as: address.unmapped, bitCount: 128) }
        return accepts(address)
    }

    private func accepts(_ address: IPAddress) -> Bool { address.unmapped.isIPv6 ? acceptsIPv6 : acceptsIPv4 }

    /// - Returns: false when the system refuses.
    func watch(by watches: Watches) -> Bool {
        guard let id = watches.add(descriptor.number, .listener, readable: true, writable: false) else { return false }
        (self.watches, watch) = (watches, id)
        return true
    }

    func unwatch() { watches?.remove(watch, descriptor.number) }

    /// Nobody can be accepted before descriptors are given back, which no event tells.
    func takeRest() {
        nextDeadline = .now + Self.rest
        watches?.change(watch, descriptor.number, readable: false, writable: false)
    }

    func checkDeadlines(_ now: ContinuousClock.Instant) {
        nextDeadline = nil
        if spare == nil { spare = Self.makeSpare() }
        watches?.change(watch, descriptor.number, readable: true, writable: false)
    }

    /// - Parameter refuse: tells the newest peer why it is turned away, on a socket that is closed afterwards.
    func accept(_ refuse: (_ socket: Int32, _ systemError: Int32) -> Void) -> Accepted {
        let number = csystem_accept(descriptor.number)
        if number >= 0 {
            if spare != nil { hasToldShortage = false }
            return .socket(Descriptor(owning: number))
        }
        switch -number {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            spare = nil
            let newest = csystem_accept(descriptor.number)
            if newest >= 0 {
                refuse(newest, -number)
                Glibc.close(newest)
            }
            spare = Self.makeSpare()
            if newest >= 0 { return .turnedAway }
            // The system may say that descriptors are short before it looks whether anybody is there.
            guard isSomebodyThere else { return .nobody }
            defer { hasToldShortage = true }
            return .shortage(systemError: -number, isNew: !hasToldShortage)
        default: return .nobody
        }
    }

    private var isSomebodyThere: Bool {
        var look = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&look, 1, 0) > 0
    }
}
