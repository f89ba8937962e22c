import CHandfast
import DefaultTransports
import Foundation
import Handfast
import Testing
import TransportAPI
import TransportPlugins

private let neighbours = Neighbours(defaultTransports, settings: Settings.rows(transports: []))

@Suite(.enabled(if: Workshop.compiler != nil, "there is no C compiler"))
struct `A transport from a shared object` {
    private let workshop: Workshop
    private let peer = PeerDescription(name: "rank7", address: [10, 0, 0, 1], isLocal: true)

    init() throws { workshop = try Workshop() }

    private func definition(_ defines: [String] = []) throws -> TransportDefinition {
        TransportPlugins.definition(ofFileAt: try workshop.buildIdle(defines), beside: neighbours)
    }

    private func transport(
        _ definition: TransportDefinition, _ environment: [String: String] = [:]
    ) throws -> any Transport {
        try definition.make(SettingValues(environment: environment, checkedAgainst: definition.settings))
    }

    private func refusal<Value>(_ body: () throws -> Value) -> TransportRefusal? {
        do { _ = try body() } catch { return error as? TransportRefusal }
        return nil
    }

    @Test func `has name, number and summary of its table`() throws {
        let definition = try definition()
        #expect((definition.name, definition.number, definition.summary) == ("idle", 0x5000, "nothing"))
        let transport = try transport(definition)
        #expect(transport.descriptor == -1)
        let attempt = try transport.makeAttempt(.starter, with: peer)
        #expect(try attempt.advance(step: nil) == .wait)
        #expect(!attempt.takesSocket && attempt.peerReads && !attempt.prefersChannel && attempt.descriptor == -1)
    }

    @Test(arguments: [
        ("SYMBOL=hf_transport_plugin_2", "no symbol hf_transport_plugin_1"), ("RETURNED=0", "returns NULL"),
        ("CHANGED=plugin.version=2", "hf_transport_plugin is of version 2, and this program knows version 1"),
        ("CHANGED=plugin.byte_count=16", "hf_transport_plugin has 16 bytes"),
        ("CHANGED=operations.version=0", "hf_transport_operations is of version 0"),
        ("CHANGED=operations.byte_count=64", "hf_transport_operations has 64 bytes"),
        ("CHANGED=plugin.name=0", "name is NULL"), ("CHANGED=plugin.name=\"Idle\"", "name \"Idle\" is not allowed"),
        ("CHANGED=plugin.name=\"\"", "name \"\" is not allowed"), ("CHANGED=plugin.name=\"read\"", "something else"),
        ("CHANGED=plugin.name=\"tcp\"", "another transport's"), ("CHANGED=plugin.summary=0", "summary is NULL"),
        ("CHANGED=plugin.number=103", "number 103 is not free; 18433 and above are"),
        ("CHANGED=plugin.number=121", "number 121 is not free"),
        ("CHANGED=plugin.number=0x4801", "number 18433 is the transport shm's already"),
        ("CHANGED=plugin.operations=0", "operations are NULL"), ("CHANGED=plugin.make=0", "function make is NULL"),
        ("CHANGED=plugin.destroy=0", "function destroy is NULL"),
        ("CHANGED=plugin.descriptor=0", "function descriptor is NULL"),
        ("CHANGED=plugin.make_attempt=0", "function make_attempt is NULL"),
        ("CHANGED=plugin.advance=0", "function advance is NULL"), ("CHANGED=plugin.open=0", "function open is NULL"),
        ("CHANGED=plugin.free_attempt=0", "function free_attempt is NULL"),
        ("CHANGED=operations.poll=0", "function poll is NULL"), ("CHANGED=operations.arm=0", "function arm is NULL"),
        ("CHANGED=operations.send=0", "function send is NULL"),
        ("CHANGED=operations.resume=0", "function resume is NULL"),
        ("CHANGED=operations.close=0", "function close is NULL"),
        ("CHANGED=operations.expose=expose_", "it takes all or none"),
        ("CHANGED=operations.release=release_", "it takes both or none"),
        ("CHANGED=plugin.setting_count=65", "65 settings"),
        ("CHANGED=plugin.setting_count=1;plugin.settings=0", "a table of them that is NULL"),
        ("CHANGED=plugin.setting_count=1;settings[0].help=0", "setting 0 has a text that is NULL"),
        ("CHANGED=plugin.setting_count=1;settings[0].name=\"HANDFAST_NAME\"", "it takes HANDFAST_IDLE_"),
        ("CHANGED=plugin.setting_count=2;settings[1].name=settings[0].name", "two settings HANDFAST_IDLE_COLOUR"),
        ("CHANGED=plugin.setting_count=1;settings[0].default_value=\"green\"", "\"green\" of its setting"),
    ])
    func `that is broken has the name of its file and refuses with the reason`(define: String, reason: String) throws {
        let definition = try definition([define])
        #expect((definition.name, definition.number) == ("idle.so", 0))
        let refusal = refusal { try transport(definition) }
        #expect(refusal?.text.contains(reason) == true, "\(refusal?.text ?? "no refusal")")
    }

    /// Its author knew nothing of what has been added since at the end of the table.
    @Test func `may have the table of an older version`() throws {
        let rest =
            "operations.release=release_;operations.byte_count=__builtin_offsetof(hf_transport_operations,allocate)"
        let transport = try transport(try definition(["CHANGED=" + rest]))
        #expect(transport.operations.pointee.forget == nil)
        #expect(transport.operations.pointee.allocate == nil && transport.operations.pointee.release == nil)
    }

