import CHandfast
import Testing
import TransportAPI

/// Memory that a transport gives the program, where it has some.
extension TransportConformance {
    public func givesMemoryThatPeersReadAndTakesItBack() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            // Twice: what was taken back is as good as new.
            for round in 0..<2 {
                let parts = try [1, 64, 4_095, 4_096, 1_000_003].map { try allocated($0, by: pair.far) }
                func pattern(_ index: Int) -> Pattern { Pattern(seed: UInt64(31 + 10 * round + index)) }
                for (index, part) in parts.enumerated() {
                    part.copyMemory(from: pattern(index).bytes(at: 0, part.count))
                }
                for (index, part) in parts.enumerated() {
                    #expect(pattern(index).matches(UnsafeRawBufferPointer(part), at: 0), "two parts overlap")
                    let address = try exposed(part.baseAddress!, part.count, by: far, to: near, pair)
                    let token = UInt64(10 * round + index)
                    let copy = try read(near, address, part.count, token, polling: { pair.poll() })
                    #expect(pattern(index).matches(UnsafeRawBufferPointer(copy), at: 0))
                    copy.deallocate()
                }
                for part in parts { pair.far.operations.pointee.release?(pair.far.state, part.baseAddress) }
            }
            #expect(pair.far.operations.pointee.allocate?(pair.far.state, .max) == nil)
        }
    }

    public func givesMemoryThatOutlivesItsChannels() throws {
        try ruleOnPair { pair in
            let part = try allocated(100_000, by: pair.far)
            let (near, far) = try pair.connect()
            let address = try exposed(part.baseAddress!, part.count, by: far, to: near, pair)
            try read(near, address, part.count, 1, polling: { pair.poll() }).deallocate()
            far.close()
            near.close()
            for _ in 0..<10 { pair.poll() }
            part.copyMemory(from: Pattern(seed: 41).bytes(at: 0, part.count))
            let (later, owner) = try pair.connect()
            let again = try exposed(part.baseAddress!, part.count, by: owner, to: later, pair)
            let copy = try read(later, again, part.count, 2, polling: { pair.poll() })
            #expect(Pattern(seed: 41).matches(UnsafeRawBufferPointer(copy), at: 0))
            copy.deallocate()
            pair.far.operations.pointee.release?(pair.far.state, part.baseAddress)
        }
    }

    private func allocated(_ byteCount: Int, by transport: any Transport) throws -> UnsafeMutableRawBufferPointer {
        let operations = transport.operations.pointee
        #expect((operations.allocate == nil) == (operations.release == nil))
        guard let allocate = operations.allocate else { throw SkippedRule(reason: "it gives no memory") }
        guard let start = allocate(transport.state, UInt64(byteCount)) else {
            throw BrokenRule("no memory of \(byteCount) bytes")
        }
        #expect(UInt(bitPattern: start) % (byteCount < 4_096 ? 64 : 4_096) == 0)
        return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }
}
