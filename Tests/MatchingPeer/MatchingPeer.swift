import DefaultTransports
import Glibc
import Handfast
import MatchingReference

/// The other process of the tests of matching: sends what it is told to.
///
/// - `accept COUNT`: takes so many connections, each of which brings a message with its number; answers `accepted`.
/// - `send CONNECTION NUMBER TAG:BYTES…`: messages with this number and the following; no answer.
/// - `hold`: answers `held`, and does nothing until the next line is there.
/// - `drain CONNECTION COUNT`: receives so many; answers `got` and their numbers.
/// - `settle`: answers `settled` when all sends are complete.
final class MatchingPeer {
    private struct Sending {
        let request: Request
        let memory: UnsafeMutableRawBufferPointer
    }

    private let endpoint: Endpoint
    private var connections: [Int: Connection] = [:]
    private var sendings: [Sending] = []
    private var memory: [UnsafeMutableRawBufferPointer] = []
    private var input = LineInput(descriptor: STDIN_FILENO)
    private static let patience = Duration.seconds(60)

    init() throws {
        endpoint = try Endpoint(name: "peer")
        print("address \(try endpoint.listen(on: IPAddress("127.0.0.1")))")
        fflush(nil)
    }

    /// Works until the input ends.
    func run() throws {
        while !input.hasEnded {
            _ = endpoint.wait(timeout: .milliseconds(1)) { input.fill(milliseconds: 0) }
            while let line = input.next() {
                try obey(line.split(separator: " "))
                fflush(nil)
            }
            try collect()
        }
        endpoint.close()
        try wait("it closes") { endpoint.isClosed }
    }

    private func obey(_ words: [Substring]) throws {
        let numbers = words.dropFirst().compactMap { Int($0) }
        switch words[0] {
        case "accept": try accept(numbers[0])
        case "send": try send(numbers[0], from: numbers[1], words.dropFirst(3))
        case "hold":
            print("held")
            fflush(nil)
            while !input.fill(milliseconds: 1_000) {}
        case "drain": try drain(numbers[0], count: numbers[1])
        case "settle":
            try wait("all sends end") { sendings.allSatisfy(\.request.isComplete) }
            print("settled")
        default: throw MatchingFailure("no command: \(words)")
        }
    }

    private func wait(_ what: String, until condition: () -> Bool) throws {
        try MatchingFailure.check(endpoint.wait(timeout: Self.patience, until: condition), "not in time: \(what)")
    }

    private func accept(_ count: Int) throws {
        for _ in 0..<count {
            var connection: Connection?
            try wait("a connection comes up") {
                connection = connection ?? endpoint.accept()
                return connection != nil
            }
            guard let connection else { continue }
            connections[try receive(from: connection)] = connection
        }
        print("accepted")
    }

    /// - Returns: the number of the message.
    private func receive(from connection: Connection) throws -> Int {
        let block = takeMemory()
        defer { memory.append(block) }
        let request = try endpoint.post(
            Criterion(), from: connection, into: block, room: MatchingContent.maximumByteCount)
        try wait("a message comes") { request.isComplete }
        // Its length stands nowhere else, so it is not checked.
        let completion = try request.result()
        let number = MatchingContent.number(UnsafeRawBufferPointer(block))
        guard let byteCount = completion?.byteCount, byteCount >= 16 else { return number }
        let ends = [MatchingContent.headerByteCount, MatchingContent.headerByteCount + byteCount - 8]
        let isRight = ends.allSatisfy { block.loadUnaligned(fromByteOffset: $0, as: Int.self) == number }
        try MatchingFailure.check(isRight, "message \(number) was changed")
        return number
    }

    private func drain(_ connection: Int, count: Int) throws {
        guard let connection = connections[connection] else { throw MatchingFailure("no connection \(connection)") }
        var numbers: [String] = []
        for _ in 0..<count { numbers.append("\(try receive(from: connection))") }
        print("got", numbers.joined(separator: " "))
    }

    private func send(_ connection: Int, from first: Int, _ messages: ArraySlice<Substring>) throws {
        guard let target = connections[connection] else { throw MatchingFailure("no connection \(connection)") }
        for (index, text) in messages.enumerated() {
            let parts = text.split(separator: ":")
            let message = MatchingModel.Message(
                number: first + index, source: connection, tag: UInt64(parts[0]) ?? 0, byteCount: Int(parts[1]) ?? 0)
            let block = takeMemory()
            MatchingContent.write(message, into: block)
            let request = try target.send(
                UnsafeRawBufferPointer(MatchingContent.room(block, byteCount: message.byteCount)),
                header: UnsafeRawBufferPointer(MatchingContent.header(block)))
            sendings.append(Sending(request: request, memory: block))
        }
    }

    private func collect() throws {
        var waiting: [Sending] = []
        for sending in sendings {
            guard sending.request.isComplete else {
                waiting.append(sending)
                continue
            }
            _ = try sending.request.result()
            memory.append(sending.memory)
        }
        sendings = waiting
    }

    private func takeMemory() -> UnsafeMutableRawBufferPointer { memory.popLast() ?? MatchingContent.allocate() }
}
