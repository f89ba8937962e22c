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

    @Test func `give an endpoint a transport that carries messages, whatever else lies there`() throws {
        let example = Workshop.root.appending(path: "Examples/Plugins/pipe/pipe.c")
        try workshop.build(example, as: "pipe.so")
        try workshop.buildIdle(as: "broken.so", ["CHANGED=plugin.version=2"])
        let environment = ["HANDFAST_PLUGIN_PATH": workshop.folder.path, "HANDFAST_TRANSPORTS": "broken.so,pipe,tcp"]
        let server = try Endpoint(name: "server", environment: environment)
        let client = try Endpoint(name: "client", environment: environment)
        let connection = try client.connect(to: server.listen(on: IPAddress("127.0.0.1")))
        let deadline = ContinuousClock.now + .seconds(20)
        func drive(until isDone: () -> Bool) throws {
            while !isDone() {
                server.progress()
                client.progress()
                try #require(ContinuousClock.now < deadline)
            }
        }
        try drive { connection.state != .connecting }
        #expect(connection.transport == "pipe")
        let broken = connection.decisions.first { $0.transport == "broken.so" }
        #expect(broken?.outcome == .refusedHere && broken?.reason.contains("version 2") == true)
        let sent = UnsafeMutableRawBufferPointer.allocate(byteCount: 3 << 20, alignment: 8)
        let received = UnsafeMutableRawBufferPointer.allocate(byteCount: 3 << 20, alignment: 8)
        defer {
            sent.deallocate()
            received.deallocate()
        }
        for index in sent.indices { sent[index] = UInt8(truncatingIfNeeded: index &* 31) }
        let receive = try server.receive(into: received)
        let send = try connection.send(UnsafeRawBufferPointer(sent))
        try drive { send.isComplete && receive.isComplete }
        #expect(try receive.result()?.byteCount == sent.count)
        #expect(sent.elementsEqual(received))
        client.close()
        server.close()
        try drive { client.isClosed && server.isClosed }
    }
}
