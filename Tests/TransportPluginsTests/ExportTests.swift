import CHandfast
import Synchronization
import Testing

@testable import TransportAPI
@testable import TransportPlugins

/// A transport whose every answer is told by the peer's name.
private final class TalkingTransport: Transport {
    static let livingCount = Atomic<Int>(0)
    static let colour = Setting.text(
        "HANDFAST_TALKING_COLOUR", default: "red", maximumByteCount: 5, help: "The colour.")
    static let count = Setting.integer("HANDFAST_TALKING_COUNT", default: 1, in: 1...9, help: "The count.")

    let state = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
    let descriptor: Int32 = 77
    let colour: String

    init(_ values: SettingValues) throws(TransportRefusal) {
        colour = values[Self.colour]
        // From here on a throw is followed by `deinit`.
        Self.livingCount.add(1, ordering: .relaxed)
        guard colour != "none" else { throw TransportRefusal(.resources, "no colour, \(values[Self.count]) times") }
    }

    deinit {
        state.deallocate()
        Self.livingCount.subtract(1, ordering: .relaxed)
    }

    var operations: UnsafePointer<hf_transport_operations> { idleOperations }

    func makeAttempt(_ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal) -> any TransportAttempt {
        guard peer.name != "long" else { throw TransportRefusal(.unreachable, String(repeating: "ä", count: 600)) }
        guard peer.isLocal, !peer.isSelf, role == .answerer else {
            throw TransportRefusal(.unreachable, "\(peer.name) of \(peer.address) is not for a \(colour) one")
        }
        return TalkingAttempt(state)
    }
}

private final class TalkingAttempt: TransportAttempt {
    let state: UnsafeMutableRawPointer
    let descriptor: Int32 = 78
    let takesSocket = true
    let peerReads = false
    let prefersChannel = true

    init(_ state: UnsafeMutableRawPointer) { self.state = state }

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress {
        switch step {
        case nil: return .wait
        case []: return .accepted
        case [9]: throw TransportRefusal(.malformedStep, "nine")
        case let step?: return .step(number: 3, payload: step + step)
        }
    }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer { state + Int(socket) }
}

private let talking = TransportDefinition(
    name: "talking", number: 0x5003, summary: "speaks",
    settings: [TalkingTransport.colour.row, TalkingTransport.count.row]
) { values throws(TransportRefusal) in try TalkingTransport(values) }

// Written once and never freed.
private nonisolated(unsafe) let idleOperations: UnsafePointer<hf_transport_operations> = {
    let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
    operations.initialize(to: hf_transport_operations())
    operations.pointee.byte_count = UInt32(MemoryLayout<hf_transport_operations>.size)
    operations.pointee.version = UInt32(HF_TRANSPORT_VERSION)
    operations.pointee.poll = { _ in 5 }
    operations.pointee.arm = { _ in 0 }
    operations.pointee.send = { _, _, _ in 0 }
    operations.pointee.resume = { _ in }
    operations.pointee.close = { _ in }
    return UnsafePointer(operations)
}()

/// There and back: exported as a table, and taken from it.
private let returned = Result { () throws(TransportRefusal) in
    try PluginTable(TransportExport.table(of: talking, operations: idleOperations)).definition
}

@Suite(.serialized) struct `A transport in Swift, exported as a table` {
    private let definition: TransportDefinition

    init() throws { definition = try returned.get() }

    private func make(_ environment: [String: String] = [:]) throws -> any Transport {
        try definition.make(SettingValues(environment: environment, checkedAgainst: definition.settings))
    }

    @Test func `is what it was`() throws {
        #expect((definition.name, definition.number, definition.summary) == ("talking", 0x5003, "speaks"))
        for (row, original) in zip(definition.settings, talking.settings) {
            #expect((row.name, row.defaultText) == (original.name, original.defaultText))
            #expect((row.allowed, row.help) == (original.allowed, original.help))
        }
        #expect(definition.settings.count == 2)
        let transport = try make()
        #expect(transport.descriptor == 77)
        #expect(transport.operations.pointee.poll(transport.state) == 5)
    }

    @Test func `checks its settings, and reads them`() throws {
        #expect(throws: SettingError.self) { try make(["HANDFAST_TALKING_COUNT": "10"]) }
        #expect(throws: TransportRefusal(.resources, "no colour, 7 times")) {
            try make(["HANDFAST_TALKING_COUNT": "7", "HANDFAST_TALKING_COLOUR": "none"])
        }
    }

    @Test func `lives as long as the endpoint has it or an attempt of it`() throws {
        var transport: (any Transport)? = try make()
        var attempt: (any TransportAttempt)? = try transport?.makeAttempt(
            .answerer, with: PeerDescription(name: "", address: [], isLocal: true))
        #expect(attempt?.descriptor == 78)
        transport = nil
        #expect(TalkingTransport.livingCount.load(ordering: .relaxed) == 1)
        attempt = nil
        #expect(TalkingTransport.livingCount.load(ordering: .relaxed) == 0)
    }

    @Test func `knows the peer, and refuses with its own words as far as there is room`() throws {
        let transport = try make(["HANDFAST_TALKING_COLOUR": "blue"])
        #expect(throws: TransportRefusal(.unreachable, "rank7 of [10, 0, 0, 1] is not for a blue one")) {
            try transport.makeAttempt(
                .starter, with: PeerDescription(name: "rank7", address: [10, 0, 0, 1], isLocal: true))
        }
        // 1,022 bytes with the zero at the end, and no half of a character.
        #expect(throws: TransportRefusal(.unreachable, String(repeating: "ä", count: 510))) {
            try transport.makeAttempt(.answerer, with: PeerDescription(name: "long", address: [], isLocal: true))
        }
    }

    @Test func `advances by the peer's steps`() throws {
        let transport = try make()
        let peer = PeerDescription(name: "rank7", address: [], isLocal: true)
        let attempt = try transport.makeAttempt(.answerer, with: peer)
        #expect(attempt.takesSocket && !attempt.peerReads && attempt.prefersChannel)
        #expect(try attempt.advance(step: nil) == .wait)
        #expect(try attempt.advance(step: [1, 2]) == .step(number: 3, payload: [1, 2, 1, 2]))
        #expect(try attempt.advance(step: []) == .accepted)
        #expect(throws: TransportRefusal(.malformedStep, "nine")) { try attempt.advance(step: [9]) }
        var engine = hf_engine_operations()
        #expect(try attempt.open(socket: 3, engine: &engine, connection: transport.state) == transport.state + 3)
    }
}
