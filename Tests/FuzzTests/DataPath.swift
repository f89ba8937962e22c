import CHandfast
import SeededRandom

@testable import Handfast

/// The raw half of an endpoint with one connection whose transport is this test: bytes go in as a transport would give
/// them, at random cuts, while receives are posted, cancelled and taken at random.
final class DataPath {
    private static let unexpectedByteLimit = 8_192
    private static let roomByteCount = 4_096
    private static let guardByte: UInt8 = 0xa5

    private var random: SplitMix64
    private let state = UnsafeMutablePointer<EndpointState>.allocate(capacity: 1)
    private let slot: UnsafeMutablePointer<ConnectionSlot>
    private let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
    private var receives: [(request: Request, room: UnsafeMutableRawBufferPointer)] = []
    private var sends: [(request: Request, payload: UnsafeMutableRawBufferPointer)] = []
    /// Tokens of reads that are under way.
    private var reads: [UInt64] = []
    /// What the peer may reach, with guards on both sides.
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: memoryByteCount + 16, alignment: 8)
    static let memoryByteCount = 1_000
    /// The nonce of its key.
    static let nonce: UInt64 = 7

    init(random: SplitMix64) {
        self.random = random
        state.initialize(
            to: EndpointState(
                engine: nil,
                transports: [], unexpectedByteLimit: Self.unexpectedByteLimit, connectionLimit: 1, requestLimit: 64))
        slot = state.pointee.connections.take()!
        slot.pointee.endpoint = state
        slot.pointee.takesSends = true
        operations.initialize(to: hf_transport_operations())
        operations.pointee.send = { channel, pieces, count in DataPath.from(channel).send(pieces, count) }
        operations.pointee.resume = { _ in }
        operations.pointee.read = { channel, place, _, count, token in
            DataPath.from(channel).read(place, count, token)
        }
        operations.pointee.read_is_sooner = { _, _, byteCount, _ in Int32(byteCount % 2) }
        slot.pointee.operations = UnsafePointer(operations)
        slot.pointee.channel = Unmanaged.passUnretained(self).toOpaque()
        slot.pointee.servesOneSided = true
        memory.initializeMemory(as: UInt8.self, repeating: Self.guardByte)
        let region = state.registerMemory(
            UnsafeMutableRawBufferPointer(rebasing: memory[8..<8 + Self.memoryByteCount]), .all, 0)
        region?.pointee.key.nonce = Self.nonce
        slot.pointee.setByteCounts(announced: 512, readPart: 300, asksTransport: true)
        slot.pointee.offersHandles = self.random.happens(oneIn: 2)
        slot.pointee.inbound.prefersChannel = self.random.happens(oneIn: 2)
    }

    private static func from(_ channel: UnsafeMutableRawPointer?) -> DataPath {
        Unmanaged.fromOpaque(channel!).takeUnretainedValue()
    }

    // MARK: The transport

    private func send(_ pieces: UnsafePointer<hf_piece>?, _ count: UInt32) -> UInt64 {
        let total = (0..<Int(count)).reduce(0) { $0 + (pieces?[$1].byte_count ?? 0) }
        return random.happens(oneIn: 3) ? UInt64.random(in: 0...total, using: &random) : total
    }

    private func read(_ place: UnsafeMutableRawPointer?, _ byteCount: UInt64, _ token: UInt64) -> Int32 {
        if random.happens(oneIn: 5) { return 14 }
        // All of the room is the transport's to write.
        UnsafeMutableRawBufferPointer(start: place, count: Int(byteCount)).initializeMemory(
            as: UInt8.self, repeating: 1)
        if random.happens(oneIn: 2) {
            engineOperations.pointee.read_done(slot, token, 0)
        } else {
            reads.append(token)
        }
        return 0
    }

    /// Gives the stream to the engine, in pieces, until it is all taken or the engine wants no more.
    func take(_ stream: [UInt8]) throws {
        var (rest, idleRounds) = (stream[...], 0)
        while !rest.isEmpty, idleRounds < 20 {
            doSomethingElse()
            let before = rest.count
            try random.happens(oneIn: 3) ? place(&rest) : deliver(&rest)
            idleRounds = rest.count == before ? idleRounds + 1 : 0
            try check()
        }
    }

    private func deliver(_ rest: inout ArraySlice<UInt8>) throws {
        let count = Swift.min(rest.count, random.happens(oneIn: 2) ? random.number(1...16) : random.number(1...4_000))
        // A copy of its own, so that a sanitizer sees a step over its end.
        let taken = Array(rest.prefix(count)).withUnsafeBytes {
            Int(engineOperations.pointee.deliver(slot, $0.baseAddress, UInt64(count)))
        }
        try Fault.unless((0...count).contains(taken), "\(taken) of \(count) bytes were taken")
        rest = rest.dropFirst(taken)
    }

    private func place(_ rest: inout ArraySlice<UInt8>) throws {
        var wanted: UInt64 = 0
        guard let place = engineOperations.pointee.place(slot, &wanted) else {
            return try Fault.unless(wanted > 0, "nothing is to be read ahead")
        }
        try Fault.unless(wanted > 0, "a place without room")
        let count = Swift.min(rest.count, Int(clamping: wanted), random.number(1...4_000))
        UnsafeMutableRawBufferPointer(start: place, count: count).copyBytes(from: rest.prefix(count))
        engineOperations.pointee.placed(slot, UInt64(count))
        rest = rest.dropFirst(count)
    }

    // MARK: The user

    private func doSomethingElse() {
        switch random.number(0...11) {
        case 10: operate()
        case 11: while random.happens(oneIn: 2), takeNotification() {}
        case 0, 1, 2: post()
        case 3: if let receive = receives.randomElement(using: &random) { receive.request.cancel() }
        case 4: engineOperations.pointee.writable(slot)
        case 5: if !reads.isEmpty { endRead() }
        case 6: if state.pointee.hasStalled { state.admitStalled() }
        case 7: submit()
        default: break
        }
        collect()
    }

    private func post() {
        guard let request = state.takeRequest() else { return }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.roomByteCount + 8, alignment: 8)
        room.initializeMemory(as: UInt8.self, repeating: Self.guardByte)
        request.pointee.isReceive = true
        request.pointee.payload = room.baseAddress
        request.pointee.payloadByteCount = random.number(0...Self.roomByteCount)
        receives.append((Request(request), room))
        let isFromAny = random.happens(oneIn: 2)
        request.pointee.connection = isFromAny ? nil : slot
        request.pointee.connectionGeneration = isFromAny ? 0 : slot.pointee.generation
        state.post(request, from: isFromAny ? nil : slot)
    }

    private func submit() {
        let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: random.number(1...1_000), alignment: 8)
        payload.initializeMemory(as: UInt8.self, repeating: 2)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        guard slot.pointee.violation == nil, slot.pointee.takesSends,
            let request = try? slot.send(none, UnsafeRawBufferPointer(payload))
        else { return payload.deallocate() }
        sends.append((Request(request), payload))
    }

    private func operate() {
        guard slot.pointee.violation == nil, let operation = state.takeRequest() else { return }
        let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: random.number(0...1_000), alignment: 8)
        payload.initializeMemory(as: UInt8.self, repeating: 3)
        operation.pointee.role = .operation
        operation.pointee.operationKind = random.happens(oneIn: 2) ? .put : .get
        operation.pointee.hasNotification = random.happens(oneIn: 2)
        operation.pointee.payload = payload.baseAddress
        operation.pointee.payloadByteCount = payload.count
        slot.begin(operation)
        sends.append((Request(operation), payload))
    }

    private func takeNotification() -> Bool {
        guard state.pointee.notifications.takeFirst() != nil else { return false }
        state.admitNotification()
        return true
    }

    private func endRead() {
        let token = reads.remove(at: random.number(0...(reads.count - 1)))
        engineOperations.pointee.read_done(slot, token, random.happens(oneIn: 4) ? 3 : 0)
    }

    private func collect() {
        receives.removeAll { receive in
            guard receive.request.isComplete else { return false }
            _ = try? receive.request.result()
            receive.room.deallocate()
            return true
        }
        sends.removeAll { send in
            guard send.request.isComplete else { return false }
            _ = try? send.request.result()
            send.payload.deallocate()
            return true
        }
    }

    private func check() throws {
        // A message that stalls, or that lies in the peer's memory, is kept without its payload: one over the bound.
        let most = Self.unexpectedByteLimit + 65_535 + MemoryLayout<UnexpectedMessage>.stride
        let held = state.pointee.unexpectedByteCount
        try Fault.unless((0...most).contains(held), "\(held) bytes of unexpected messages")
        try Fault.unless(slot.pointee.unexpectedByteCount == held, "the connection's count is another")
        let guards = [UInt8](memory.prefix(8)) + memory.suffix(8)
        try Fault.unless(guards.allSatisfy { $0 == Self.guardByte }, "registered memory was overrun")
        let answerCount = slot.pointee.oneSided.map { $0.pointee.answerCount + $0.pointee.holdCount } ?? 0
        try Fault.unless((0...OneSided.partLimit).contains(answerCount), "\(answerCount) answers wait")
        for receive in receives {
            let isWhole = receive.room[Self.roomByteCount...].allSatisfy { $0 == Self.guardByte }
            try Fault.unless(isWhole, "a receive was overrun")
        }
    }

    /// Frees everything, whatever state it is in.
    func end() {
        while !reads.isEmpty { endRead() }
        slot.pointee.channel = nil
        while let message = slot.pointee.unexpected.first {
            slot.remove(message)
            message.free(at: state)
        }
        let reason = EndReason(HandfastError(.closed, "the round is over"))
        while let request = slot.pointee.sendQueue.removeFirst() { request.fail(reason) }
        slot.dropPulls()
        slot.dropOneSided(reason)
        slot.pointee.inbound.userHeader?.deallocate()
        slot.pointee.inbound.userHeader = nil
        for receive in receives { receive.room.deallocate() }
        for send in sends { send.payload.deallocate() }
        state.deinitialize(count: 1)
        state.deallocate()
        operations.deallocate()
        memory.deallocate()
    }
}
