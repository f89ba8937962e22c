public import CHandfast
import CSystem
import CVerbs
import Glibc
public import TransportAPI

/// Moves bytes over RDMA verbs: InfiniBand, RoCE and iWARP, by reliable connected queue pairs.
// Safe: the state is made here, freed here, and handed out only as the transport API says.
@safe public final class VerbsTransport: Transport {
    public static let definition = TransportDefinition(
        name: "verbs", number: 0x4802, summary: "RDMA verbs, over InfiniBand, RoCE or iWARP",
        settings: VerbsSettings.rows,
        make: { values throws(TransportRefusal) in try VerbsTransport(VerbsSettings(values)) })

    public let operations: UnsafePointer<hf_transport_operations>
    /// An epoll descriptor for the completions and events of all opened devices.
    public let descriptor: Int32
    let raw: VerbsState.Pointer
    let settings: VerbsSettings
    private let watcher: Descriptor
    let maker = Maker()
    /// By name; a device is opened when it is needed first.
    private var devices: [String: VerbsDevice.Pointer] = unsafe [:]

    public var state: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(raw) }

    /// - Throws: `unreachable` or `resources` when this process cannot have verbs.
    init(_ settings: VerbsSettings) throws(TransportRefusal) {
        try VerbsAvailability.check(settings)
        ClosingDevices.sweep()
        self.settings = settings
        let epoll = csystem_epoll_make()
        guard epoll >= 0 else { throw .system(-epoll, "no descriptor for epoll") }
        watcher = Descriptor(owning: epoll)
        descriptor = epoll
        unsafe operations = unsafe VerbsChannel.makeOperations()
        unsafe raw = unsafe VerbsState.make()
    }

    deinit {
        guard maker.isThisProcess else { return }
        drain()
        for index in unsafe 0..<raw.pointee.deviceCount { unsafe ClosingDevices.add(raw.pointee.devices[index]!) }
        unsafe VerbsState.destroy(raw)
        unsafe operations.deallocate()
    }

    public func makeAttempt(
        _ role: AttemptRole, with peer: PeerDescription
    ) throws(TransportRefusal) -> any TransportAttempt {
        try VerbsAttempt(role, transport: self, peer: peer)
    }

    /// - Throws: when it cannot be opened.
    func device(named name: String) throws(TransportRefusal) -> VerbsDevice.Pointer {
        var place = unsafe raw.pointee.deviceCount
        if let known = unsafe devices[name] {
            guard unsafe known.pointee.isGone else { return unsafe known }
            guard unsafe known.pointee.channels.count == 0 else {
                throw TransportRefusal(
                    .unreachable, "the RDMA device \(name) is gone, and some of its connections are still open")
            }
            place = (0..<place).first { unsafe raw.pointee.devices[$0] == known } ?? place
        }
        guard unsafe place < VerbsState.deviceLimit else {
            throw TransportRefusal(.resources, unsafe "\(VerbsState.deviceLimit) RDMA devices are in use already")
        }
        let device = unsafe try open(name)
        if let gone = unsafe devices[name] { unsafe ClosingDevices.add(gone) }
        unsafe devices[name] = unsafe device
        unsafe raw.pointee.devices[place] = unsafe device
        unsafe raw.pointee.deviceCount = unsafe max(raw.pointee.deviceCount, place + 1)
        return unsafe device
    }

    private func open(_ name: String) throws(TransportRefusal) -> VerbsDevice.Pointer {
        var error: Int32 = 0
        guard let device = unsafe VerbsDevice.open(name, receiveByteCount: settings.receiveByteCount, &error) else {
            throw .verbs(error, "cannot open the RDMA device \(name)")
        }
        for index in unsafe raw.pointee.kept.indices {
            let memory = unsafe raw.pointee.kept[index]
            unsafe device.pointee.cache.keep(memory.start, memory.byteCount)
        }
        error = unsafe device.pointee.watch(watcher.number)
        guard error == 0 else {
            unsafe VerbsDevice.close(device)
            throw .system(error, "cannot watch the RDMA device \(name)")
        }
        return unsafe device
    }

    /// Lets what was sent arrive, for a while.
    private func drain() {
        let deadline = ContinuousClock.now + .seconds(1)
        while unsafe devices.values.contains(where: { unsafe $0.pointee.channels.count > 0 }),
            ContinuousClock.now < deadline
        {
            _ = unsafe VerbsState.poll(raw)
        }
    }
}
