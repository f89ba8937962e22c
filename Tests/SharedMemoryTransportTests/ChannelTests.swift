import Glibc
import Testing

@testable import SharedMemoryTransport

@Suite struct `A shared memory channel` {
    private func sample(_ byteCount: Int) -> [UInt8] {
        (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    }

    @Test(arguments: [0, 1, 7, 8, 56, 57, 64, 65, 3960, 3961, 8000, 65_537, 1 << 20])
    func `brings a message of every size, both ways`(byteCount: Int) throws {
        let (one, two) = try Meeting.makeSides()
        let bytes = sample(byteCount)
        for (from, to) in [(one, two), (two, one), (one, two)] {
            to.recorder.bytes = []
            var sent = 0
            while to.recorder.bytes.count < byteCount {
                sent += from.send(bytes[sent...])
                to.poll()
                from.poll()
            }
            #expect(from.send([]) == 0)
            #expect(sent == byteCount)
            #expect(to.recorder.bytes == bytes)
        }
    }

    @Test func `sends a small message of several pieces as one packet`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send([sample(16), [], sample(40), sample(3)]) == 59)
        var deliveries = 0
        two.recorder.reaction = { deliveries += 1 }
        two.poll()
        #expect(deliveries == 1)
        #expect(two.recorder.bytes == sample(16) + sample(40) + sample(3))
    }

    @Test func `keeps order when pieces of all sizes are cut as room allows`() throws {
        let (one, two) = try Meeting.makeSides()
        var generator = SystemRandomNumberGenerator()
        var expected: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<2000 {
            let parts = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                (0..<Int.random(in: 0...3000, using: &generator)).map { _ in
                    next &+= 7
                    return next
                }
            }
            let whole = parts.flatMap { $0 }
            let sent = one.send(parts)
            expected += whole[..<sent]
            next &-= UInt8(truncatingIfNeeded: (whole.count - sent) * 7)
            if Bool.random(using: &generator) { two.poll() }
            one.poll()
        }
        while two.poll() > 0 {}
        #expect(two.recorder.bytes == expected)
    }

    @Test func `brings a megabyte in order, though the receiver often takes only part`() throws {
        let (one, two) = try Meeting.makeSides()
        let bytes = sample(1 << 20)
        two.recorder.takeLimit = 777
        var sent = 0
        while two.recorder.bytes.count < bytes.count {
            sent += one.send(bytes[sent...])
            two.poll()
            two.resume()
        }
        #expect(two.recorder.bytes == bytes)
    }

    @Test func `delivers nothing more after a short delivery until it is resumed`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send([1, 2, 3]) == 3)
        #expect(one.send([4]) == 1)
        two.recorder.takeLimit = 2
        for _ in 0..<5 { two.poll() }
        #expect(two.recorder.bytes == [1, 2])
        two.resume()
        for _ in 0..<5 { two.poll() }
        #expect(two.recorder.bytes == [1, 2, 3, 4])
    }

    @Test func `puts bytes of a large packet straight where the engine wants them`() throws {
        let (one, two) = try Meeting.makeSides()
        let place = UnsafeMutableRawBufferPointer.allocate(byteCount: 700, alignment: 1)
        defer { place.deallocate() }
        two.recorder.place = place
        let bytes = sample(1000)
        #expect(one.send(bytes) == 1000)
        two.poll()
        #expect(Array(place) == Array(bytes[..<700]))
        #expect(two.recorder.bytes == Array(bytes[700...]))
    }

    @Test func `takes no more than the peer reads, and says once when there is room again`() throws {
        let (one, two) = try Meeting.makeSides()
        one.transport.raw.pointee.bulkLimit = 0
        let bytes = sample(1 << 16)
        let taken = one.send(bytes)
        #expect(taken < 8000)
        #expect(one.send(bytes[taken...]) == 0)
        for _ in 0..<10 { one.poll() }
        #expect(one.recorder.roomCount == 0)
        for _ in 0..<3 { two.poll() }
        #expect(one.poll() == 1)  // Room is something that was there.
        for _ in 0..<3 { #expect(one.poll() == 0) }
        #expect(one.recorder.roomCount == 1)
        #expect(two.recorder.bytes == Array(bytes[..<taken]))
    }

    @Test func `tells the end once, after the last packet, though it is closed at once`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send(sample(200)) == 200)
        one.close()
        for _ in 0..<10 { two.poll() }
        #expect(two.recorder.bytes == sample(200))
        #expect(two.recorder.ends == [0])
        #expect(two.send([1]) == 0)
    }

    @Test func `tells the end only when the engine has taken all before it`() throws {
        let (one, two) = try Meeting.makeSides()
        for number in 0..<100 { #expect(one.send([UInt8(number)]) == 1) }
        two.recorder.takeLimit = 0
        two.poll()
        one.close()
        for _ in 0..<10 { two.poll() }
        #expect(two.recorder.ends.isEmpty)
        two.recorder.takeLimit = .max
        two.resume()
        for _ in 0..<10 { two.poll() }
        #expect(two.recorder.bytes == (0..<100).map { UInt8($0) })
        #expect(two.recorder.ends == [0])
    }

    @Test func `may be closed by its engine while it delivers`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send([1]) == 1)
        #expect(one.send([2]) == 1)
        two.recorder.reaction = { two.close() }
        for _ in 0..<3 { two.poll() }
        #expect(two.recorder.bytes == [1])
        for _ in 0..<3 { one.poll() }
        #expect(one.recorder.ends == [0])
        two.recorder.reaction = {}
    }

    @Test func `may send from within a delivery`() throws {
        let (one, two) = try Meeting.makeSides()
        two.recorder.reaction = { #expect(two.send([9]) == 1) }
        for _ in 0..<300 {
            #expect(one.send([1]) == 1)
            two.poll()
            one.poll()
        }
        #expect(one.recorder.bytes.count == 300)
        two.recorder.reaction = {}
    }
}
