import SeededRandom
import Testing

@testable import VerbsTransport

@Suite struct `The channels that linger` {
    @Test func `are all that is visited, however many there are`() {
        var random = seededRandom("lingering")
        let channels = (0..<500).map { makeChannel($0) }
        defer { for channel in channels { channel.deallocate() } }
        let start = ContinuousClock.now
        var lingering = LingeringChannels()
        var model: [VerbsChannel.Pointer: ContinuousClock.Instant] = [:]
        for round in 0..<4_000 {
            let channel = channels.randomElement(using: &random)!
            if model[channel] == nil, Int.random(in: 0..<40, using: &random) == 0 {
                model[channel] = start + .milliseconds(round)
                lingering.add(channel, until: start + .milliseconds(round))
            } else if Bool.random(using: &random) {
                model[channel] = nil
                lingering.remove(channel)
            }
            var visited: [VerbsChannel.Pointer: ContinuousClock.Instant] = [:]
            var count = 0
            lingering.forEach { (visited[$0], count) = ($1, count + 1) }
            guard visited == model, count == model.count, lingering.isEmpty == model.isEmpty else {
                Issue.record("round \(round): \(count) visited, \(model.count) linger")
                return
            }
        }
        for channel in channels { lingering.remove(channel) }
        #expect(lingering.isEmpty && channels.allSatisfy { $0.pointee.lingersUntil == nil })
    }
}
