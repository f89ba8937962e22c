/// How messages and receives of one process must find each other, said as plainly as MPI says it: a message goes to the
/// oldest receive that takes it, a receive to the oldest message that it takes, and what was taken is gone.
package struct MatchingModel {
    package struct Message: Hashable {
        package let number: Int
        package let source: Int
        package let tag: UInt64
        package let byteCount: Int

        package init(number: Int, source: Int, tag: UInt64, byteCount: Int) {
            (self.number, self.source, self.tag, self.byteCount) = (number, source, tag, byteCount)
        }
    }

    private struct Receive {
        let number: Int
        let criterion: Criterion
    }

    /// Receives that wait, in the order in which they were posted.
    private var receives: [Receive] = []
    /// Messages that wait, in the order in which they arrived.
    package private(set) var messages: [Message] = []

    package init() {}

    package var waitingReceives: [Int] { receives.map(\.number) }

    /// - Returns: the receive that takes it; nil when it waits.
    package mutating func arrive(_ message: Message) -> Int? {
        guard let index = receives.firstIndex(where: { $0.criterion.takes(message) }) else {
            messages.append(message)
            return nil
        }
        return receives.remove(at: index).number
    }

    /// - Returns: the message that it takes; nil when it waits.
    package mutating func post(_ receive: Int, _ criterion: Criterion) -> Message? {
        if let message = take(criterion) { return message }
        receives.append(Receive(number: receive, criterion: criterion))
        return nil
    }

    /// - Returns: whether it was still waiting.
    package mutating func cancel(_ receive: Int) -> Bool {
        guard let index = receives.firstIndex(where: { $0.number == receive }) else { return false }
        receives.remove(at: index)
        return true
    }

    package func probe(_ criterion: Criterion) -> Message? { messages.first { criterion.takes($0) } }

    package mutating func take(_ criterion: Criterion) -> Message? {
        guard let index = messages.firstIndex(where: { criterion.takes($0) }) else { return nil }
        return messages.remove(at: index)
    }
}
