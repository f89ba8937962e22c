import Foundation

/// `Tests/VirtualMachine`: a guest with RDMA devices of software, in which the tests of verbs run.
enum VirtualMachine {
    /// The tests that run in it, as `swift test --filter` takes them. Some of the second count what there is in the machine, which
    /// is theirs alone.
    static let filters = ["ConformanceTests|IWARPTests", "VerbsMachineTests"]

    /// Why no test can run in it; nil if it can. It is made by its first run only, because that downloads 250 MB.
    static let obstacle: String? = {
        if ProcessInfo.processInfo.environment["VERBS_VM"] != nil { return "this is the virtual machine" }
        guard let check = try? start("image", ["--check"]) else { return "Tests/VirtualMachine/image does not start" }
        return check.status == 0 ? nil : check.output.trimmingCharacters(in: .newlines)
    }()

    /// This program, which has all tests.
    static let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path

    /// `handfast`, which was built beside it.
    static let tool = URL(filePath: tests).deletingLastPathComponent().appending(path: "handfast").path

    /// Calls `Tests/VirtualMachine/run`, which ends after its `--timeout`, 300 s if it has none. It is waited for on a thread of its
    /// own: other tests, which run meanwhile, need those that tasks share, and there are two on a machine of two cores.
    /// - Returns: its exit status, and its output with errors.
    static func run(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try start("run", arguments) }) }
        }
    }

    private static func start(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "VirtualMachine/\(script)")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }
}
