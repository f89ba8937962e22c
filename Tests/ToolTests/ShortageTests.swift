import Foundation
import Glibc
import Testing

@Suite(.serialized) struct `A listener that has no descriptor left` {
    private func connect(_ port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(result == 0)
        return descriptor
    }

    /// All that comes until the peer closes, or nothing when it says nothing within a moment.
    private func words(_ descriptor: Int32, within milliseconds: Int32) -> String {
        var (text, buffer) = ("", [UInt8](repeating: 0, count: 4_096))
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&waiting, 1, milliseconds) > 0 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            text += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
        return text
    }

    @Test func `tells the newest peer why it is turned away, and goes on when there are some again`() throws {
        // The hard limit too, so that the endpoint cannot raise it.
        let listener = try ToolProcess(
            ["perf", "--listen", "127.0.0.1:0@server", "--transport", "tcp"],
            ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "60000"], descriptorLimit: 32)
        let address = try listener.firstLine()
        let port = try #require(UInt16(address.split(separator: "@")[0].split(separator: ":").last ?? ""))
        var silent: [Int32] = []
        defer { for descriptor in silent { close(descriptor) } }
        var refusal = ""
        while refusal.isEmpty, silent.count < 64 {
            let descriptor = connect(port)
            silent.append(descriptor)
            // Those that fit are waited for in vain: only towards the limit it is worth the time.
            if silent.count > 16 { refusal = words(descriptor, within: 500) }
        }
        #expect(refusal.contains("server cannot take another connection now: Too many open files"), "\(refusal)")
        #expect(refusal.contains("HANDFAST_RAISE_DESCRIPTORS"), "\(refusal)")
        for descriptor in silent { close(descriptor) }
        silent = []
        let run = try ToolProcess.run(["explain", address, "--transport", "tcp"])
        #expect(run.code == 0, "\(run.errors)")
    }
}
