import CHandfast
import CVerbs
import Glibc
import Testing
import TransportAPI

@testable import VerbsTransport

/// What the engine is told of a channel.
final class ToldEngine {
    var delivered: [UInt8] = []
    var lost: [(error: Int32, reason: String)] = []
    var closedCount = 0
    var readErrors: [Int32] = []
    var whenRead: () -> Void = {}
    var whenWritable: () -> Void = {}
    /// How many bytes it takes until `resume`.
    var appetite = Int.max

    /// Whether exactly this was delivered; as a function, so that a failure does not tell all of it.
    func has(_ bytes: [UInt8]) -> Bool { delivered == bytes }

    // Written once, here.
    nonisolated(unsafe) static let operations: UnsafePointer<hf_engine_operations> = {
        let operations = UnsafeMutablePointer<hf_engine_operations>.allocate(capacity: 1)
        operations.initialize(
            to: hf_engine_operations(
                byte_count: UInt32(MemoryLayout<hf_engine_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                place: { _, _ in nil }, placed: { _, _ in },
                deliver: { connection, bytes, byteCount in
                    let engine = ToldEngine.of(connection)
                    let count = min(Int(byteCount), engine.appetite)
                    engine.delivered += UnsafeRawBufferPointer(start: bytes, count: count)
                    engine.appetite -= count
                    return UInt64(count)
                }, writable: { ToldEngine.of($0).whenWritable() },
                read_done: { connection, _, error in
                    let engine = ToldEngine.of(connection)
                    engine.readErrors.append(error)
                    engine.whenRead()
                },
                closed: { connection, _ in ToldEngine.of(connection).closedCount += 1 },
                lost: { connection, error, reason in
                    ToldEngine.of(connection).lost.append((error, String(cString: reason!)))
                }))
        return UnsafePointer(operations)
    }()

    private static func of(_ connection: UnsafeMutableRawPointer?) -> ToldEngine {
        Unmanaged.fromOpaque(connection!).takeUnretainedValue()
    }
}

/// As the engine would, once.
/// - Returns: how many bytes were taken.
@discardableResult func send(_ bytes: [UInt8], over channel: VerbsChannel.Pointer) -> Int {
    bytes.withUnsafeBytes { bytes in
        var piece = hf_piece(bytes: bytes.baseAddress, byte_count: UInt64(bytes.count))
        return Int(verbsSend(channel, &piece, 1))
    }
}

/// Two transports of this process, over rxe1 and rxe0, and connections between them: one side is the transport as it is,
/// the other sends what it is told to.
final class RawPair {
    let attacker: VerbsTransport
    let victim: VerbsTransport
    private var routes: (attacker: Route, victim: Route)

    init() throws {
        attacker = try Self.makeTransport()
        victim = try Self.makeTransport()
        routes = try Self.findRoutes(attacker, victim)
    }

    /// After a device was opened anew.
    func findRoutes() throws { routes = try Self.findRoutes(attacker, victim) }

    private static func findRoutes(
        _ attacker: VerbsTransport, _ victim: VerbsTransport
    ) throws -> (attacker: Route, victim: Route) {
        (try Self.route(attacker, to: [10, 1, 0, 1]), try Self.route(victim, to: [10, 1, 0, 2]))
    }

    private static func makeTransport() throws -> VerbsTransport {
        try VerbsTransport(VerbsSettings(try SettingValues(environment: [:], checkedAgainst: VerbsSettings.rows)))
    }

    private static func route(_ transport: VerbsTransport, to peer: [UInt8]) throws -> Route {
        let finder = try RouteFinder(transport, peer: peer)
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            if let route = try finder.advance() { return route }
            var ready = pollfd(fd: finder.descriptor, events: Int16(POLLIN), revents: 0)
            Glibc.poll(&ready, 1, 100)
        }
        throw TransportRefusal(.unreachable, "no route")
    }

    var victimDevice: VerbsDevice.Pointer { routes.victim.device }

