import DefaultTransports
import Glibc
import Handfast
import HandfastGroups

// Four processes, which the first one starts. Each sends a number to every other, adds up what comes from any of them in
// whatever order, and all meet in a barrier before they leave. `swift run Exchange` prints the four sums.
let size = 4

if CommandLine.arguments.count < 3 {
    // Where the ranks tell each other their addresses; a launcher of real jobs has a place of its own for that.
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    // mkdtemp puts a name of its own in place of the six letters.
    var template = Array("\(parent)/exchange-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { exit(1) }
    let folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    let processes = (0..<size).map { start(rank: $0, folder) }
    var failures = 0
    for process in processes {
        var status: Int32 = 0
        waitpid(process, &status, 0)
        failures += status == 0 ? 0 : 1
    }
    for rank in 0..<size { unlink("\(folder)/\(rank)") }
    rmdir(folder)
    exit(failures == 0 ? 0 : 1)
}

let (rank, folder) = (Int(CommandLine.arguments[1]) ?? 0, CommandLine.arguments[2])
let endpoint = try Endpoint(name: "rank\(rank)")
try tell("\(try endpoint.listen(on: IPAddress("127.0.0.1")))", as: rank)

// Nothing is connected yet: the first message of either side does that.
let connections = try (0..<size).map { peer in
    peer == rank ? nil : try endpoint.connect(to: address(of: peer), mode: .onDemand)
}
let group = try Group(endpoint: endpoint, connections: connections, rank: rank)

// The receives take any source but only this tag, so that they leave the group's own messages alone.
let tag: UInt64 = 1
let number = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
let rooms = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 * (size - 1), alignment: 8)
number.storeBytes(of: 10 * (rank + 1), as: Int.self)
let receives = try (0..<size - 1).map { index in
    let room = UnsafeMutableRawBufferPointer(rebasing: rooms[(8 * index)..<(8 * index + 8)])
    return try endpoint.receive(into: room, tag: tag)
}
let sends = try connections.compactMap { try $0?.send(UnsafeRawBufferPointer(number), tag: tag) }
for result in try endpoint.wait(forAll: receives + sends, timeout: .seconds(60)) { _ = try result.get() }

let sum = (0..<size - 1).reduce(0) { $0 + rooms.load(fromByteOffset: 8 * $1, as: Int.self) }
print("rank \(rank) got \(sum)")
try group.barrier(timeout: .seconds(60))
endpoint.close()
_ = endpoint.wait(timeout: .seconds(10)) { endpoint.isClosed }
number.deallocate()
rooms.deallocate()

func start(rank: Int, _ folder: String) -> pid_t {
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("Exchange"), strdup("\(rank)"), strdup(folder), nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    guard posix_spawn(&process, "/proc/self/exe", nil, nil, &words, environ) == 0 else { exit(1) }
    return process
}

/// A file for each rank: written under another name first, so that nobody reads half of it.
func tell(_ text: String, as rank: Int) throws {
    guard let file = fopen("\(folder)/\(rank).new", "w") else { throw Failure(what: "no file in \(folder)") }
    fputs(text, file)
    fclose(file)
    rename("\(folder)/\(rank).new", "\(folder)/\(rank)")
}

func address(of peer: Int) throws -> EndpointAddress {
    var line = [CChar](repeating: 0, count: 512)
    for _ in 0..<60_000 {
        if let file = fopen("\(folder)/\(peer)", "r") {
            defer { fclose(file) }
            fgets(&line, Int32(line.count), file)
            return try EndpointAddress(parsing: line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
        }
        usleep(1_000)
    }
    throw Failure(what: "rank \(peer) has not said where it is")
}

struct Failure: Error { let what: String }
