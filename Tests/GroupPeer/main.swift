import DefaultTransports
import Glibc
import Handfast
import HandfastGroups

// One member of a group of processes: `GroupPeer RANK ROUNDS`. It prints where it listens, reads the addresses of all
// members, one a line in the order of ranks, and prints for each round when it entered and left a barrier, in
// nanoseconds of the monotonic clock, after a broadcast from a root that changes.
func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// What the root of a round sends.
func content(round: Int, index: Int) -> UInt8 { UInt8(truncatingIfNeeded: round &* 31 &+ index &* 7) }

func run(rank: Int, roundCount: Int) throws(HandfastError) {
    let endpoint = try Endpoint(name: "rank\(rank)")
    print("address \(try endpoint.listen(on: IPAddress("127.0.0.1")))")
    fflush(nil)
    var connections: [Connection?] = []
    while let line = readLine(), !line.isEmpty {
        let address = try EndpointAddress(parsing: line)
        connections.append(connections.count == rank ? nil : try endpoint.connect(to: address, mode: .onDemand))
    }
    let group = try Group(endpoint: endpoint, connections: connections, rank: rank, number: 7)
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 50_000, alignment: 8)
    defer { bytes.deallocate() }
    for round in 0..<roundCount {
        let root = round % connections.count
        // Small and large.
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(round % 2 == 0 ? 100 : bytes.count)])
        for index in part.indices { part[index] = rank == root ? content(round: round, index: index) : 0 }
        try group.broadcast(part, from: root, timeout: .seconds(60))
        guard part.indices.allSatisfy({ part[$0] == content(round: round, index: $0) }) else {
            throw HandfastError(.rejected, "round \(round) has brought other bytes")
        }
        let entered = nanoseconds()
        try group.barrier(timeout: .seconds(60))
        print("barrier \(entered) \(nanoseconds())")
    }
    print("end")
    fflush(nil)
    // Nobody leaves while another may still be about to send.
    _ = readLine()
    endpoint.close()
    _ = endpoint.wait(timeout: .seconds(30)) { endpoint.isClosed }
}

do {
    let words = CommandLine.arguments
    try run(rank: Int(words[1]) ?? 0, roundCount: Int(words[2]) ?? 1)
} catch {
    print("error \(error)")
    exit(1)
}
