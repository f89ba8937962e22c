import TransportAPI

/// An address whose host names are being resolved; what goes on with the places is told when they are known.
final class Resolution: DeadlineHolder {
    private unowned let engine: Engine
    let text: EndpointText
    private let then: (_ places: [EndpointAddress.Place], _ failures: [HandfastError]) -> Void
    private let lookup: HostLookup
    private let limit: Duration
    private var watch: UInt?
    let startedAt = ContinuousClock.now
    private(set) var nextDeadline: ContinuousClock.Instant?

    /// - Parameters:
    ///   - limit: after which it goes on with what there is.
    ///   - then: called once, unless it is abandoned, with what the names and addresses of the text came to and
    ///     what went wrong.
    /// - Throws: `resources`.
    init(
        _ text: EndpointText, in engine: Engine, within limit: Duration,
        then: @escaping (_ places: [EndpointAddress.Place], _ failures: [HandfastError]) -> Void
    ) throws(HandfastError) {
        self.engine = engine
        self.text = text
        self.then = then
        self.limit = limit
        lookup = try engine.resolver.start(text.hostNames)
        nextDeadline = startedAt + limit
        watch = engine.watches.add(lookup.descriptor, .lookup(self), readable: true, writable: false)
        engine.watch(self)
    }

    deinit { lookup.abandon() }

    func checkDeadlines(_ now: ContinuousClock.Instant) { finish() }

    /// All names are answered, or there is no more time.
    func finish() {
        abandon()
        let (places, failures) = places()
        then(places, failures)
    }

    /// Nobody waits for it any more.
    func abandon() {
        lookup.abandon()
        if let watch { engine.watches.remove(watch, lookup.descriptor) }
        watch = nil
        nextDeadline = nil
        engine.unwatch(self)
    }

    /// The places in the order of the text, at most 16, and what went wrong with names.
    private func places() -> (places: [EndpointAddress.Place], failures: [HandfastError]) {
        let answers = lookup.answers
        var places: [EndpointAddress.Place] = []
        var failures: [HandfastError] = []
        for part in text.parts {
            var addresses: [IPAddress] = []
            switch part.host {
            case .address(let address): addresses = [address]
            case .name(let name):
                switch answers[name] {
                case .addresses(let found): addresses = found
                case .failure(let words): failures.append(error(name, part.index, "cannot be resolved: \(words)"))
                case nil:
                    let isOwnLimit = limit == engine.settings.resolveTimeout
                    let variable = isOwnLimit ? Settings.resolveTimeout.name : Settings.connectDeadline.name
                    failures.append(error(name, part.index, "was not resolved within \(limit) (\(variable))"))
                }
            }
            for address in addresses {
                guard let place = try? EndpointAddress.Place(host: address, port: part.port), !places.contains(place)
                else { continue }
                places.append(place)
            }
        }
        return (Array(places.prefix(EndpointAddress.maximumPlaceCount)), failures)
    }

    private func error(_ name: String, _ index: Int, _ what: String) -> HandfastError {
        HandfastError(
            .unreachable, "the host name \(name.quoted), at byte \(index + 1) of \(text.text.quoted), \(what)")
    }
}
