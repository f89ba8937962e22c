import Handfast
import MatchingReference
import SeededRandom

/// Rounds of sends and receives at random that nobody waits for, within a small bound on what is kept: who arrives when
/// is left to the transport. With one source for each receive the outcome does not depend on that, so the model tells it
/// when the round is over.
final class LooseMatchingProgram {
    private struct Receive {
        let request: Request
        let memory: UnsafeMutableRawBufferPointer
        let number: Int
        let criterion: Criterion
        let domain: Int
    }

    private struct Send {
        let request: Request
        let memory: UnsafeMutableRawBufferPointer
        let message: MatchingModel.Message
    }

    private let stage: MatchingStage
    private var random: SplitMix64
    private var sends: [Send] = []
    private var receives: [Receive] = []
    /// Messages with this bit are for no receive: they are taken by their source, in order.
    private static let takenBit: UInt64 = 1 << 63
    private var taken: [[Message]]
    /// Receives of messages that were taken.
    private var settling: [Send] = []
    private let fittingByteCount: Int
    private var lastNumber = 0
    private(set) var operationCount = 0

    init(seed: UInt64, transport: String) throws {
        random = SplitMix64(state: seed)
        let bound = [4_096, 16_384, 65_536, 1 << 20].randomElement(using: &random)!
        stage = try MatchingStage(
            transport, connectionCount: Int.random(in: 1...3, using: &random), unexpectedBytes: "\(bound)")
        // A connection may keep a quarter of it, and at least a quarter of that is open to it when nothing is kept; what
        // is longer than 4,095 stays in the peer's memory.
        fittingByteCount = min(bound / 20, 4_000)
        taken = stage.flows.map { _ in [] }
    }

    func run(operations: Int) throws {
        while operationCount < operations {
            do {
                for _ in 0..<Int.random(in: 10...200, using: &random) { try step() }
                try endRound()
                try findRoom()
            } catch { throw MatchingFailure("operation \(operationCount): \(error)") }
        }
        try stage.close()
    }

    /// Nothing is left, so what fits the bound is kept whole, as soon as the sender knows.
    private func findRoom() throws {
        for source in stage.flows.indices {
            var isKept = false
            try stage.run("source \(source) finds room") {
                if !isKept { isKept = try isKeptWhole(from: source) }
                return isKept
            }
        }
    }

    private func isKeptWhole(from source: Int) throws -> Bool {
        let flow = stage.flows[source]
        lastNumber += 1
        operationCount += 2
        let message = MatchingModel.Message(number: lastNumber, source: source, tag: 0, byteCount: fittingByteCount)
        let memory = stage.takeMemory()
        let send = try stage.send(message, from: memory)
        let endpoint = stage.endpoints[flow.domain]
        var taken: Message?
        try stage.run("message \(message.number) has come") {
            taken = try taken ?? endpoint.takeMessage(from: flow.receiver)
            return taken != nil
        }
        let isWhole = try taken?.info().isWhole == true
        taken?.drop()
        try stage.run("message \(message.number) is out") { send.isComplete }
        _ = try send.result()
        stage.giveBack(memory)
        return isWhole
    }

    private func step() throws {
        let source = Int.random(in: stage.flows.indices, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<40: try send(source)
        case 40..<75: try post(source)
        case 75..<80: try take(source)
        case 80..<85: try cancelSend()
        default: stage.drive()
        }
    }

    private func send(_ source: Int) throws {
        lastNumber += 1
        operationCount += 1
        let isForTaking = Int.random(in: 0..<6, using: &random) == 0
        let message = MatchingModel.Message(
            number: lastNumber, source: source,
            tag: UInt64.random(in: 0..<3, using: &random) | (isForTaking ? Self.takenBit : 0),
            byteCount: Int.random(
                in: 0...([16, 16, 600, 600, 6_000, 20_000].randomElement(using: &random)!), using: &random))
        let memory = stage.takeMemory()
        sends.append(Send(request: try stage.send(message, from: memory), memory: memory, message: message))
    }

    private func post(_ source: Int) throws {
        lastNumber += 1
        operationCount += 1
        let domain = stage.flows[source].domain
        // From any is from one when there is but one.
        let isFromAny = stage.sources(of: domain).count == 1 && Bool.random(using: &random)
        let mask = [UInt64.max, .max, 3, 1, 0].randomElement(using: &random)! | Self.takenBit
        let criterion = Criterion(
            source: isFromAny ? nil : source, tag: UInt64.random(in: 0..<3, using: &random), mask: mask,
            isEvenOnly: Int.random(in: 0..<8, using: &random) == 0)
        let memory = stage.takeMemory()
        let request = try stage.post(criterion, at: domain, into: memory, room: MatchingStage.maximumByteCount)
        receives.append(
            Receive(request: request, memory: memory, number: lastNumber, criterion: criterion, domain: domain))
    }

