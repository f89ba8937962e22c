import LoopbackTransport
import SeededRandom
import Testing

@testable import Handfast

/// Everything at once, at random, on connections that end and come again: nothing may be left behind, and nothing may be
/// told twice. CHAOS_SEED plays one program again.
@Suite struct `Everything at once` {
    @Test(arguments: ["shm", "tcp"], [false, true])
    func `leaves nothing behind when connections and endpoints end`(transport: String, byMessages: Bool) throws {
        let variables = Settings.processEnvironment()
        let first = variables["CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        print("Everything at once over \(transport): from CHAOS_SEED=\(first)")
        let count = variables["CHAOS_PROGRAMS"].flatMap { UInt64($0) } ?? 20
        for seed in 0..<count {
            let program = ChaosProgram(seed: first &+ seed, transport, byMessages: byMessages)
            try program.run(stepCount: 600)
        }
    }
}

private final class ChaosProgram {
    private let seed: UInt64
    private var random: SplitMix64
    private let environment: [String: String]
    private var near: Endpoint?
    private var far: Endpoint?
    private var ports: [UInt16] = [0, 0]
    private var connections: [Connection] = []
    private var queues: [(endpoint: Int, queue: CompletionQueue)] = []
    private var requests: [(endpoint: Int, request: Request)] = []
    private var messages: [Message] = []
    private var regions: [(region: MemoryRegion, key: [UInt8])] = []
    /// As good as the library's own until the end.
    private var arena: [Payload] = []
    private var callbackCount = 0
    private var calledCount = 0

    init(seed: UInt64, _ transport: String, byMessages: Bool) {
        self.seed = seed
        random = SplitMix64(state: seed)
        environment = [
            "HANDFAST_TRANSPORTS": transport, "HANDFAST_UNEXPECTED_BYTES": "256k",
            "HANDFAST_RENDEZVOUS_BYTES": byMessages ? "messages=20k,read=1g" : "20k",
            "HANDFAST_CLOSE_TIMEOUT_MS": "200",
        ]
    }

    private func endpoint(_ index: Int) -> Endpoint? { index == 0 ? near : far }