    @Test func `that is no shared object refuses with what the system says`() throws {
        let path = workshop.folder.appending(path: "text.so").path
        try "text".write(toFile: path, atomically: true, encoding: .utf8)
        try workshop.setMode(0o755, of: path)
        for (path, reason) in [(path, "cannot be opened"), (path + "x", "no such file"), ("a.so", "must be absolute")] {
            let definition = TransportPlugins.definition(ofFileAt: path, beside: neighbours)
            let refusal = refusal { try transport(definition) }
            #expect(refusal?.text.contains(reason) == true, "\(refusal?.text ?? "no refusal")")
        }
    }

    @Test func `is not opened where others could have written it`() throws {
        let path = try workshop.buildIdle()
        func text() -> String? {
            refusal { try transport(TransportPlugins.definition(ofFileAt: path, beside: neighbours)) }?.text
        }
        try workshop.setMode(0o757, of: path)
        #expect(text()?.contains("idle.so may be written by anybody") == true)
        try workshop.setMode(0o755, of: path)
        try workshop.setMode(0o777, of: workshop.folder.path)
        #expect(text()?.contains("\(workshop.folder.lastPathComponent) may be written by anybody") == true)
        try workshop.setMode(0o755, of: workshop.folder.path)
        if geteuid() == 0 {
            try #require(chown(path, 12_345, 0) == 0)
            #expect(text()?.contains("belongs to user 12345") == true)
            try #require(chown(path, 0, 0) == 0)
        }
        #expect(text() == nil)
    }

    @Test func `gets its settings in their order, checked by itself`() throws {
        let definition = try definition([
            "CHANGED=plugin.setting_count=2",
            "MAKE=snprintf(refusal->text,99,\"%s,%s\",values[0],values[1]);refusal->code=4;return 0",
        ])
        #expect(definition.settings.map(\.name) == ["HANDFAST_IDLE_COLOUR", "HANDFAST_IDLE_SHAPE"])
        #expect(definition.settings[0].allowed == "a word of 3 letters")
        let asked = refusal { try transport(definition, ["HANDFAST_IDLE_SHAPE": "round"]) }
        #expect(asked == TransportRefusal(.resources, "red,round"))
        let wrong = Result { try transport(definition, ["HANDFAST_IDLE_COLOUR": "blue"]) }
        #expect(throws: SettingError.self) { try wrong.get() }
        #expect(throws: SettingError.self) { try transport(definition, ["HANDFAST_IDLE_SHAPE": "x"]) }
    }

    @Test(arguments: [
        ("MAKE=memset(refusal,'a',sizeof *refusal);return 0", String(repeating: "a", count: 1022)),
        ("MAKE=return 0", "its make gave neither a transport nor a reason"),
        ("MAKE=strcpy(refusal->text,\"a\\nb\");return 0", "a\\u{a}b"),
    ])
    func `may be careless with its reasons`(define: String, reason: String) throws {
        let definition = try definition([define])
        #expect(refusal { try transport(definition) }?.text == reason)
    }

    @Test func `may refuse a peer, and tells why`() throws {
        let transport = try transport(
            definition([
                "ATTEMPT=sprintf(refusal->text,\"%s %u %u.%u %u %u\",peer->name,peer->byte_count,peer->address[0],"
                    + "peer->address[3],peer->is_local,role);return 0"
            ]))
        let refusal = refusal { try transport.makeAttempt(.answerer, with: peer) }
        #expect(refusal == TransportRefusal(.unreachable, "rank7 32 10.1 1 1"))
    }

    @Test(arguments: [
        ("step->number=2;step->byte_count=3;step->payload=\"abc\";return HF_STEP", "step"),
        ("step->number=1;return payload==0&&byte_count==0?HF_ACCEPTED:HF_STEP", "accepted"),
        ("step->number=5;return HF_STEP", "step 5 is none of 1 to 4"),
        ("step->number=1;step->byte_count=65537;step->payload=&state;return HF_STEP", "step of 65537 bytes"),
        ("step->number=1;step->byte_count=1;return HF_STEP", "step of 1 bytes is NULL"),
        ("return 4", "advance returned 4"), ("return -1", "advance returned -1"),
        ("refusal->code=5;strcpy(refusal->text,\"no\");return HF_REFUSED", "no"),
    ])
    func `goes on by what its advance says, unless that is no answer`(body: String, outcome: String) throws {
        let attempt = try transport(definition(["ADVANCE=" + body])).makeAttempt(.starter, with: peer)
        switch Result(catching: { try attempt.advance(step: nil) }) {
        case .success(.step(let number, let payload)):
            #expect((outcome, number, payload) == ("step", 2, Array("abc".utf8)))
        case .success(let progress): #expect(outcome == "accepted" && progress == .accepted)
        case .failure(let error):
            #expect((error as? TransportRefusal)?.text.contains(outcome) == true, "\(error)")
        }
    }

    @Test func `sees an empty step as one that is there`() throws {
        let attempt = try transport(definition(["ADVANCE=return payload&&!byte_count?HF_ACCEPTED:HF_WAIT"]))
            .makeAttempt(.answerer, with: peer)
        #expect(try attempt.advance(step: nil) == .wait)
        #expect(try attempt.advance(step: [1]) == .wait)
        #expect(try attempt.advance(step: []) == .accepted)
    }
}
