import Handfast
import MatchingReference
import SeededRandom

/// Operations at random, each compared with the model before the next: messages are driven until they can be seen.
final class MatchingProgram {
    private struct Receive {
        let request: Request
        let memory: UnsafeMutableRawBufferPointer
        let room: Int
        let domain: Int
    }

    private struct Taken {
        let handle: Message
        let message: MatchingModel.Message
    }

    private struct Send {
        let request: Request
        let memory: UnsafeMutableRawBufferPointer
    }

    private let stage: MatchingStage
    private var random: SplitMix64
    private var models: [MatchingModel]
    private var receives: [Int: Receive] = [:]
    private var taken: [Taken] = []
    private var sends: [Send] = []
    private var lastNumber = 0
    private(set) var operationCount = 0

    init(seed: UInt64, transport: String) throws {
        random = SplitMix64(state: seed)
        stage = try MatchingStage(
            transport, connectionCount: Int.random(in: 1...4, using: &random), unexpectedBytes: "64m")
        models = stage.domains.map { _ in MatchingModel() }
    }

    func run(operations: Int) throws {
        while operationCount < operations {
            do { try step() } catch {
                throw MatchingFailure("operation \(operationCount): \(error)")
            }
        }
        for model in models { for number in model.waitingReceives { try cancel(number) } }
        for domain in stage.domains { while !models[domain].messages.isEmpty { try take(domain, Criterion()) } }
        for taken in taken { taken.handle.drop() }
        for domain in stage.domains {
            try stage.check(try stage.endpoints[domain].probe() == nil, "a message is left at endpoint \(domain)")
        }
        try stage.run("all sends end") { try collectSends() }
        try stage.close()
    }

    private func step() throws {
        let domain = Int.random(in: stage.domains, using: &random)
        let choice = Int.random(in: 0..<1_000, using: &random)
        switch choice {
        // So much waits that it is time for receives, or for messages.
        case 0..<900 where models[domain].messages.count > 12: try post(domain, Criterion())
        case 0..<900 where models[domain].waitingReceives.count > 12: try send(to: domain)
        case 0..<380: try send(to: domain)
        case 380..<740: try post(domain, criterion(domain))
        case 740..<820: try probe(domain, criterion(domain))
        case 820..<890: try take(domain, criterion(domain))
        case 890..<940: try settleTaken()
        case 940..<999: try cancelReceive(domain)
        default: try cancelSends(to: domain)
        }
    }

    // MARK: Choices

    static let masks: [UInt64] = [.max, .max, 3, 1, 1 << 40, 0]

    private func criterion(_ domain: Int) -> Criterion {
        Criterion(
            source: Bool.random(using: &random) ? stage.sources(of: domain).randomElement(using: &random) : nil,
            tag: tag(), mask: Self.masks.randomElement(using: &random)!,
            isEvenOnly: Int.random(in: 0..<6, using: &random) == 0)
    }

    private func tag() -> UInt64 {
        UInt64.random(in: 0..<3, using: &random) | UInt64.random(in: 0...1, using: &random) << 40
    }

    private func message(_ source: Int, byteCount: Int? = nil) -> MatchingModel.Message {
        lastNumber += 1
        let most =
            switch Int.random(in: 0..<64, using: &random) {
            case 0: 20_000
            case 1: 1_000
            default: 16
            }
        return MatchingModel.Message(
            number: lastNumber, source: source, tag: tag(),
            byteCount: byteCount ?? Int.random(in: 0...most, using: &random))
    }

    // MARK: Operations

    private func send(to domain: Int) throws {
        let source = stage.sources(of: domain).randomElement(using: &random)!
        let messages = (0..<Int.random(in: 1...3, using: &random)).map { _ in message(source) }
        operationCount += messages.count
        for message in messages {
            let memory = stage.takeMemory()
            sends.append(Send(request: try stage.send(message, from: memory), memory: memory))
        }
        try arrive(messages)
        _ = try collectSends()
    }

    /// The model sees messages of one flow; the library must see the same.
    private func arrive(_ messages: [MatchingModel.Message]) throws {
        guard let first = messages.first else { return }
        let domain = stage.flows[first.source].domain
        var lastWaiting: MatchingModel.Message?
        var matched: [(Int, MatchingModel.Message)] = []
        for message in messages {
            if let receive = models[domain].arrive(message) {
                matched.append((receive, message))
            } else {
                lastWaiting = message
            }
        }
        for (receive, message) in matched { try complete(receive, message) }
        guard let last = lastWaiting else { return }
        let connection = stage.flows[last.source].receiver
        try stage.run("message \(last.number) of source \(last.source) can be probed for") {
            try stage.endpoints[domain].probe(
                from: connection,
                where: { header, _ in header.loadUnaligned(fromByteOffset: 8, as: Int.self) == last.number }) != nil
        }
    }

    /// A receive of which the model says that it has matched.
    private func complete(_ number: Int, _ message: MatchingModel.Message) throws {
        guard let receive = receives.removeValue(forKey: number) else { return }
        try stage.run("receive \(number) gets message \(message.number)") { receive.request.isComplete }
        try stage.check(receive.request, receive.memory, room: receive.room, is: message)
        stage.giveBack(receive.memory)
    }

