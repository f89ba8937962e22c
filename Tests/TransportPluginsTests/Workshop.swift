import Foundation
import Testing

/// A folder of shared objects that a test builds; it goes with the value.
final class Workshop {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "handfast-plugins-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try setMode(0o755, of: folder.path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Nil where there is no C compiler; the toolchain's own is one.
    static let compiler: String? = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let candidates = ["cc", "clang", "gcc"].flatMap { name in path.split(separator: ":").map { "\($0)/\(name)" } }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    func setMode(_ mode: Int, of path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    /// Builds a shared object from a source.
    /// - Parameter defines: `NAME=VALUE`.
    /// - Returns: its path.
    @discardableResult
    func build(_ source: URL, as name: String, defines: [String] = []) throws -> String {
        let path = folder.appending(path: name).path
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.compiler))
        process.arguments =
            ["-std=gnu11", "-shared", "-fPIC", "-I", Self.root.appending(path: "Sources/CHandfast/include").path]
            + defines.map { "-D\($0)" } + ["-o", path, source.path]
        process.environment = ProcessInfo.processInfo.environment
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(source.path) does not build with \(defines)")
        try setMode(0o755, of: path)
        return path
    }

    /// A transport that does nothing, with whatever the defines break.
    @discardableResult
    func buildIdle(as name: String = "idle.so", _ defines: [String] = []) throws -> String {
        let source = folder.appending(path: "idle.c")
        try idleSource.write(to: source, atomically: true, encoding: .utf8)
        return try build(source, as: name, defines: defines)
    }
}

/// Every part has a macro by which a test replaces it.
private let idleSource = """
    #include "handfast_transport.h"
    #include <stdio.h>
    #include <string.h>
    #ifndef SYMBOL
    #define SYMBOL hf_transport_plugin_1
    #endif
    #ifndef RETURNED
    #define RETURNED &plugin
    #endif
    #ifndef CHANGED
    #define CHANGED
    #endif
    #ifndef MAKE
    #define MAKE return &state
    #endif
    #ifndef ATTEMPT
    #define ATTEMPT return &state
    #endif
    #ifndef ADVANCE
    #define ADVANCE return HF_WAIT
    #endif
    #ifndef OPEN
    #define OPEN return &state
    #endif
    static int state;
    static uint32_t poll_(void *t) { (void)t; return 0; }
    static int32_t arm_(void *t) { (void)t; return 0; }
    static uint64_t send_(void *c, const hf_piece *p, uint32_t n) { (void)c; (void)p; (void)n; return 0; }
    static void end_(void *c) { (void)c; }
    static int32_t none_(void *c) { (void)c; return -1; }
    static int32_t expose_(void *c, const void *m, uint64_t n, uint64_t *o) { (void)c; (void)m; (void)n; (void)o; return 1; }
    static void release_(void *t, void *m) { (void)t; (void)m; }
    static void *make_(const char *const *values, hf_refusal *refusal) { (void)values; (void)refusal; MAKE; }
    static void *attempt_(void *t, uint32_t role, const hf_peer *peer, hf_refusal *refusal) {
        (void)t; (void)role; (void)peer; (void)refusal; (void)expose_; (void)release_; ATTEMPT;
    }
    static int32_t advance_(void *a, const void *payload, uint32_t byte_count, hf_step *step, hf_refusal *refusal) {
        (void)a; (void)payload; (void)byte_count; (void)step; (void)refusal; ADVANCE;
    }
    static void *open_(void *a, int32_t s, const hf_engine_operations *e, void *c) {
        (void)a; (void)s; (void)e; (void)c; OPEN;
    }
    static int32_t allows_(uint32_t setting, const char *value) { return setting == 0 ? strlen(value) < 4 : value[0] != 'x'; }
    static hf_plugin_setting settings[] = {
        { "HANDFAST_IDLE_COLOUR", "red", "a word of 3 letters", "The colour." },
        { "HANDFAST_IDLE_SHAPE", "", "a word", "The shape." },
    };
    static hf_transport_operations operations = {
        .byte_count = sizeof operations, .version = 1, .poll = poll_, .arm = arm_, .send = send_, .resume = end_, .close = end_,
    };
    static hf_transport_plugin plugin = {
        .byte_count = sizeof plugin, .version = 1, .name = "idle", .summary = "nothing", .number = 0x5000,
        .settings = settings, .allows = allows_, .operations = &operations, .make = make_, .destroy = end_,
        .descriptor = none_, .make_attempt = attempt_, .advance = advance_, .open = open_, .free_attempt = end_,
    };
    const hf_transport_plugin *SYMBOL(void) { CHANGED; return RETURNED; }

    """
