import Glibc
import Precon
import Testing
import TransportAPI

@testable import Handfast

@Suite struct `The settings` {
    private static let lanes = Setting.integer("HANDFAST_SHM_LANES", default: 2, in: 1...8, help: "One | two.")
    private static let definitions = [
        definition("shm", settings: [lanes.row]), definition("tcp", settings: []),
    ]
    private let peer = PeerDescription(name: "rank7", address: [10, 0, 0, 1], isLocal: false)

    private static func definition(_ name: String, settings: [SettingRow]) -> TransportDefinition {
        TransportDefinition(name: name, number: 0x4801, summary: "", settings: settings) {
            _ throws(TransportRefusal) in throw TransportRefusal(.unreachable, "")
        }
    }

    private func settings(_ environment: [String: String] = [:]) throws(HandfastError) -> Settings {
        try Settings(environment: environment, transports: Self.definitions)
    }

    @Test func `are their defaults where nothing is set`() throws {
        let settings = try settings()
        #expect(settings.handshakeTimeout == .seconds(3))
        #expect(settings.connectTimeout == .seconds(3))
        #expect(settings.closeTimeout == .seconds(3))
        #expect(settings.unexpectedByteLimit == 64 * 1024 * 1024)
        #expect(settings.spinDuration == .microseconds(50))
        #expect(settings.pendingHandshakeLimit == 128)
        #expect(settings.rendezvous == RendezvousThresholds())
        #expect(settings.name == nil)
        #expect(settings.resolveTimeout == .seconds(5))
        #expect(settings.network == nil)
        #expect(settings.selection.choose(for: peer).names == ["shm", "tcp"])
        #expect(settings.values[Self.lanes] == 2)
        for row in settings.rows { #expect(settings.values.source(of: row) == .default) }
    }

    @Test func `are each read from their own variable`() throws {
        let settings = try settings([
            "HANDFAST_HANDSHAKE_TIMEOUT_MS": "1", "HANDFAST_CONNECT_TIMEOUT_MS": "2", "HANDFAST_CLOSE_TIMEOUT_MS": "3",
            "HANDFAST_UNEXPECTED_BYTES": "4k", "HANDFAST_SPIN_US": "5", "HANDFAST_PENDING_HANDSHAKES": "6",
            "HANDFAST_RENDEZVOUS_BYTES": "7, shm = 1m,pscom=64k", "HANDFAST_NAME": "rank0",
            "HANDFAST_TRANSPORTS": "tcp,shm",
            "HANDFAST_SELECT": "rank8=shm", "HANDFAST_SHM_LANES": "8", "HANDFAST_SLOW_HANDSHAKE_MS": "11",
            "HANDFAST_CONNECT_ATTEMPTS": "12", "HANDFAST_CONNECT_INTERVAL_MS": "13", "HANDFAST_CONNECT_OFFSET_MS": "14",
            "HANDFAST_CONNECT_DEADLINE_MS": "15", "HANDFAST_RESOLVE_TIMEOUT_MS": "9", "HANDFAST_NETWORK": "eth0",
            "HANDFAST_RAISE_DESCRIPTORS": "off", "HANDFAST_PLUGIN_PATH": "/a",
        ])
        #expect(settings.slowHandshake == .milliseconds(11))
        #expect(settings.retryPolicy.attempts == 12)
        #expect(settings.retryPolicy.interval == .milliseconds(13))
        #expect(settings.retryPolicy.raceOffset == .milliseconds(14))
        #expect(settings.retryPolicy.deadline == .milliseconds(15))
        #expect(settings.handshakeTimeout == .milliseconds(1))
        #expect(settings.connectTimeout == .milliseconds(2))
        #expect(settings.closeTimeout == .milliseconds(3))
        #expect(settings.unexpectedByteLimit == 4096)
        #expect(settings.spinDuration == .microseconds(5))
        #expect(settings.pendingHandshakeLimit == 6)
        #expect(settings.rendezvous.read == 7 && settings.rendezvous.messages == 7)
        #expect(settings.rendezvous.transports == ["shm": 1 << 20] && settings.rendezvous.pscom == 64 << 10)
        #expect(settings.name == "rank0")
        #expect(settings.selection.choose(for: peer).names == ["tcp", "shm"])
        let other = PeerDescription(name: "rank8", address: [], isLocal: false)
        #expect(settings.selection.choose(for: other).names == ["shm"])
        #expect(settings.values[Self.lanes] == 8)
        #expect(settings.resolveTimeout == .milliseconds(9))
        #expect(settings.network != nil)
        #expect(!settings.raisesDescriptorLimit)
        for row in settings.rows { #expect(settings.values.source(of: row) == .environment) }
    }

    @Test(arguments: [
        ("HANDFAST_HANDSHAKE_TIMEOUT_MS", "0", "from 1 to 3600000"),
        ("HANDFAST_CONNECT_TIMEOUT_MS", "3s", "milliseconds"),
        ("HANDFAST_CLOSE_TIMEOUT_MS", "", "milliseconds"), ("HANDFAST_UNEXPECTED_BYTES", "1k", "from 4k to 1024g"),
        ("HANDFAST_SPIN_US", "-1", "from 0 to 1000000"), ("HANDFAST_PENDING_HANDSHAKES", "0", "a number of handshakes"),
        ("HANDFAST_RENDEZVOUS_BYTES", "0", "from 1 to 1024g"), ("HANDFAST_RENDEZVOUS_BYTES", "=1", "from 1 to 1024g"),

        (
            "HANDFAST_RENDEZVOUS_BYTES", "tpc=1k",
            "=\"tpc=1k\": there is no transport \"tpc\"; read, channel, messages, pscom and "
        ), ("HANDFAST_NAME", "a\nb", "at most 255 bytes"),
        ("HANDFAST_NAME", String(repeating: "x", count: 256), "at most 255 bytes"),
        ("HANDFAST_TRANSPORTS", "shm,tpc", "wrong at byte 5"), ("HANDFAST_SELECT", "local=^", "wrong at byte 8"),
        ("HANDFAST_PLUGIN_PATH", "/a:b", "absolute paths"), ("HANDFAST_SHM_LANES", "9", "from 1 to 8"),
        ("HANDFAST_SHM_LANE", "8", "did you mean HANDFAST_SHM_LANES?"),
        ("HANDFAST_SPIN", "8", "did you mean HANDFAST_SPIN_US?"),
        ("HANDFAST_TRANSPORT", "shm", "did you mean HANDFAST_TRANSPORTS?"),
    ])
    func `that are wrong are an error with variable and what is allowed`(variable: String, value: String, fault: String)
    {
        let error = error([variable: value])
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.hasPrefix(variable) == true, "\(error?.message ?? "none")")
        #expect(error?.message.contains(fault) == true, "\(error?.message ?? "none")")
    }

    @Test func `name folders of transports by absolute paths with colons between them`() throws {
        #expect(try Settings.pluginFolders(in: [:]) == [])
        #expect(try Settings.pluginFolders(in: ["HANDFAST_PLUGIN_PATH": "", "HANDFAST_X": "1"]) == [])
        #expect(try Settings.pluginFolders(in: ["HANDFAST_PLUGIN_PATH": "/a:/b c::/d:"]) == ["/a", "/b c", "/d"])
        #expect(throws: HandfastError.self) { try Settings.pluginFolders(in: ["HANDFAST_PLUGIN_PATH": "/a:b"]) }
    }

    @Test func `of a transport that is not there are unknown`() throws {
        _ = try settings(["HANDFAST_SHM_LANES": "3"])
        #expect(throws: HandfastError.self) {
            try Settings(environment: ["HANDFAST_SHM_LANES": "3"], transports: [Self.definitions[1]])
        }
    }