    private func post(_ domain: Int, _ criterion: Criterion) throws {
        lastNumber += 1
        operationCount += 1
        let number = lastNumber
        let memory = stage.takeMemory()
        let room = Int.random(in: 0..<10, using: &random) == 0 ? 8 : MatchingStage.maximumByteCount
        let request = try stage.post(criterion, at: domain, into: memory, room: room)
        receives[number] = Receive(request: request, memory: memory, room: room, domain: domain)
        if let message = models[domain].post(number, criterion) { return try complete(number, message) }
        try stage.check(!request.isComplete, "receive \(number) \(criterion) is complete and should wait")
    }

    private func probe(_ domain: Int, _ criterion: Criterion) throws {
        operationCount += 1
        let memory = stage.takeMemory()
        defer { stage.giveBack(memory) }
        let found = try stage.probe(criterion, at: domain, into: memory)
        try compare(found, with: models[domain].probe(criterion), criterion)
        guard found != nil else { return }
        let number = memory.loadUnaligned(fromByteOffset: 8, as: Int.self)
        try stage.check(
            number == models[domain].probe(criterion)?.number, "a probe \(criterion) shows message \(number)")
    }

    private func compare(
        _ found: MessageInfo?, with message: MatchingModel.Message?, _ criterion: Criterion
    ) throws {
        guard let found, let message else {
            return try stage.check(
                found == nil && message == nil,
                "\(criterion): \(String(describing: found)) instead of \(String(describing: message))")
        }
        let isSame =
            found.byteCount == message.byteCount && found.tag == message.tag
            && found.connection == stage.flows[message.source].receiver
        try stage.check(isSame, "\(criterion): \(found) instead of \(message)")
    }

    private func take(_ domain: Int, _ criterion: Criterion) throws {
        operationCount += 1
        let handle = try stage.take(criterion, at: domain)
        let message = models[domain].take(criterion)
        try compare(try handle?.info(), with: message, criterion)
        if let handle, let message { taken.append(Taken(handle: handle, message: message)) }
    }

    /// Receives a message that was taken, looks at it, or drops it.
    private func settleTaken() throws {
        guard let index = taken.indices.randomElement(using: &random) else { return }
        let one = taken.remove(at: index)
        operationCount += 1
        let memory = stage.takeMemory()
        defer { stage.giveBack(memory) }
        let shown = try one.handle.withBytes { header, payload in
            (number: header.loadUnaligned(fromByteOffset: 8, as: Int.self), byteCount: payload?.count)
        }
        try stage.check(
            shown.number == one.message.number && (shown.byteCount ?? one.message.byteCount) == one.message.byteCount,
            "message \(one.message.number) was taken and shows \(shown)")
        guard Bool.random(using: &random) else { return one.handle.drop() }
        let room = MatchingStage.maximumByteCount
        let request = try one.handle.receive(
            into: stage.room(memory, byteCount: room), header: stage.header(memory))
        try stage.run("taken message \(one.message.number) is received") { request.isComplete }
        try stage.check(request, memory, room: room, is: one.message)
    }

    private func cancelReceive(_ domain: Int) throws {
        if let number = models[domain].waitingReceives.randomElement(using: &random) { try cancel(number) }
    }

    private func cancel(_ number: Int) throws {
        guard let receive = receives.removeValue(forKey: number) else { return }
        operationCount += 1
        _ = models[receive.domain].cancel(number)
        try stage.check(receive.request.cancel(), "receive \(number) has matched and should wait")
        try receive.request.expectCancelled()
        stage.giveBack(receive.memory)
    }

    /// Fills a connection until sends wait, and cancels some: only those of which no byte is out can be.
    private func cancelSends(to domain: Int) throws {
        let source = stage.sources(of: domain).randomElement(using: &random)!
        var (messages, begun): ([MatchingModel.Message], [Send]) = ([], [])
        var waitingCount = 0
        while waitingCount < 6, messages.count < 5_000 {
            let message = message(source, byteCount: waitingCount < 2 ? 4_000 : nil)
            let memory = stage.takeMemory()
            let send = Send(request: try stage.send(message, from: memory), memory: memory)
            operationCount += 1
            messages.append(message)
            begun.append(send)
            if !send.request.isComplete { waitingCount += 1 }
        }
        var going: [MatchingModel.Message?] = messages
        for index in begun.indices.reversed() where Bool.random(using: &random) {
            let wasComplete = begun[index].request.isComplete
            operationCount += 1
            guard begun[index].request.cancel() else { continue }
            try stage.check(!wasComplete, "send \(messages[index].number) was complete and is cancelled")
            try begun[index].request.expectCancelled()
            stage.giveBack(begun[index].memory)
            going[index] = nil
        }
        for (message, send) in zip(going, begun) where message != nil { sends.append(send) }
        try arrive(going.compactMap(\.self))
        _ = try collectSends()
        while models[domain].messages.count > 12 { try post(domain, Criterion()) }
    }

    /// - Returns: whether none is left.
    private func collectSends() throws -> Bool {
        var index = 0
        while index < sends.count {
            guard sends[index].request.isComplete else {
                index += 1
                continue
            }
            let send = sends.remove(at: index)
            _ = try send.request.result()
            stage.giveBack(send.memory)
        }
        return sends.isEmpty
    }
}
