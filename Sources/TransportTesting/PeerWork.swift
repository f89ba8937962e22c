import CHandfast
import Glibc
import TransportAPI

/// What the other process does once the connection is up.
struct PeerWork {
    let transport: any Transport
    let end: ChannelEnd
    let control: ControlStream

    /// Ends when the test closes the control stream.
    func perform(_ task: PeerTask) throws {
        switch task {
        case .stream: try loop { while end.maySend { end.send(65_536) } }
        case .swallow: try loop {}
        case .refuse:
            (end.sink.appetite, end.resumesByItself) = (.nothing, false)
            try loop {}
        case .echo: try echo()
        case .finish:
            try loop {
                let left = PeerTask.finishByteCount - end.sentCount
                if left > 0, end.maySend { end.send(min(left, 100_000)) }
                if left == 0 { end.close() }
            }
        case .memory:
            try control.send(.words(try nameMemory()))
            // With it the other side learns of what is exposed.
            end.send(1)
            try loop {}
        }
    }

    private func poll() throws -> Bool {
        let count = transport.operations.pointee.poll(transport.state)
        if end.resumesByItself { end.resume() }
        if let violation = end.sink.violations.first { throw BrokenRule(violation) }
        return count > 0
    }

    private func loop(_ work: () -> Void) throws {
        var round = 0
        while round % 256 != 0 || !control.hasEnded {
            round += 1
            work()
            if try !poll() { sched_yield() }
        }
    }

    private func echo() throws {
        while !control.hasEnded {
            let left = end.sink.receivedCount - end.sentCount
            if left > 0, end.maySend { end.send(min(left, 100_000)) }
            guard try !poll(), left == 0 || !end.maySend else { continue }
            // No short time limit here: it would hide a wake-up that was lost.
            guard transport.descriptor >= 0, transport.operations.pointee.arm(transport.state) == 0 else { continue }
            sleepUntilReadable([transport.descriptor, control.descriptor], milliseconds: 60_000)
        }
    }

    /// - Returns: the names of memory to be read, one where nothing is, and one of a page before nothing.
    private func nameMemory() throws -> [UInt64] {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: PeerTask.memoryByteCount, alignment: 64)
        var offset = 0
        while offset < PeerTask.memoryByteCount {
            let part = Pattern(seed: PeerTask.memorySeed)
                .bytes(at: offset, min(Pattern.period, PeerTask.memoryByteCount - offset))
            (memory + offset).copyMemory(from: part.baseAddress!, byteCount: part.count)
            offset += part.count
        }
        let page = sysconf(Int32(_SC_PAGESIZE))
        guard let pages = mmap(nil, page * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            pages != MAP_FAILED, munmap(pages + page, page * 2) == 0
        else { throw BrokenRule("no pages (errno \(errno))") }
        guard let name = end.expose(memory, PeerTask.memoryByteCount) else {
            throw BrokenRule("memory that cannot be exposed")
        }
        let missing = [pages + page, pages].map { UnsafeRawPointer($0) }
        return [name] + missing.map { end.expose($0, 3 * page) ?? UInt64(UInt(bitPattern: $0)) }
    }
}
