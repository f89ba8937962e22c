import Glibc
import Handfast
import Testing

@Suite struct `A wait` {
    @Test(arguments: transports) func `sleeps when handshakes are long over`(transport: String) throws {
        let pair = try EndpointPair(transport, ["HANDFAST_SPIN_US": "0", "HANDFAST_HANDSHAKE_TIMEOUT_MS": "300"])
        let (near, far) = try pair.connect()
        #expect(!pair.far.wait(timeout: .milliseconds(400)) { false })
        let before = processorTime()
        #expect(!pair.far.wait(timeout: .milliseconds(400)) { false })
        #expect(processorTime() - before < 0.1)
        #expect(near.state == .connected && far.state == .connected)
    }

    @Test(arguments: transports) func `ends in time although messages never stop`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 64, seed: 1)
        let room = Payload(byteCount: 64)
        let giveUp = ContinuousClock.now + .seconds(5)
        var receive = try pair.far.receive(into: room.mutable, from: far)
        let held = pair.far.wait(timeout: .milliseconds(100)) {
            if receive.isComplete, let next = try? pair.far.receive(into: room.mutable, from: far) {
                _ = try? receive.result()
                receive = next
            }
            if let send = try? near.send(payload.bytes), send.isComplete { _ = try? send.result() }
            pair.near.progress()
            return ContinuousClock.now > giveUp
        }
        #expect(!held, "the timeout came late")
    }

    /// It may have taken something, as that of `hf_take_message` does, and have nothing when it is asked again.
    @Test func `does not ask its condition again once it holds`() throws {
        let endpoint = try Endpoint(name: "alpha", transports: definitions, environment: [:])
        // Across the rounds without a clock, and those with one.
        for last in 1...300 {
            var count = 0
            let held = endpoint.wait(timeout: .seconds(60)) {
                count += 1
                return count == last
            }
            #expect(held && count == last)
            guard held else { return }
        }
    }

    /// However slow the machine is, a condition takes ten milliseconds at least: so no time is depended on.
    @Test(arguments: [true, false]) func `ends in time although its condition takes long`(isBusy: Bool) throws {
        let pair = try EndpointPair("loopback", ["HANDFAST_SPIN_US": "1000000"])
        let (near, _) = try pair.connect()
        var count = 0
        let held = pair.near.wait(timeout: .milliseconds(50)) {
            count += 1
            usleep(10_000)
            if isBusy { _ = try? near.sendCopy(UnsafeRawBufferPointer(start: nil, count: 0)) }
            return count == 100
        }
        #expect(!held && count < 20, "\(count) looks of ten milliseconds")
    }
}

/// Of this thread, in seconds.
func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
