import Foundation
import Glibc
import Handfast
import Testing

/// The virtual machine of `Tests/VirtualMachine`, where these tests run.
enum Guest {
    static let isHere = ProcessInfo.processInfo.environment["VERBS_VM"] == "1"
    static let why = Comment(rawValue: "they need the virtual machine: swift test --filter VirtualMachineTests")

    /// The addresses of rxe0, where peers listen, and rxe1, by which this process reaches them.
    static let far = "10.1.0.1"
    static let near = "10.1.0.2"
    /// The address of siw0.
    static let farIWARP = "10.2.0.1"

    /// Runs a command to its end.
    @discardableResult
    static func run(_ command: String) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", command]
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let output = String(decoding: bytes, as: UTF8.self)
        try #require(process.terminationStatus == 0, "\(command): \(output)")
        return output
    }

    static func link(_ action: String) throws { try run("$VERBS_LINK \(action)") }

    /// In KiB, of the row of that name.
    static func memory(_ row: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(row + ":") }, "\(status)")
        return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }

    static func descriptorCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    /// Of all devices together, by kind: `qp`, `mr`, `cq`, `srq`.
    static func resources() throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in try run("rdma resource show").split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            for (name, count) in zip(words, words.dropFirst()) {
                if let number = Int(count) { counts[name, default: 0] += number }
            }
        }
        return counts
    }
}

/// The suite of all tests that need the virtual machine; one after the other, because some break its link.
@Suite(.serialized, .enabled(if: Guest.isHere, Guest.why)) struct `Over verbs in the virtual machine` {}

/// Memory of a test; it must outlive the requests on it.
final class Room {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: 4096)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    /// Whether it holds these bytes, at the speed of memory.
    func holds(_ other: UnsafeRawBufferPointer) -> Bool {
        bytes.count == other.count && memcmp(bytes.baseAddress!, other.baseAddress!, bytes.count) == 0
    }
}

func makeEndpoint(_ name: String = "near", _ environment: [String: String] = ["HANDFAST_TRANSPORTS": "verbs"]) throws
    -> Endpoint
{
    try Endpoint(name: name, transports: guestTransports, environment: environment)
}

/// Up, within 20 s.
func connect(_ endpoint: Endpoint, _ address: String, over transport: String = "verbs") throws -> Connection {
    let connection = try endpoint.connect(to: address)
    try endpoint.wait(for: connection, timeout: .seconds(20))
    try #require(connection.transport == transport, "\(connection.decisions)")
    return connection
}

/// The error that a request ends with, within 20 s.
func failure(_ endpoint: Endpoint, _ request: Request) throws -> HandfastError? {
    try #require(endpoint.wait(timeout: .seconds(20)) { request.isComplete }, "the request does not end")
    return #expect(throws: HandfastError.self) { try request.result() }
}
