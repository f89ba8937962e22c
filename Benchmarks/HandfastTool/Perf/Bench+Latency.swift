extension Bench {
    // Hot path.
    /// One message there and back at a time.
    mutating func pingPong(_ byteCount: Int, _ limit: Limit) throws {
        write(0, byteCount, number: 0)
        var done = 0
        let start = clock.now
        var last = start
        while limit.allows(done: done, ticks: last - start) {
            if samples.isFull {
                makeRoom()
                last = clock.now
            }
            if verifies {
                write(0, byteCount, number: done)
                last = clock.now
            }
            // What can wait is done while the message is on its way.
            let ping = try send(0, byteCount)
            let echo = try postEcho(0, byteCount)
            _ = try link.finish(ping)
            let completion = try link.finish(echo)
            let now = clock.now
            samples.add(now - last, parts: 2)
            last = now
            done += 1
            if verifies || !Self.isEcho(completion, byteCount) { try check(0, byteCount, completion) }
        }
    }
}
