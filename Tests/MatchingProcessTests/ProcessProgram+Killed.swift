import Handfast
import MatchingReference

extension ProcessProgram {
    /// Kills the peer while messages wait and requests of both directions are under way.
    func runIntoTheDeath(operations: Int) throws {
        try play(operations: operations)
        for number in model.waitingReceives { try cancel(number) }
        // Of some the payload is here, of others it is not.
        for byteCount in [100, 20_000, 100] { try race(flows: stage.connections.count, posts: 0, byteCount: byteCount) }
        try stage.run("small messages are whole") {
            try model.messages.allSatisfy { message in try message.byteCount > 1_000 || isWhole(message) }
        }
        let whole = try model.messages.filter(isWhole)
        try MatchingFailure.check(!whole.isEmpty && whole.count < model.messages.count, "no mixture of messages")
        try postForNothing()
        let sends = try stage.connections.indices.flatMap(fill).map(\.send)
        stage.peer.kill()
        try stage.run("all connections end") { stage.connections.allSatisfy { $0.state == .closed } }
        try endReceives()
        for send in sends {
            try MatchingFailure.check(send.request.isComplete, "a send goes on without a peer")
            _ = try? send.request.result()
        }
        try MatchingFailure.check(
            try stage.waitingNumbers() == whole.map(\.number), "other messages are left than those that are whole")
        for message in whole { try receive(message) }
        try settleTakenFromTheDead()
        stage.endpoint.close()
        try stage.run("it closes") { stage.endpoint.isClosed }
    }

    private func isWhole(_ message: MatchingModel.Message) throws -> Bool {
        try stage.endpoint.probe(where: { header, _ in MatchingContent.number(header) == message.number })?.isWhole
            == true
    }

    private func receive(_ message: MatchingModel.Message) throws {
        let (memory, room) = (stage.takeMemory(), MatchingContent.maximumByteCount)
        let request = try stage.endpoint.post(Criterion(), from: nil, into: memory, room: room)
        try MatchingFailure.check(request.isComplete, "message \(message.number) is not received")
        try request.check(memory, room: room, is: message, from: stage.connections[message.source])
        stage.giveBack(memory)
    }
}