    private func number(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

    private func payload(_ byteCount: Int) -> Payload {
        let payload = Payload(byteCount: byteCount)
        arena.append(payload)
        return payload
    }

    private func start(_ index: Int) throws {
        let endpoint = try Endpoint(
            name: index == 0 ? "alpha" : "beta", transports: definitions, environment: environment)
        ports[index] = try endpoint.listen(on: IPAddress("127.0.0.1"), port: ports[index]).port
        if index == 0 { near = endpoint } else { far = endpoint }
        if number(3) == 0 { setHandler(index) }
    }

    private func setHandler(_ index: Int) {
        endpoint(index)?.setDefaultHandler { [unowned self] message in
            switch number(6) {
            case 0:
                try? message.keep()
                messages.append(message)
            case 1:
                if let request = try? message.receive(into: payload(number(100_000)).mutable) {
                    requests.append((index, request))
                }
            case 2 where number(10) == 0: connections.randomElement(using: &random)?.close()
            default: break
            }
        }
    }

    private func expect(_ index: Int) throws {
        guard let endpoint = endpoint(index), ports[1 - index] != 0 else { return }
        let text = "127.0.0.1:\(ports[1 - index])@\(index == 0 ? "beta" : "alpha")"
        if let connection = try? endpoint.connect(to: text, mode: .onDemand) { connections.append(connection) }
    }

    private func owner(_ connection: Connection) -> Int? {
        guard !connection.isStale else { return nil }
        if connection.slot.pointee.endpoint == near?.state { return 0 }
        return connection.slot.pointee.endpoint == far?.state ? 1 : nil
    }

    func run(stepCount: Int) throws {
        for index in 0...1 { try start(index) }
        for index in 0...1 { try expect(index) }
        for _ in 0..<stepCount { try step() }
        if number(4) > 0 { try finish() }
        near = nil
        far = nil
        #expect(calledCount == callbackCount)
        for message in messages { message.drop() }
        for (_, request) in requests where request.slot != nil {
            #expect(throws: HandfastError.self) { try request.result() }
        }
    }

    /// Closes in order, and takes everything that was left.
    private func finish() throws {
        for index in 0...1 {
            endpoint(index)?.setDefaultHandler(nil)
            endpoint(index)?.close()
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while near?.isClosed == false || far?.isClosed == false {
            for index in 0...1 { while endpoint(index)?.takeNotification() != nil {} }
            drive(10)
            guard ContinuousClock.now < deadline else {
                Issue.record("seed \(seed): not closed within a minute")
                return
            }
        }
        for (_, request) in requests {
            request.cancel()
            _ = try? request.result()
        }
        for (_, queue) in queues { queue.close() }
        for message in messages { message.drop() }
        for (region, _) in regions { region.deregister() }
        drive(10)
        for endpoint in [near, far].compactMap(\.self) {
            while let message = try endpoint.takeMessage() { message.drop() }
            #expect(endpoint.state.pointee.requests.usedCount == 0, "seed \(seed)")
            #expect(endpoint.state.pointee.messages.usedCount == 0, "seed \(seed)")
            #expect(endpoint.state.pointee.connections.usedCount == 0, "seed \(seed)")
            #expect(endpoint.state.pointee.unexpectedByteCount == 0, "seed \(seed)")
        }
        #expect(regions.allSatisfy { !$0.region.isInUse }, "seed \(seed)")
    }

    private func drive(_ count: Int) {
        for _ in 0..<count {
            near?.progress()
            far?.progress()
        }
        for index in 0...1 {
            while let connection = endpoint(index)?.accept() { connections.append(connection) }
            while endpoint(index)?.takeEvent() != nil {}
        }
    }

    private func note(_ index: Int, _ request: Request) throws {
        switch number(4) {
        case 0:
            let candidates = queues.filter { $0.endpoint == index && !$0.queue.isStale }
            requests.append((index, request))
            try candidates.randomElement(using: &random)?.queue.add(request, context: 1)
        case 1:
            requests.append((index, request))
            callbackCount += 1
            try endpoint(index)?.whenComplete(request) { [unowned self] _ in
                calledCount += 1
                if number(40) == 0 { connections.randomElement(using: &random)?.close() }
            }
        default: requests.append((index, request))
        }
    }

    private func step() throws {
        do {
            try act()
        } catch {
            guard error is HandfastError else { throw error }
        }
    }

    private func act() throws {
        let index = number(2)
        for index in 0...1 { try expect(index) }
        let byteCount = [0, 8, 3_000, 30_000, 100_000, 1_500_000][number(6)]
        let own = connections.filter { owner($0) == index }
        let connection = own.randomElement(using: &random)
        switch number(26) {
        case 0...3:
            guard let connection else { return try expect(index) }
            try note(index, try connection.send(payload(byteCount).bytes, tag: UInt64(number(3))))
        case 4: try connection?.sendCopy(payload(number(30_000)).bytes)
        case 5:
            let pieces = (0..<3).map { _ in payload(number(10_000)).bytes }
            if let connection { try note(index, try connection.send(pieces: pieces)) }
        case 6...8:
            let from = number(2) == 0 ? connection : nil
            if let endpoint = endpoint(index) {
                let room = payload(byteCount)
                try note(
                    index,
                    number(2) == 0
                        ? endpoint.receive(into: room.mutable, from: from, tag: UInt64(number(3)))
                        : endpoint.receive(into: room.mutable, from: from, where: { _, _ in true }))
            }
        case 9: if let message = try endpoint(index)?.takeMessage(from: connection) { messages.append(message) }
        case 10:
            guard let place = messages.indices.randomElement(using: &random) else { return }
            let message = messages.remove(at: place)
            if number(2) == 0 { return message.drop() }
            guard !message.isStale, let endpoint = message.slot.pointee.endpoint else { return }
            try note(endpoint == near?.state ? 0 : 1, try message.receive(into: payload(byteCount).mutable))
        case 11:
            guard let place = requests.indices.randomElement(using: &random) else { return }
            requests[place].request.cancel()
        case 12:
            requests = requests.filter { pair in
                guard pair.request.isComplete else { return true }
                _ = try? pair.request.result()
                return false
            }
        case 13: if let queue = try endpoint(index)?.makeCompletionQueue() { queues.append((index, queue)) }
        case 14: if number(3) == 0 { queues.randomElement(using: &random)?.queue.close() }
        case 15:
            var entries = [CompletionEntry](repeating: CompletionEntry(), count: 10)
            _ = entries.withUnsafeMutableBufferPointer { queues.randomElement(using: &random)?.queue.poll(into: $0) }
        case 16:
            guard let endpoint = endpoint(index) else { return }
            let region = try endpoint.register(
                memory: payload(2_000_000).mutable, permissions: [.read, .write, .atomic])
            regions.append((region, region.key))
        case 17: if number(3) == 0 { regions.randomElement(using: &random)?.region.deregister() }
        case 18...20:
            guard let connection, let key = regions.randomElement(using: &random)?.key, !key.isEmpty else { return }
            let memory = try RemoteMemory(key: key)
            let request =
                switch number(5) {
                case 0: try connection.put(payload(byteCount).bytes, to: memory, notify: 1)
                case 1: try connection.get(into: payload(byteCount).mutable, from: memory)
                case 2: try connection.fetchAndAdd(1, to: memory)
                case 3: try connection.flush()
                default: try endpoint(index)!.flush()
                }
            try note(index, request)
        case 21: while number(4) > 0, endpoint(index)?.takeNotification() != nil {}
        case 22:
            guard number(10) == 0 else { return }
            connection?.close()
        case 23:
            guard number(8) == 0 else { return }
            if index == 0 { near = nil } else { far = nil }
            if number(2) == 0 { drive(number(100)) }
            try start(index)
            try expect(index)
        default: drive(number(60))
        }
    }
}
