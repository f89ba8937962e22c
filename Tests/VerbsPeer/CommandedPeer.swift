import DefaultTransports
import Glibc
import Handfast
import MatchingReference

/// An endpoint that does what the commands say. Each is answered by one line; `take` and `give` when all is over.
///
/// - `connect ADDRESS`: answers `connected` and the transport.
/// - `take COUNT BYTES`, `give COUNT BYTES`: receives from anybody, sends to the first connection, messages of `Pattern`.
/// - `share BYTES`: lets others reach memory; answers `key` and the key in hexadecimal. `look`: the number at its beginning.
/// - `decisions`: what became of each transport for the last connection.
final class CommandedPeer {
    private enum Stream {
        case none
        case taking(left: Int, index: Int, Request)
        case giving(left: Int, index: Int, [Request])
    }

    private static let outstanding = 16
    let endpoint: Endpoint
    private var connections: [Connection] = []
    private var stream = Stream.none
    private var pattern = Pattern(byteCount: 0)
    private var room = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var shared = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var input = LineInput(descriptor: STDIN_FILENO)

    init(name: String, host: String) throws {
        endpoint = try Endpoint(name: name)
        try endpoint.listen(on: IPAddress(host))
    }

    /// Works until the input ends.
    func run() {
        say("address \(endpoint.address?.description ?? "")")
        while !input.hasEnded {
            _ = endpoint.wait(timeout: .milliseconds(2)) { isStreamReady }
            while let connection = endpoint.accept() { connections.append(connection) }
            do throws(HandfastError) {
                try goOn()
                if case .none = stream, input.fill(milliseconds: 0), let line = input.next() {
                    try obey(line.split(separator: " ").map(String.init))
                }
            } catch {
                stream = .none
                say("error \(error.message)")
            }
        }
        endpoint.close()
        _ = endpoint.wait(timeout: .seconds(10)) { endpoint.isClosed }
    }

    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private func obey(_ words: [String]) throws(HandfastError) {
        let numbers = words.compactMap { Int($0) }
        switch words.first {
        case "connect":
            let connection = try endpoint.connect(to: words[1])
            connections.append(connection)
            try endpoint.wait(for: connection, timeout: .seconds(20))
            say("connected \(connection.transport ?? "")")
        case "take":
            pattern = Pattern(byteCount: numbers[1])
            room.deallocate()
            room = .allocate(byteCount: max(1, numbers[1]), alignment: 4096)
            stream = .taking(left: numbers[0], index: 0, try endpoint.receive(into: room))
        case "give":
            pattern = Pattern(byteCount: numbers[1])
            stream = .giving(left: numbers[0], index: 0, [])
        case "share":
            shared = .allocate(byteCount: numbers[0], alignment: 4096)
            shared.initializeMemory(as: UInt8.self, repeating: 0)
            let region = try endpoint.register(memory: shared, permissions: [.read, .write, .atomic])
            let digits = Array("0123456789abcdef")
            say("key " + String(region.key.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }))
        case "look": say("number \(shared.load(as: UInt64.self))")
        case "decisions":
            say("decisions " + (connections.last?.decisions ?? []).map(\.description).joined(separator: " | "))
        default: say("error no such command")
        }
    }

    private var isStreamReady: Bool {
        switch stream {
        case .none: false
        case .taking(_, _, let request): request.isComplete
        case .giving(_, _, let requests): requests.first?.isComplete ?? true
        }
    }

    private func goOn() throws(HandfastError) {
        guard isStreamReady else { return }
        switch stream {
        case .none: break
        case .taking(let left, let index, let request):
            let completion = try request.result()!
            let expected = pattern.message(index)
            guard completion.byteCount == expected.count,
                expected.isEmpty || memcmp(room.baseAddress!, expected.baseAddress!, expected.count) == 0
            else { throw HandfastError(.system, "message \(index) is not what was sent") }
            guard left > 1 else {
                stream = .none
                return say("took \(index + 1)")
            }
            stream = .taking(left: left - 1, index: index + 1, try endpoint.receive(into: room))
        case .giving(var left, var index, var requests):
            if !requests.isEmpty { _ = try requests.removeFirst().result() }
            while left > 0, requests.count < Self.outstanding {
                guard let connection = connections.first else { throw HandfastError(.closed, "nobody has connected") }
                requests.append(try connection.send(pattern.message(index)))
                (left, index) = (left - 1, index + 1)
            }
            stream = requests.isEmpty ? .none : .giving(left: left, index: index, requests)
            if requests.isEmpty { say("gave \(index)") }
        }
    }
}
