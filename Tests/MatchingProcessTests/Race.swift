import MatchingReference

/// What happened side by side: messages of several connections came while receives were posted. Each queue happened in
/// its order, and how they mix is unknown; some mixture must lead to what was seen, by the rules of the model.
struct Race {
    enum Event {
        case arrival(MatchingModel.Message)
        case post(Int, Criterion)
    }

    var queues: [[Event]] = []
    /// The message that each receive got.
    var received: [Int: Int] = [:]
    /// The messages that were left, in their order.
    var left: [Int] = []

    private struct Position: Hashable {
        let begun: [Int]
        let waiting: [Int]
    }

    /// - Returns: the model after a mixture that leads to what was seen; nil when none does.
    func explain(_ model: MatchingModel) -> MatchingModel? {
        var visited: Set<Position> = []
        return explain(model, queues.map { _ in 0 }, &visited)
    }

    private func explain(_ model: MatchingModel, _ begun: [Int], _ visited: inout Set<Position>) -> MatchingModel? {
        let waiting = model.messages.map(\.number)
        guard zip(begun, queues).contains(where: { $0 < $1.count }) else { return waiting == left ? model : nil }
        guard visited.insert(Position(begun: begun, waiting: waiting)).inserted else { return nil }
        for index in queues.indices where begun[index] < queues[index].count {
            guard let next = outcome(of: queues[index][begun[index]], in: model) else { continue }
            var after = begun
            after[index] += 1
            if let end = explain(next, after, &visited) { return end }
        }
        return nil
    }

    /// - Returns: nil when it is not what was seen.
    private func outcome(of event: Event, in model: MatchingModel) -> MatchingModel? {
        var model = model
        switch event {
        case .arrival(let message):
            // Those that are left arrive in the order in which they are left: this alone keeps the search short.
            if let index = left.firstIndex(of: message.number) {
                guard model.messages.filter({ left.contains($0.number) }).count == index else { return nil }
            }
            if let receive = model.arrive(message), received[receive] != message.number { return nil }
        case .post(let receive, let criterion):
            if let message = model.post(receive, criterion), received[receive] != message.number { return nil }
        }
        return model
    }
}
