import Handfast
import MatchingReference
import SeededRandom

/// Operations at random on messages from another process. What comes while receives are posted is a race, of which only
/// the outcome is known; all else is compared at once.
final class ProcessProgram {
    private struct Receive {
        let request: Request
        let memory: UnsafeMutableRawBufferPointer
        let room: Int
    }

    private struct Taken {
        let handle: Message
        let message: MatchingModel.Message
    }

    let stage: ProcessStage
    private var random: SplitMix64
    private(set) var model = MatchingModel()
    private var receives: [Int: Receive] = [:]
    private var taken: [Taken] = []
    /// Messages that are under way or wait.
    private var known: [Int: MatchingModel.Message] = [:]
    private var lastNumber = 1_000
    private(set) var operationCount = 0

    init(seed: UInt64) throws {
        random = SplitMix64(state: seed)
        var transports = ["shm", "tcp"]
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            transports.append(["shm", "tcp"].randomElement(using: &random)!)
        }
        stage = try ProcessStage(transports: transports)
    }

    func run(operations: Int) throws {
        try play(operations: operations)
        try close()
    }

    func play(operations: Int) throws {
        while operationCount < operations {
            do { try step() } catch { throw MatchingFailure("operation \(operationCount): \(error)") }
        }
    }

    private func close() throws {
        for number in model.waitingReceives { try cancel(number) }
        while !model.messages.isEmpty { try take(Criterion()) }
        for taken in taken { taken.handle.drop() }
        try MatchingFailure.check(try stage.endpoint.probe() == nil, "a message is left")
        stage.peer.tell("settle")
        _ = try stage.peer.answer("settled", stage.endpoint)
        try stage.close()
    }

    private func step() throws {
        let (messages, waiting) = (model.messages.count, model.waitingReceives.count)
        switch Int.random(in: 0..<1_000, using: &random) {
        case 0..<700: try race(flows: messages > 20 ? 0 : 3, posts: waiting > 20 ? 0 : messages > 20 ? 9 : 5)
        case 700..<790: try probe(criterion())
        case 790..<880: try take(criterion())
        case 880..<940: try settleTaken()
        case 940..<996: if let number = model.waitingReceives.randomElement(using: &random) { try cancel(number) }
        default: try cancelSends()
        }
    }

    // MARK: Choices

    private static let masks: [UInt64] = [.max, .max, 3, 1, 1 << 40, 0]

    private func criterion() -> Criterion {
        Criterion(
            source: Bool.random(using: &random) ? stage.connections.indices.randomElement(using: &random) : nil,
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
            case 0: MatchingContent.maximumByteCount
            case 1, 2: 6_000
            case 3, 4: 1_000
            default: 16
            }
        return MatchingModel.Message(
            number: lastNumber, source: source, tag: tag(),
            byteCount: byteCount ?? Int.random(in: 0...most, using: &random))
    }

    // MARK: Races

    /// Messages of some connections against receives that are posted in the meantime.
    func race(flows: Int, posts: Int, byteCount: Int? = nil) throws {
        var race = Race()
        let sources = stage.connections.indices.shuffled(using: &random)
        var commands: [String] = []
        for source in sources.prefix(Int.random(in: min(1, flows)...flows, using: &random)) {
            let messages = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                message(source, byteCount: byteCount)
            }
            for message in messages { known[message.number] = message }
            race.queues.append(messages.map { .arrival($0) })
            let content = messages.map { "\($0.tag):\($0.byteCount)" }.joined(separator: " ")
            commands.append("send \(source) \(messages[0].number) \(content)")
            operationCount += messages.count
        }
        let awaited = Set(
            race.queues.joined().compactMap { if case .arrival(let message) = $0 { message.number } else { nil } })
        var posted: [Race.Event] = []
        // Some before the messages are sent, some while they come.
        let postCount = Int.random(in: 0...posts, using: &random)
        let early = Int.random(in: 0...postCount, using: &random)
        for index in 0..<postCount {
            if index == early { stage.peer.tell(commands) }
            posted.append(try post(posts > 5 ? Criterion() : criterion()))
            if Bool.random(using: &random) { stage.endpoint.progress() }
        }
        if early == postCount { stage.peer.tell(commands) }
        race.queues.append(posted)
        try settle(&race, awaited)
    }

    private func post(_ criterion: Criterion) throws -> Race.Event {
        lastNumber += 1
        operationCount += 1
        let memory = stage.takeMemory()
        let room = Int.random(in: 0..<10, using: &random) == 0 ? 8 : MatchingContent.maximumByteCount
        let source = criterion.source.map { stage.connections[$0] }
        let request = try stage.endpoint.post(criterion, from: source, into: memory, room: room)
        receives[lastNumber] = Receive(request: request, memory: memory, room: room)
        return .post(lastNumber, criterion)
    }

    /// Each message that was sent waits or was received in the end, and each receive that matched is complete.
    private func settle(_ race: inout Race, _ awaited: Set<Int>) throws {
        var missing = awaited.union(model.messages.map(\.number))
        var received: [Int: Int] = [:]
        var left: [Int] = []
        try stage.run("messages \(missing.subtracting(left)) of \(race.queues)") {
            for (number, receive) in receives where receive.request.isComplete && received[number] == nil {
                received[number] = try finish(number, receive)
                missing.remove(received[number]!)
            }
            left = try stage.waitingNumbers()
            return missing.isSubset(of: left)
        }
        (race.received, race.left) = (received, left)
        guard let after = race.explain(model) else {
            throw MatchingFailure(
                "nothing explains receives \(received.sorted { $0.key < $1.key }) and waiting messages \(left)"
                    + " after \(model) and \(race.queues)")
        }
        for number in received.keys {
            stage.giveBack(receives.removeValue(forKey: number)!.memory)
        }
        for number in received.values { known[number] = nil }
        model = after
        try MatchingFailure.check(Set(model.waitingReceives) == Set(receives.keys), "other receives wait")
    }

    /// - Returns: the message that it received.
    private func finish(_ number: Int, _ receive: Receive) throws -> Int {
        let found = MatchingContent.number(UnsafeRawBufferPointer(receive.memory))
        guard let message = known[found] else {
            throw MatchingFailure("receive \(number) got message \(found), which is not under way")
        }
        try receive.request.check(
            receive.memory, room: receive.room, is: message, from: stage.connections[message.source])
        return found
    }

    // MARK: Other operations

    private func compare(_ found: MessageInfo?, with message: MatchingModel.Message?, _ criterion: Criterion) throws {
        let isSame =
            found?.byteCount == message?.byteCount && found?.tag == message?.tag
            && found?.connection == message.map { stage.connections[$0.source] }
        try MatchingFailure.check(
            isSame, "\(criterion): \(String(describing: found)) instead of \(String(describing: message))")
    }

    private func probe(_ criterion: Criterion) throws {
        operationCount += 1
        let memory = stage.takeMemory()
        defer { stage.giveBack(memory) }
        let found = try stage.endpoint.probe(
            criterion, from: criterion.source.map { stage.connections[$0] }, into: memory)
        let message = model.probe(criterion)
        try compare(found, with: message, criterion)
        guard let message else { return }
        let number = MatchingContent.number(UnsafeRawBufferPointer(memory))
        try MatchingFailure.check(number == message.number, "a probe \(criterion) shows message \(number)")
    }

    private func take(_ criterion: Criterion) throws {
        operationCount += 1
        let handle = try stage.endpoint.take(criterion, from: criterion.source.map { stage.connections[$0] })
        let message = model.take(criterion)
        try compare(try handle?.info(), with: message, criterion)
        guard let handle, let message else { return }
        taken.append(Taken(handle: handle, message: message))
        known[message.number] = nil
    }

    /// Receives a message that was taken, or drops it.
    private func settleTaken() throws {
        guard let index = taken.indices.randomElement(using: &random) else { return }
        operationCount += 1
        let one = taken.remove(at: index)
        guard Int.random(in: 0..<4, using: &random) > 0 else { return one.handle.drop() }
        let memory = stage.takeMemory()
        let room = MatchingContent.maximumByteCount
        let request = try one.handle.receive(
            into: MatchingContent.room(memory, byteCount: room), header: MatchingContent.header(memory))
        try stage.run("taken message \(one.message.number) is received") { request.isComplete }
        try request.check(memory, room: room, is: one.message, from: stage.connections[one.message.source])
        stage.giveBack(memory)
    }

    func cancel(_ number: Int) throws {
        guard let receive = receives.removeValue(forKey: number) else { return }
        operationCount += 1
        _ = model.cancel(number)
        try MatchingFailure.check(receive.request.cancel(), "receive \(number) has matched and should wait")
        try receive.request.expectCancelled()
        stage.giveBack(receive.memory)
    }

    // MARK: The other direction

    /// Fills a connection to a peer that does nothing until sends wait.
    func fill(_ source: Int) throws -> [(message: MatchingModel.Message, send: ProcessStage.Send)] {
        stage.peer.tell("hold")
        _ = try stage.peer.answer("held")
        var sends: [(message: MatchingModel.Message, send: ProcessStage.Send)] = []
        var waitingCount = 0
        // Payloads of 4,000 bytes go by the stream, which holds only so many; longer ones wait for the peer anyway.
        while waitingCount < 8, sends.count < 5_000 {
            let message = message(source, byteCount: waitingCount < 2 ? 4_000 : nil)
            let send = try stage.send(message)
            if !send.request.isComplete { waitingCount += 1 }
            sends.append((message, send))
            operationCount += 1
        }
        return sends
    }

    /// What was cancelled never arrives, all else does, in order.
    private func cancelSends() throws {
        let source = stage.connections.indices.randomElement(using: &random)!
        var going: [(message: MatchingModel.Message, send: ProcessStage.Send)] = []
        for one in try fill(source).reversed() {
            if Bool.random(using: &random), one.send.request.cancel() {
                try one.send.request.expectCancelled()
                stage.giveBack(one.send.memory)
            } else {
                going.insert(one, at: 0)
            }
        }
        stage.peer.tell("drain \(source) \(going.count)")
        let numbers = try stage.peer.answer("got", stage.endpoint).compactMap { Int($0) }
        try MatchingFailure.check(numbers == going.map(\.message.number), "the peer got \(numbers)")
        try stage.run("all sends end") { going.allSatisfy(\.send.request.isComplete) }
        for one in going { try stage.end(one.send) }
    }

    // MARK: A peer that dies

    /// Receives that no message fits, from each connection and from any.
    func postForNothing() throws {
        for source in stage.connections.indices.map(Optional.some) + [nil] {
            let event = try post(Criterion(source: source, tag: 3, mask: 3))
            guard case .post(let number, let criterion) = event else { continue }
            try MatchingFailure.check(model.post(number, criterion) == nil, "a message with a tag that nobody sends")
        }
    }

    /// Those from one connection have failed; those from any wait for other peers, and can be cancelled.
    func endReceives() throws {
        for (number, receive) in receives {
            guard !receive.request.isComplete else {
                do throws(HandfastError) { _ = try receive.request.result() } catch {
                    try MatchingFailure.check([.peerLost, .closed].contains(error.code), "\(error)")
                    continue
                }
                throw MatchingFailure("receive \(number) got a message from nowhere")
            }
            try MatchingFailure.check(receive.request.cancel(), "receive \(number) neither waits nor is complete")
            try receive.request.expectCancelled()
        }
    }

    /// They are received, or tell why not.
    func settleTakenFromTheDead() throws {
        for one in taken {
            let (memory, room) = (stage.takeMemory(), MatchingContent.maximumByteCount)
            let request: Request
            do throws(HandfastError) {
                request = try one.handle.receive(
                    into: MatchingContent.room(memory, byteCount: room), header: MatchingContent.header(memory))
            } catch {
                let isSmall = one.message.byteCount < 1_000
                try MatchingFailure.check(!isSmall && error.code == .peerLost, "\(one.message): \(error)")
                continue
            }
            try MatchingFailure.check(request.isComplete, "a taken message waits for the dead")
            try request.check(memory, room: room, is: one.message, from: stage.connections[one.message.source])
            stage.giveBack(memory)
        }
    }
}
