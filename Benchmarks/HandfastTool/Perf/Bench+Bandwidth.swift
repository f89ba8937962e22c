import Handfast

extension Bench {
    // Hot path.
    /// A window of messages in flight; the peer acknowledges half of it at a time.
    mutating func stream(_ byteCount: Int, _ limit: Limit) throws {
        let half = Window.count(byteCount, isEcho: false) / 2
        // One header says nothing more, one asks for the acknowledgement.
        EchoHeader.write(.take, to: buffers.header(0).baseAddress!)
        EchoHeader.write(.acknowledge, to: buffers.header(1).baseAddress!)
        var groups = [StreamGroup(capacity: half), StreamGroup(capacity: half)]
        var (sent, next) = (0, 0)
        let start = clock.now
        var last = start
        while true {
            let mayGoOn = limit.allows(done: sent, ticks: last - start)
            if mayGoOn {
                let count = min(half, limit.count - sent)
                try send(count, byteCount, &groups[next])
                sent += count
            }
            next = 1 - next
            if groups[next].count > 0 {
                if samples.isFull { makeRoom() }
                let count = groups[next].count
                try finish(&groups[next])
                let now = clock.now
                samples.add(now - last, parts: count)
                last = now
            } else if !mayGoOn {
                return
            }
        }
    }

    // Hot path.
    private mutating func send(_ count: Int, _ byteCount: Int, _ group: inout StreamGroup) throws(HandfastError) {
        group.acknowledgement = try link.endpoint.receive(
            into: buffers.room(0, 0), header: buffers.headerRoom(0), from: link.connection)
        let payload = UnsafeRawBufferPointer(buffers.payload(0, byteCount))
        for index in 0..<count {
            let header = UnsafeRawBufferPointer(buffers.header(index == count - 1 ? 1 : 0))
            group.sends[index] = try link.connection.send(payload, header: header)
        }
        group.count = count
    }

    // Hot path.
    private mutating func finish(_ group: inout StreamGroup) throws(HandfastError) {
        if let acknowledgement = group.acknowledgement { _ = try link.finish(acknowledgement) }
        for index in 0..<group.count {
            if let request = group.sends[index] { _ = try link.finish(request) }
        }
        group.count = 0
    }

    // Hot path.
    /// A window of messages in flight, each of which comes back.
    mutating func streamEchoed(_ byteCount: Int, _ limit: Limit) throws {
        let window = min(Window.count(byteCount, isEcho: true), limit.count)
        var echoes: [Request?] = Array(repeating: nil, count: window)
        var sends = echoes
        var (sent, done, counted) = (0, 0, 0)
        let start = clock.now
        var last = start
        while true {
            let slot = done % window
            if limit.allows(done: sent, ticks: last - start), sent - done < window {
                write(sent % window, byteCount, number: sent)
                echoes[sent % window] = try postEcho(sent % window, byteCount)
                sends[sent % window] = try send(sent % window, byteCount)
                sent += 1
                continue
            }
            guard done < sent, let echo = echoes[slot], let ping = sends[slot] else { break }
            let completion = try link.finish(echo)
            _ = try link.finish(ping)
            try check(slot, byteCount, completion)
            done += 1
            // A window at a time: single echoes come in bursts.
            guard done - counted == window || done == sent else { continue }
            if samples.isFull { makeRoom() }
            let now = clock.now
            samples.add(now - last, parts: done - counted)
            (last, counted) = (now, done)
        }
    }
}

/// Half a window on its way.
private struct StreamGroup {
    var sends: [Request?]
    var count = 0
    var acknowledgement: Request?

    init(capacity: Int) { sends = Array(repeating: nil, count: capacity) }
}