    private func take(_ source: Int) throws {
        operationCount += 1
        let criterion = Criterion(source: source, tag: Self.takenBit, mask: Self.takenBit)
        if let message = try stage.take(criterion, at: stage.flows[source].domain) { taken[source].append(message) }
    }

    private func cancelSend() throws {
        guard let index = sends.indices.randomElement(using: &random) else { return }
        operationCount += 1
        guard sends[index].request.cancel() else { return }
        stage.giveBack(sends.remove(at: index).memory)
    }

    /// All that was sent arrives; then the model and the library must agree. Whatever is there without a receive is for
    /// none, because all are posted: it is taken.
    private func endRound() throws {
        var models = stage.domains.map { _ in MatchingModel() }
        for send in sends { _ = models[stage.flows[send.message.source].domain].arrive(send.message) }
        let outcomes = receives.map { models[$0.domain].post($0.number, $0.criterion) }
        let rest = models.map(\.messages.count).reduce(0, +)
        var settled: [Int] = []
        for (source, messages) in taken.enumerated() {
            for message in messages { settled.append(try settle(message, from: source)) }
        }
        taken = stage.flows.map { _ in [] }
        try stage.run("a round ends; \(settled.count) of \(rest) messages have no receive") {
            for source in stage.flows.indices {
                while let message = try stage.take(Criterion(source: source), at: stage.flows[source].domain) {
                    settled.append(try settle(message, from: source))
                }
            }
            return settled.count >= rest && sends.allSatisfy(\.request.isComplete)
                && zip(receives, outcomes).allSatisfy { $1 == nil || $0.request.isComplete }
                && settling.allSatisfy(\.request.isComplete)
        }
        try compare(outcomes)
        try compare(settled, models)
        try clear()
    }

    /// Receives or drops a message that was taken.
    /// - Returns: its number.
    private func settle(_ message: Message, from source: Int) throws -> Int {
        let memory = stage.takeMemory()
        _ = try message.info(header: stage.header(memory))
        let number = memory.loadUnaligned(fromByteOffset: 8, as: Int.self)
        guard Bool.random(using: &random) else {
            message.drop()
            stage.giveBack(memory)
            return number
        }
        let room = stage.room(memory, byteCount: MatchingStage.maximumByteCount)
        let request = try message.receive(into: room, header: stage.header(memory))
        guard let sent = sends.first(where: { $0.message.number == number }) else {
            throw MatchingFailure("message \(number) was taken, and cancelled or never sent")
        }
        settling.append(Send(request: request, memory: memory, message: sent.message))
        return number
    }

    private func compare(_ outcomes: [MatchingModel.Message?]) throws {
        for (receive, message) in zip(receives, outcomes) {
            guard let message else {
                try stage.check(receive.request.cancel(), "receive \(receive.number) \(receive.criterion) has matched")
                _ = try? receive.request.result()
                continue
            }
            try stage.check(receive.request, receive.memory, room: MatchingStage.maximumByteCount, is: message)
        }
    }

    /// Those without a receive came in their order: first those that were taken within the round, then the others.
    private func compare(_ settled: [Int], _ models: [MatchingModel]) throws {
        let left = models.flatMap(\.messages)
        for source in stage.flows.indices {
            let own = left.filter { $0.source == source }
            for bit in [0, Self.takenBit] {
                let expected = own.filter { $0.tag & Self.takenBit == bit }.map(\.number)
                let known = Set(expected)
                try stage.check(settled.filter(known.contains) == expected, "the order of source \(source)")
            }
        }
        try stage.check(
            settled.count == left.count, "\(settled.count) messages instead of \(left.count) have no receive")
    }

    private func clear() throws {
        for one in settling {
            try stage.check(one.request, one.memory, room: MatchingStage.maximumByteCount, is: one.message)
            stage.giveBack(one.memory)
        }
        settling = []
        for receive in receives { stage.giveBack(receive.memory) }
        receives = []
        for send in sends {
            _ = try send.request.result()
            stage.giveBack(send.memory)
        }
        sends = []
    }
}