    @Test func `give way to the texts of the program, one by one`() throws {
        let settings = try settings(["HANDFAST_TRANSPORTS": "tcp", "HANDFAST_SELECT": "rank7=^tcp"])
        #expect(try settings.selection(transports: nil, select: nil).choose(for: peer).names == [])
        #expect(try settings.selection(transports: nil, select: "").choose(for: peer).names == ["tcp"])
        let choice = try settings.selection(transports: "shm", select: nil).choose(for: peer)
        #expect(choice.names == ["shm"])
        #expect(choice.excluded.map(\.reason) == ["not named by the argument `transports` (\"shm\")"])
        #expect(throws: HandfastError.self) { try settings.selection(transports: "x", select: nil) }
    }

    @Test func `are listed once each, those of the core first`() throws {
        let names = try settings().rows.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.first == "HANDFAST_TRANSPORTS")
        #expect(names.last == "HANDFAST_SHM_LANES")
    }

    @Test func `make a table that shows every row in one line`() throws {
        let rows = try settings().rows
        let lines = Settings.markdownTable(of: rows).split(separator: "\n").map(String.init)
        #expect(lines.count == rows.count + 2)
        #expect(lines.first == "| variable | default | allowed | what |")
        #expect(lines.last == "| `HANDFAST_SHM_LANES` | `2` | a number from 1 to 8 | One \\| two. |")
        #expect(lines[2].hasPrefix("| `HANDFAST_TRANSPORTS` | empty | "))
        for row in rows { #expect(row.isAllowed(row.defaultText)) }
    }

    @Test func `come from the environment of the process`() {
        let environment = Settings.processEnvironment()
        #expect(environment["PATH"] == getenv("PATH").map { String(cString: $0) })
        #expect(!environment.isEmpty)
    }

    @Test func `come from an environment in whatever state`() {
        #expect(Settings.environment(from: nil) == [:])
        let texts = ["A=1", "B=", "A=2", "C", "D=x=y", "=z"]
        var entries = texts.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
        defer { for entry in entries { free(entry) } }
        let environment = entries.withUnsafeMutableBufferPointer { Settings.environment(from: $0.baseAddress) }
        #expect(environment == ["A": "1", "B": "", "D": "x=y", "": "z"])
    }

    private func error(_ environment: [String: String]) -> HandfastError? {
        do throws(HandfastError) { _ = try settings(environment) } catch { return error }
        return nil
    }
}