    /// Two halves that are connected.
    func makeHalves() throws -> (near: HalfChannel, far: HalfChannel) {
        let near = try HalfChannel(routes.attacker, transport: attacker, attention: -1)
        let far = try HalfChannel(routes.victim, transport: victim, attention: -1)
        try near.connect(to: far.offer, peer: [10, 1, 0, 1])
        try far.connect(to: near.offer, peer: [10, 1, 0, 2])
        return (near, far)
    }

    /// Two channels that are connected; the victim's is opened, and tells the engine.
    func connect(_ engine: ToldEngine) throws -> (attacker: VerbsChannel.Pointer, victim: VerbsChannel.Pointer) {
        let (near, far) = try makeHalves()
        let pair = (near.release(), far.release())
        VerbsChannel.open(
            pair.0, engine: ToldEngine.operations, connection: Unmanaged.passUnretained(attackersEngine).toOpaque())
        VerbsChannel.open(
            pair.1, engine: ToldEngine.operations, connection: Unmanaged.passUnretained(engine).toOpaque())
        return pair
    }

    let attackersEngine = ToldEngine()

    /// Sends bytes as they are, with no regard to credits, once there is a place in the queue.
    func post(_ bytes: [UInt8], over channel: VerbsChannel.Pointer) throws {
        let device = channel.pointee.device
        try run("a place in the send queue") { VerbsChannel.hasPlace(channel) || channel.pointee.error != 0 }
        guard channel.pointee.error == 0 else { return }
        var error: Int32 = 0
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 4096)
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        let region = try #require(
            cverbs_register(device.pointee.handle, memory, UInt64(max(1, bytes.count)), 0, &error))
        defer {
            cverbs_deregister(region)
            memory.deallocate()
        }
        let work = cverbs_work(
            number: 0, start: memory, byte_count: UInt32(bytes.count), local_key: cverbs_local_key(region),
            remote_address: 0, remote_key: 0, operation: UInt8(CVERBS_SEND), is_signaled: 1, is_inline: 0)
        let sequence = channel.pointee.posted
        VerbsChannel.add(channel, work, VerbsChannel.SendSlot())
        VerbsChannel.post(channel)
        // As long as it is under way its memory is needed.
        try run("the send") {
            Int16(bitPattern: channel.pointee.completed &- sequence) > 0 || channel.pointee.error != 0
        }
    }

    /// The attacker asks for slots, and is told of them.
    func setSlotsAside(_ channels: (attacker: VerbsChannel.Pointer, victim: VerbsChannel.Pointer)) throws {
        try askForSlots(channels)
        try run("the offer") { channels.attacker.pointee.outgoing != nil }
    }

    func askForSlots(_ channels: (attacker: VerbsChannel.Pointer, victim: VerbsChannel.Pointer)) throws {
        channels.attacker.pointee.hasAskedForSlots = true
        channels.attacker.pointee.credits -= 1
        try post([32, 0, 0, 0, 0, 0, 0, 0], over: channels.attacker)
    }

    /// Moves both sides, or one, until the condition holds.
    func run(_ what: Comment, polling side: VerbsTransport? = nil, until condition: () -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while !condition() {
            if let side { _ = VerbsState.poll(side.raw) } else { poll() }
            try #require(ContinuousClock.now < deadline, "not in time: \(what)")
        }
    }

    func poll() {
        _ = VerbsState.poll(attacker.raw)
        _ = VerbsState.poll(victim.raw)
    }

    /// No channel is left.
    var isEmpty: Bool {
        victimDevice.pointee.channels.count == 0 && routes.attacker.device.pointee.channels.count == 0
    }

    /// Closes both ends, which are gone after that.
    func close(_ pair: (attacker: VerbsChannel.Pointer, victim: VerbsChannel.Pointer)) throws {
        verbsClose(pair.attacker)
        verbsClose(pair.victim)
        try run("both are gone") { isEmpty }
        for _ in 0..<4 { poll() }
    }
}
