import Foundation
import Glibc
import Testing

/// A TCP client that only listens.
private final class SilentClient {
    private let socket: Int32
    private(set) var hasEnded = false
    private(set) var text = ""

    init(port: String) throws {
        // Processes that other tests start meanwhile must not keep it.
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = try #require(UInt16(port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(socket) }

    func poll() {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0 { text += String(decoding: buffer.prefix(count), as: UTF8.self) }
        if count == 0 || (count < 0 && errno != EAGAIN) { hasEnded = true }
    }
}

@Suite struct `A process that has no descriptor left` {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    /// Connects until all that come are turned away, and then so many more.
    /// - Returns: those that stay, and what the others were told.
    private func exhaust(_ port: String, more: Int) throws -> (held: [SilentClient], refusals: [String]) {
        var clients: [SilentClient] = []
        let deadline = ContinuousClock.now + .seconds(30)
        // More than it can hold come at once, so that the last of them are refused.
        for _ in 0..<64 { clients.append(try SilentClient(port: port)) }
        while clients.allSatisfy({ !$0.hasEnded }) {
            for client in clients { client.poll() }
            try #require(ContinuousClock.now < deadline, "nobody was turned away")
        }
        let late = try (0..<more).map { _ in try SilentClient(port: port) }
        while !late.allSatisfy(\.hasEnded) {
            for client in clients + late { client.poll() }
            try #require(ContinuousClock.now < deadline, "not all were turned away")
        }
        return (clients.filter { !$0.hasEnded }, (clients + late).filter(\.hasEnded).map(\.text))
    }

    @Test func `tells who comes, goes on with its peers, fills no log, and takes others again later`() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = folder.appendingPathComponent("log").path
        let environment = [
            "HANDFAST_TRANSPORTS": "tcp", "HANDFAST_HANDSHAKE_TIMEOUT_MS": "60000",
            "HANDFAST_SLOW_HANDSHAKE_MS": "600000",
        ]
        let poor = try DemandingProcess("poor", environment, logPath: log, descriptorLimit: 32)
        let (peer, newcomer) = (
            try DemandingProcess("peer", environment), try DemandingProcess("newcomer", environment)
        )
        for process in [poor, peer, newcomer] { try process.readAddress() }
        try poor.tell("expect \(peer.address) \(newcomer.address)")
        for process in [peer, newcomer] { try process.tell("expect \(poor.address)") }
        try peer.tell("send poor 3")
        try poor.poll("three messages") { $0.receivedCount(from: "peer") == 3 }

        let start = ContinuousClock.now
        var (held, refusals) = try exhaust(poor.port, more: 100)
        #expect(refusals.count >= 100)
        for refusal in refusals {
            #expect(refusal.contains("poor cannot take another connection now: Too many open files"), "\(refusal)")
        }
        try peer.tell("send poor 3")
        try poor.tell("send peer 3")
        try poor.poll("what is connected goes on") { $0.receivedCount(from: "peer") == 6 }
        try peer.poll("in both directions") { $0.receivedCount(from: "poor") == 3 }

        try newcomer.tell("send poor 1")
        held = []
        try poor.poll("the newcomer's message") { $0.receivedCount(from: "newcomer") == 1 }
        #expect(try newcomer.report().errors.isEmpty)
        for process in [peer, newcomer, poor] { #expect(try process.finish() == 0, "\(process.name)") }
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        let seconds = Int(start.duration(to: .now) / .seconds(1))
        #expect(lines.contains { $0.contains("Too many open files") }, "\(lines)")
        #expect(lines.count <= seconds + 2, "\(lines)")
        withExtendedLifetime(held) {}
    }
}
