/// What a message must match, said once for the model and once for the library.
struct Criterion: CustomStringConvertible {
    /// Of the domain's sources; nil for any.
    var source: Int?
    var tag: UInt64 = 0
    /// None for a receive without a tag.
    var mask: UInt64 = 0
    /// Asks by a predicate that the message's number is even.
    var isEvenOnly = false

    func takes(_ message: MatchingModel.Message) -> Bool {
        if let source, source != message.source { return false }
        if (tag ^ message.tag) & mask != 0 { return false }
        return !isEvenOnly || message.number % 2 == 0
    }

    var description: String {
        "from \(source.map { "\($0)" } ?? "any") tag \(tag) mask \(mask)\(isEvenOnly ? " even" : "")"
    }
}

/// How messages and receives of one process must find each other, said as plainly as MPI says it: a message goes to the
/// oldest receive that takes it, a receive to the oldest message that it takes, and what was taken is gone.
struct MatchingModel {
    struct Message {
        let number: Int
        let source: Int
        let tag: UInt64
        let byteCount: Int
    }

    private struct Receive {
        let number: Int
        let criterion: Criterion
    }

    /// Receives that wait, in the order in which they were posted.
    private var receives: [Receive] = []
    /// Messages that wait, in the order in which they arrived.
    private(set) var messages: [Message] = []

    var waitingReceives: [Int] { receives.map(\.number) }

    /// - Returns: the receive that takes it; nil when it waits.
    mutating func arrive(_ message: Message) -> Int? {
        guard let index = receives.firstIndex(where: { $0.criterion.takes(message) }) else {
            messages.append(message)
            return nil
        }
        return receives.remove(at: index).number
    }

    /// - Returns: the message that it takes; nil when it waits.
    mutating func post(_ receive: Int, _ criterion: Criterion) -> Message? {
        if let message = take(criterion) { return message }
        receives.append(Receive(number: receive, criterion: criterion))
        return nil
    }

    /// - Returns: whether it was still waiting.
    mutating func cancel(_ receive: Int) -> Bool {
        guard let index = receives.firstIndex(where: { $0.number == receive }) else { return false }
        receives.remove(at: index)
        return true
    }

    func probe(_ criterion: Criterion) -> Message? { messages.first { criterion.takes($0) } }

    mutating func take(_ criterion: Criterion) -> Message? {
        guard let index = messages.firstIndex(where: { criterion.takes($0) }) else { return nil }
        return messages.remove(at: index)
    }
}
