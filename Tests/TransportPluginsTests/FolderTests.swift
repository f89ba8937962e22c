import DefaultTransports
import Foundation
import Handfast
import Testing
import TransportAPI
import TransportPlugins

@Suite(.enabled(if: Workshop.compiler != nil, "there is no C compiler"))
struct `The folders of transports from outside` {
    private let workshop: Workshop

    init() throws { workshop = try Workshop() }

    private func definitions(_ path: String) throws -> [TransportDefinition] {
        try availableTransports(in: ["HANDFAST_PLUGIN_PATH": path])
    }

    private func reason(_ definition: TransportDefinition?) -> String? {
        guard let definition else { return nil }
        do { _ = try definition.make(SettingValues(environment: [:], checkedAgainst: definition.settings)) } catch {
            return (error as? TransportRefusal)?.text
        }
        return nil
    }

    @Test func `put theirs before TCP, in the order of their names, and broken ones beside them`() throws {
        try workshop.buildIdle(as: "b.so")
        try workshop.buildIdle(as: "a.so", ["CHANGED=plugin.name=\"other\";plugin.number=0x5001"])
        try workshop.buildIdle(as: "c.so", ["SYMBOL=nothing"])
        try workshop.buildIdle(as: "no.object")
        let definitions = try definitions(workshop.folder.path)
        #expect(definitions.map(\.name) == ["loopback", "shm", "verbs", "other", "idle", "c.so", "tcp"])
        #expect(reason(definitions.first { $0.name == "idle" }) == nil)
        #expect(reason(definitions.first { $0.name == "c.so" })?.contains("no symbol") == true)
    }

    @Test func `lead to each file once, and a name or number is its first owner's`() throws {
        let path = try workshop.buildIdle(as: "a.so")
        try FileManager.default.createSymbolicLink(atPath: path + ".link.so", withDestinationPath: path)
        try workshop.buildIdle(as: "b.so", ["CHANGED=plugin.number=0x5001"])
        try workshop.buildIdle(as: "c.so", ["CHANGED=plugin.name=\"other\""])
        let folder = workshop.folder.path
        let definitions = try definitions("\(folder):\(folder)/")
        #expect(definitions.dropFirst(3).map(\.name) == ["idle", "b.so", "c.so", "tcp"])
        #expect(reason(definitions.first { $0.name == "b.so" })?.contains("another transport's") == true)
        #expect(reason(definitions.first { $0.name == "c.so" })?.contains("is the transport idle's") == true)
    }

    @Test func `may not be missing`() throws {
        let error = #expect(throws: HandfastError.self) { try definitions("\(workshop.folder.path)/nothing") }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("/nothing cannot be read as a folder: No such file") == true)
    }
}
