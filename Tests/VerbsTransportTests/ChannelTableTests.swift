import SeededRandom
import Testing

@testable import VerbsTransport

@Suite struct `The table of channels` {
    @Test func `finds what was put into it and not taken out`() {
        var random = seededRandom("channels")
        var table = ChannelTable()
        defer { table.deallocate() }
        var model: [UInt32: VerbsChannel.Pointer] = [:]
        // Devices number in sequence, some with the lowest bits the same.
        let stride = UInt32(1) << UInt32.random(in: 0...12, using: &random)
        func number() -> UInt32 { UInt32.random(in: 0..<1500, using: &random) &* stride & 0xff_ffff }
        for round in 0..<8_000 {
            let number = number()
            // It grows, and shrinks in the end.
            let adds = Int.random(in: 0..<8_000, using: &random) > round
            guard table.find(number) == model[number], table.count == model.count else {
                Issue.record("round \(round): \(number), \(table.count) channels instead of \(model.count)")
                return
            }
            if let channel = model[number] {
                guard !adds else { continue }
                table.remove(channel)
                // A second time changes nothing.
                table.remove(channel)
                model[number] = nil
                channel.deallocate()
            } else {
                guard adds else { continue }
                let channel = makeChannel(number)
                table.add(channel)
                model[number] = channel
            }
        }
        #expect(model.allSatisfy { table.find($0.key) == $0.value })
        var visited: [UInt32: VerbsChannel.Pointer] = [:]
        table.forEach { visited[$0.pointee.number] = $0 }
        #expect(visited == model)
        for channel in model.values { channel.deallocate() }
    }
}

/// Its device and queue pair are not looked at.
func makeChannel(_ number: UInt32) -> VerbsChannel.Pointer {
    let channel = VerbsChannel.Pointer.allocate(capacity: 1)
    channel.initialize(
        to: VerbsChannel(
            device: VerbsDevice.Pointer(bitPattern: 4096)!, pair: OpaquePointer(bitPattern: 4096)!, number: number,
            port: 1, inlineLimit: 0, slots: UnsafeMutablePointer(bitPattern: 4096)!))
    return channel
}
