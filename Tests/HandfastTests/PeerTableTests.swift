import Precon
import SeededRandom
import Testing

@testable import Handfast

@Suite struct `The table of expected peers` {
    private static func target(_ name: String) throws -> PeerTarget {
        PeerTarget(try EndpointAddress(host: try #require(IPAddress("10.0.0.1")), port: 5000, name: name))
    }

    @Test func `finds those in it and no other, whatever was added and removed before`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix64(state: seed)
        var table = PeerTable()
        let slot = UnsafeMutablePointer<ConnectionSlot>.allocate(capacity: 1)
        defer { slot.deallocate() }
        var indexes: [String: Int32] = [:]
        let names = (0..<400).map { $0 % 3 == 0 ? "a longer name \($0)" : "r\($0)" }
        for _ in 0..<4_000 {
            let name = names.randomElement(using: &random)!
            if let index = indexes.removeValue(forKey: name) {
                table.remove(index)
            } else {
                indexes[name] = table.add(slot, try Self.target(name))
            }
            let other = names.randomElement(using: &random)!
            let found = table.find(WireName(other), wholeName: other)
            #expect((found?.target.name == other) == (indexes[other] != nil), "seed \(seed)")
            #expect((table.find(WireName(other), wholeName: nil) != nil) == (indexes[other] != nil), "seed \(seed)")
        }
        #expect(table.slots.count == indexes.count, "seed \(seed)")
        for (name, index) in indexes { #expect(table[index]?.target.name == name, "seed \(seed)") }
    }

    @Test func `is empty at first`() {
        #expect(PeerTable().find(WireName("rank0"), wholeName: nil) == nil)
    }
}
