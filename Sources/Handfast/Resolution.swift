import TransportAPI

/// A connect whose host names are being resolved; then it goes on with the addresses.
final class Resolution: DeadlineHolder {
    private unowned let engine: Engine
    unowned let record: ConnectionRecord
    private let text: EndpointText
    private let selection: TransportSelection?
    private let lookup: HostLookup
    private var watch: UInt?
    let startedAt = ContinuousClock.now
    private(set) var nextDeadline: ContinuousClock.Instant?

    /// - Throws: `resources`.
    init(_ text: EndpointText, for record: ConnectionRecord, selection: TransportSelection?) throws(HandfastError) {
        engine = record.engine
        self.record = record
        self.text = text
        self.selection = selection
        lookup = try engine.resolver.start(text.hostNames)
        nextDeadline = startedAt + engine.settings.resolveTimeout
        watch = engine.watches.add(lookup.descriptor, .lookup(self), readable: true, writable: false)
        engine.watch(self)
    }

    deinit { lookup.abandon() }

    func checkDeadlines(_ now: ContinuousClock.Instant) { finish() }

    /// All names are answered, or there is no more time.
    func finish() {
        abandon()
        let (places, failures) = places()
        engine.resolved(record, places, failures, selection)
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
                    failures.append(
                        error(name, part.index, "was not resolved within \(engine.settings.resolveTimeout)"))
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
