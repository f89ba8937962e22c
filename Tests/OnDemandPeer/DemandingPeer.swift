import DefaultTransports
import Glibc
import Handfast
import TransportAPI

/// An endpoint that does what the commands say and counts what comes of it.
///
/// - `expect ADDRESS…`: names peers.
/// - `forget NAME`: closes the connection.
/// - `send NAME|all COUNT [NANOSECONDS]`: at once or at an instant of the monotonic clock, the same for all processes.
/// - `post NAME`: a receive from one peer alone.
/// - `share`, `use`, `look`: see `DemandingPeer+OneSided.swift`.
/// - `report`: lines with what came of it all, the last one being `end`.
final class DemandingPeer {
    private struct Sending {
        let peer: String
        let request: Request
        /// Of a message that is sent.
        var sequence: Int?
        let memory: [UnsafeMutableRawBufferPointer]
    }

    private struct Source: Hashable {
        let name: String
        let process: Int32
    }

    let endpoint: Endpoint
    private var connections: [String: Connection] = [:]
    private var sendings: [Sending] = []
    private var sentCount = 0
    private var nextSequence = 0
    private var lastSent: [String: Int] = [:]
    private var errors: [(peer: String, text: String)] = []
    private var failedSends: [(peer: String, sequence: Int, isUnsent: Bool)] = []
    private var events: [(peer: String, reason: HandfastError.Code)] = []
    private var faults: [String] = []
    private var received: [Source: (count: Int, last: Int)] = [:]
    /// What other processes reach.
    var shared = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var input = CommandInput()
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Message.maximumByteCount, alignment: 8)
    private let headerRoom = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)

    init(name: String, port: UInt16) throws {
        endpoint = try Endpoint(name: name, transports: defaultTransports)
        try endpoint.listen(on: IPAddress("127.0.0.1"), port: port)
    }

    var address: String { endpoint.address?.description ?? "" }

    /// Works until the input ends.
    /// - Returns: whether everything could be closed in order and nothing was received that nobody had sent.
    func run() -> Bool {
        var receive: Request?
        while !input.hasEnded {
            do throws(HandfastError) {
                if receive == nil { receive = try endpoint.receive(into: room, header: headerRoom) }
                _ = endpoint.wait(timeout: .milliseconds(5)) { receive?.isComplete ?? true }
                if let completion = try receive?.result() {
                    receive = nil
                    note(completion)
                }
            } catch {
                receive = nil
                errors.append(("receive", error.message))
            }
            settleSendings()
            while let event = endpoint.takeEvent() {
                let name = connections.first { $0.value == event.connection }?.key ?? "nobody"
                events.append((name, event.reason.code))
            }
            while let words = input.next() {
                obey(words)
                fflush(nil)
            }
        }
        receive?.cancel()
        endpoint.close()
        return endpoint.wait(timeout: .seconds(10)) { endpoint.isClosed } && faults.isEmpty
    }

    private func obey(_ words: [String]) {
        do throws(HandfastError) {
            switch words.first {
            case "expect":
                for text in words.dropFirst() {
                    let address = try EndpointAddress(parsing: text)
                    connections[address.name ?? ""] = try endpoint.connect(to: address, mode: .onDemand)
                }
            case "forget": connections.removeValue(forKey: words[1])?.close()
            case "send":
                if words.count > 3, let instant = UInt64(words[3]) { hold(until: instant) }
                for name in words[1] == "all" ? connections.keys.sorted() : [words[1]] {
                    for _ in 0..<(Int(words[2]) ?? 0) { send(to: name) }
                }
            case "post":
                guard let connection = connections[words[1]] else { break }
                let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Message.maximumByteCount, alignment: 8)
                let request = try endpoint.receive(into: memory, from: connection)
                sendings.append(Sending(peer: words[1], request: request, memory: [memory]))
            case "share": return try share(Int(words[1]) ?? 0)
            case "look": return look()
            case "use":
                guard let connection = connections[words[1]] else { break }
                let numbers = words.dropFirst(3).compactMap { Int($0) }
                try use(connection, words[2], offset: numbers[0], byteCount: numbers[1], count: numbers[2])
            case "report": return report()
            default: return print("error unknown command")
            }
            print("ok")
        } catch { print("error \(error.message)") }
    }

    /// Without progress: who is to begin at the same instant as the peer must not see it begin.
    private func hold(until instant: UInt64) {
        while nanoseconds() < instant {}
    }

    private func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private func send(to name: String) {
        let message = Message(sender: endpoint.name, process: getpid(), sequence: nextSequence)
        lastSent[name] = nextSequence
        nextSequence += 1
        let memory = [message.header, message.payload].map { bytes in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
            copy.copyBytes(from: bytes)
            return copy
        }
        do throws(HandfastError) {
            guard let connection = connections[name] else { throw HandfastError(.invalidArgument, "not expected") }
            let request = try connection.send(
                UnsafeRawBufferPointer(memory[1]), header: UnsafeRawBufferPointer(memory[0]))
            sendings.append(Sending(peer: name, request: request, sequence: message.sequence, memory: memory))
        } catch { errors.append((name, error.message)) }
    }

    private func settleSendings() {
        let done = sendings.filter(\.request.isComplete)
        guard !done.isEmpty else { return }
        sendings.removeAll { $0.request.isComplete }
        for sending in done {
            do throws(HandfastError) {
                _ = try sending.request.result()
                sentCount += 1
            } catch {
                errors.append((sending.peer, error.message))
                if let sequence = sending.sequence {
                    failedSends.append((sending.peer, sequence, error.isUnsent))
                }
            }
            for memory in sending.memory { memory.deallocate() }
        }
    }

    private func note(_ completion: Completion) {
        let header = UnsafeRawBufferPointer(rebasing: headerRoom[..<completion.headerByteCount])
        guard let message = Message(header: header) else { return faults.append("a header that nobody has sent") }
        let source = Source(name: message.sender, process: message.process)
        let (count, last) = received[source] ?? (0, -1)
        if message.sequence <= last { faults.append("\(message.sequence) from \(source.name) came after \(last)") }
        if !room[..<completion.byteCount].elementsEqual(message.payload) {
            faults.append("a payload of \(source.name) was changed")
        }
        if let name = completion.connection?.peer?.name, name != message.sender {
            faults.append("a message of \(message.sender) came from \(name)")
        }
        received[source] = (count + 1, message.sequence)
    }

    private func report() {
        print("descriptors \(descriptorCount())")
        print("pending \(sendings.count)")
        print("sent \(sentCount)")
        for (source, entry) in received { print("got \(source.name) \(source.process) \(entry.count) \(entry.last)") }
        for (name, sequence) in lastSent { print("last \(name) \(sequence)") }
        for (name, connection) in connections {
            print("state \(name) \(connection.state) \(connection.transport ?? "none")")
        }
        for error in errors { print("failed \(error.peer) \(error.text)") }
        for send in failedSends { print("lost \(send.peer) \(send.sequence) \(send.isUnsent ? "unsent" : "sent")") }
        for event in events { print("event \(event.peer) \(event.reason)") }
        for fault in faults { print("fault \(fault)") }
        print("end")
    }

    /// The one that the counting itself needs is not among them.
    private func descriptorCount() -> Int {
        guard let directory = opendir("/proc/self/fd") else { return -1 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return count - 3
    }
}
