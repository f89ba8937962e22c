import Foundation
import Testing

@Suite struct `handfast info` {
    @Test func `lists transports and settings as JSON`() throws {
        let run = try ToolProcess.run(
            ["info", "--format", "json"], ["HANDFAST_TRANSPORTS": "^shm", "HANDFAST_SPIN_US": "7"])
        #expect(run.code == 0, "\(run.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: [[String: Any]]]
        let transports = try #require(object?["transports"])
        #expect(transports.compactMap { $0["name"] as? String } == ["loopback", "shm", "verbs", "tcp"])
        // Whether there are verbs depends on the host.
        #expect([0, 1, 3].map { transports[$0]["available"] as? Bool } == [true, false, true])
        #expect(transports[1]["reason"] as? String == "excluded by HANDFAST_TRANSPORTS=^shm")
        let settings = try #require(object?["settings"])
        let spin = try #require(settings.first { $0["name"] as? String == "HANDFAST_SPIN_US" })
        #expect(spin["value"] as? String == "7" && spin["default"] as? String == "50")
        #expect(spin["source"] as? String == "environment")
        #expect((spin["help"] as? String)?.isEmpty == false)
        #expect(settings.first { $0["name"] as? String == "HANDFAST_NAME" }?["source"] as? String == "default")
    }

    @Test func `tells why a transport from outside is not available, and goes on`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "handfast-info-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "broken.so").path
        try #require(
            FileManager.default.createFile(
                atPath: file, contents: Data("text".utf8), attributes: [.posixPermissions: 0o644]))
        let run = try ToolProcess.run(["info"], ["HANDFAST_PLUGIN_PATH": folder.path])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("broken.so  not available: it cannot be opened: \(file)"), "\(run.output)")
        #expect(run.output.contains("HANDFAST_PLUGIN_PATH=\(folder.path)  (environment"))
        let missing = try ToolProcess.run(["info"], ["HANDFAST_PLUGIN_PATH": "\(file)/x"])
        #expect(missing.code != 0)
        #expect(
            missing.errors.contains("HANDFAST_PLUGIN_PATH: \(file)/x cannot be read as a folder"), "\(missing.errors)")
    }

    @Test func `shows what the system says of a library of verbs that it cannot open`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "handfast-info-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "libibverbs.so.1").path
        try #require(FileManager.default.createFile(atPath: file, contents: Data("text".utf8)))
        let run = try ToolProcess.run(["info"], ["LD_LIBRARY_PATH": folder.path])
        #expect(run.code == 0, "\(run.errors)")
        let isBuilt = !run.output.contains("built without the headers of RDMA verbs")
        #expect(!isBuilt || run.output.contains("libibverbs cannot be used: \(file): "), "\(run.output)")
    }

    @Test(arguments: [("/dev/full", "No space left"), ("/dev/closed", "Bad file descriptor")])
    func `fails when nobody gets its output`(path: String, reason: String) throws {
        let run = try ToolProcess.run(["info"], outputPath: path)
        #expect(run.code == 1)
        #expect(run.errors.contains("the standard output cannot be written: \(reason)"), "\(run.errors)")
    }

    @Test func `lists them for people`() throws {
        let run = try ToolProcess.run(["info"], ["HANDFAST_SPIN_US": "7"])
        #expect(run.code == 0)
        #expect(run.output.contains("HANDFAST_SPIN_US=7  (environment; default 50)"))
        #expect(run.output.contains("tcp") && run.output.contains("available"))
    }

    /// The header is the one place that has it: `Scripts/install` takes that of pkg-config, CMake and the library from there.
    @Test func `has the version of the headers`() throws {
        let header = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../Sources/CHandfast/include/handfast_types.h"), encoding: .utf8)
        let numbers = header.split(separator: "\n").filter {
            $0.contains("#define HF_VERSION_M") || $0.contains("_PATCH ")
        }
        let version = numbers.compactMap { $0.split(separator: " ").last }.joined(separator: ".")
        let run = try ToolProcess.run(["--version"])
        #expect(run.code == 0 && run.errors.isEmpty, "\(run.errors)")
        #expect(run.output == version + "\n")
    }
}
