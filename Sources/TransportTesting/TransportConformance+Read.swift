import Glibc
import Testing

/// Reading memory that the peer named, where a transport can.
extension TransportConformance {
    /// Reads what the other end's side of this process holds.
    public func readsThePeersMemory() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            let source = Pattern(seed: 21)
            for (token, byteCount) in [0, 1, 4095, 65_536, Pattern.period].enumerated() {
                let bytes = source.bytes(at: token, byteCount)
                let address = try exposed(bytes.baseAddress!, max(1, byteCount), by: far, to: near, pair)
                let copy = try read(near, address, byteCount, UInt64(token), polling: { pair.poll() })
                #expect(source.matches(UnsafeRawBufferPointer(copy), at: token))
                copy.deallocate()
            }
            try pair.carry(Flow(far, to: near, 1000))
        }
    }

    public func readsLongMemoryInSeveralPollsAndManyAtOnce() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            let source = UnsafeMutableRawBufferPointer.allocate(byteCount: 24 << 20, alignment: 64)
            defer { source.deallocate() }
            fill(source)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 64)
            defer { copy.deallocate() }
            let address = try exposed(source.baseAddress!, source.count, by: far, to: near, pair)
            // Pieces of odd sizes, all begun at once.
            let cuts = [0, 1, 5000, 4 << 20, (4 << 20) + 1, 13 << 20, source.count]
            for (token, (start, end)) in zip(cuts, cuts.dropFirst()).enumerated() {
                guard
                    let error = near.read(
                        into: copy.baseAddress! + start, address + UInt64(start), end - start, token: UInt64(token))
                else { throw SkippedRule(reason: "it cannot read the peer's memory") }
                try #require(error == 0)
            }
            try pair.run("the end of all reads") { near.sink.readResults.count == cuts.count - 1 }
            #expect(near.sink.readResults.values.allSatisfy { $0 == 0 })
            #expect(memcmp(source.baseAddress!, copy.baseAddress!, source.count) == 0)
            try pair.carry(Flow(far, to: near, 1000))
        }
    }

    /// The one who closes hears no more of its reads; the other hears of an end.
    public func endsReadsWithTheConnection() throws {
        try ruleOnPair { pair in
            let source = UnsafeMutableRawBufferPointer.allocate(byteCount: 24 << 20, alignment: 64)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 64)
            defer {
                source.deallocate()
                copy.deallocate()
            }
            fill(source)
            for closesReader in [true, false] {
                let (near, far) = try pair.connect()
                let address = try exposed(source.baseAddress!, source.count, by: far, to: near, pair)
                guard let error = near.read(into: copy.baseAddress!, address, source.count, token: 1) else {
                    throw SkippedRule(reason: "it cannot read the peer's memory")
                }
                try #require(error == 0)
                closesReader ? near.close() : far.close()
                // From here on the memory is the engine's own again.
                if closesReader { memset(copy.baseAddress!, 0xee, copy.count) }
                let other = closesReader ? far : near
                // A read that had to be broken off may have taken the last bytes of the stream with it.
                try pair.run("the end of the stream") {
                    !other.sink.ends.isEmpty
                        || closesReader && other.keptSocket >= 0 && hasStreamEnded(other.keptSocket)
                }
                for _ in 0..<20 { pair.poll() }
                if closesReader {
                    let start = copy.baseAddress!
                    let isUntouched = copy[0] == 0xee && memcmp(start, start + 1, copy.count - 1) == 0
                    #expect(isUntouched, "a read went on after its channel was closed")
                }
                if !closesReader { #expect(near.sink.readResults.keys.contains(1), "a read without an end") }
            }
        }
    }

    /// Lets one end read memory of the other's, and has it learn of that.
    func exposed(
        _ memory: UnsafeRawPointer, _ byteCount: Int, by owner: ChannelEnd, to reader: ChannelEnd, _ pair: TransportPair
    ) throws -> UInt64 {
        guard let name = owner.expose(memory, byteCount) else { throw BrokenRule("memory that cannot be exposed") }
        try pair.carry(Flow(owner, to: reader, 1))
        return name
    }

    private func fill(_ memory: UnsafeMutableRawBufferPointer) {
        var offset = 0
        while offset < memory.count {
            let part = Pattern(seed: 22).bytes(at: offset, min(Pattern.period, memory.count - offset))
            (memory.baseAddress! + offset).copyMemory(from: part.baseAddress!, byteCount: part.count)
            offset += part.count
        }
    }

    /// Reads and waits for the end.
    /// - Returns: memory for the caller to free.
    func read(
        _ end: ChannelEnd, _ source: UInt64, _ byteCount: Int, _ token: UInt64, polling poll: () throws -> Void
    ) throws -> UnsafeMutableRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, byteCount), alignment: 64)
        guard let error = end.read(into: copy.baseAddress!, source, byteCount, token: token) else {
            copy.deallocate()
            throw SkippedRule(reason: "it cannot read the peer's memory")
        }
        #expect(error == 0)
        let deadline = Deadline(.seconds(10))
        while error == 0, end.sink.readResults[token] == nil {
            try poll()
            try deadline.check("the end of a read of \(byteCount) bytes")
        }
        #expect(end.sink.readResults[token] == 0)
        return UnsafeMutableRawBufferPointer(rebasing: copy[..<byteCount])
    }
}
