import SeededRandom
import Testing

@testable import VerbsTransport

@Suite struct `Memory that a peer may read` {
    @Test func `travels as these bytes`() {
        let exposure = Exposure(
            number: 0x0102_0304, remoteKey: 0x0506_0708, address: 0x0910_1112_1314_1516,
            memoryByteCount: 0x1718_1920_2122_2324)
        let bytes = withUnsafeTemporaryAllocation(byteCount: Exposure.byteCount, alignment: 8) { room in
            exposure.write(to: room.baseAddress!)
            return Array(room)
        }
        #expect(
            bytes == [
                1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x20, 0x21, 0x22,
                0x23, 0x24,
            ])
        // At any address.
        let found = ([0] + bytes).withUnsafeBytes { Exposure(from: $0.baseAddress! + 1) }
        #expect(found.number == exposure.number)
        #expect(found.remoteKey == exposure.remoteKey)
        #expect(found.address == exposure.address)
        #expect(found.memoryByteCount == exposure.memoryByteCount)
    }

    @Test(arguments: [1, 2, 4096] as [UInt32]) func `has a name that an offset can be added to`(number: UInt32) {
        let name = ExposureName.make(number)
        #expect(name >> 63 == 0)
        for offset in [0, 1, 4096, 1 << 40 - 1] as [UInt64] {
            #expect(ExposureName.number(name + offset) == number)
            #expect(ExposureName.offset(name + offset) == offset)
        }
    }

    @Test(arguments: [.max, 1 << 63, 0] as [UInt64]) func `is looked up by any number that a peer may send`(
        name: UInt64
    ) {
        var table = ExposureTable()
        #expect(table.peersMemory(name, 1) == nil)
        let isLearned = table.learn(Exposure(number: 1, remoteKey: 2, address: 3, memoryByteCount: 4))
        #expect(isLearned)
        #expect(table.peersMemory(name, 1) == nil)
        #expect(table.peersMemory(name, .max) == nil)
    }

    @Test func `is read inside its bounds alone`() throws {
        var table = ExposureTable()
        let isLearned = table.learn(Exposure(number: 7, remoteKey: 9, address: 1000, memoryByteCount: 100))
        #expect(isLearned)
        let name = ExposureName.make(7)
        let whole = try #require(table.peersMemory(name, 100))
        #expect(whole == (1000, 9))
        #expect(try #require(table.peersMemory(name + 60, 40)).address == 1060)
        #expect(table.peersMemory(name + 100, 0) != nil)
        for (offset, byteCount) in [(0, 101), (60, 41), (100, 1), (101, 0), (1, UInt64.max), (60, .max - 59)]
            as [(UInt64, UInt64)]
        {
            #expect(table.peersMemory(name + offset, byteCount) == nil, "\(byteCount) at \(offset)")
        }
        #expect(table.peersMemory(ExposureName.make(6), 1) == nil)
    }

    @Test func `is refused where it cannot be`() {
        let good = (number: UInt32(4096), address: UInt64(4096), byteCount: UInt64(1 << 40 - 1))
        func learns(_ number: UInt32, _ address: UInt64, _ byteCount: UInt64) -> Bool {
            var table = ExposureTable()
            return table.learn(Exposure(number: number, remoteKey: 0, address: address, memoryByteCount: byteCount))
        }
        #expect(learns(good.number, good.address, good.byteCount))
        #expect(!learns(4097, good.address, good.byteCount))
        #expect(!learns(.max, good.address, good.byteCount))
        #expect(!learns(good.number, good.address, 1 << 40))
        #expect(!learns(good.number, good.address, .max))
        #expect(learns(good.number, .max - 10, 10))
        #expect(!learns(good.number, .max - 10, 11))
    }

    @Test func `never leads outside of what was exposed, whatever comes`() {
        var random = seededRandom("exposures")
        var table = ExposureTable()
        var model: [UInt32: Exposure] = [:]
        for _ in 0..<20_000 {
            let bytes = random.bytes(Exposure.byteCount)
            var exposure = bytes.withUnsafeBytes { Exposure(from: $0.baseAddress!) }
            if Bool.random(using: &random) {
                exposure = Exposure(
                    number: exposure.number % 20, remoteKey: exposure.remoteKey, address: exposure.address >> 16,
                    memoryByteCount: exposure.memoryByteCount >> 50)
            }
            if table.learn(exposure) { model[exposure.number] = exposure }
            let number = UInt32.random(in: 0..<20, using: &random)
            let offset = random.next() >> UInt64.random(in: 24...63, using: &random)
            let byteCount = random.next() >> UInt64.random(in: 0...63, using: &random)
            let found = table.peersMemory(ExposureName.make(number) + offset, byteCount)
            guard let known = model[number], offset <= known.memoryByteCount,
                byteCount <= known.memoryByteCount - offset
            else {
                #expect(found == nil)
                continue
            }
            #expect(found?.address == known.address + offset)
            #expect(found?.remoteKey == known.remoteKey)
        }
        #expect(model.count >= 20)
    }
}

@Suite struct `Memory that this side lets its peer read` {
    @Test func `has 4,096 numbers at once, which are used again, and is told of once`() throws {
        var table = ExposureTable()
        let entry = RegistrationCache.Pointer.allocate(capacity: 1)
        entry.initialize(to: RegistrationCache.Entry(start: 4096, byteCount: 8, access: 0))
        defer { entry.deallocate() }
        let memory = ExposureTable.Own(start: UnsafeRawPointer(bitPattern: 4096)!, byteCount: 8, entry: entry)
        for number in 1...UInt32(ExposureTable.limit) {
            let made = table.add(memory)
            #expect(made == number)
        }
        let tooMany = table.add(memory)
        #expect(tooMany == nil)
        #expect(table.unannounced.count == ExposureTable.limit)

        for number in [UInt32(0), 4097, .max] {
            let found = table.remove(number)
            #expect(found == nil, "\(number)")
        }
        let removed = table.remove(17)
        #expect(removed == entry)
        let again = table.remove(17)
        #expect(again == nil)
        #expect(!table.unannounced.contains(17))
        let reused = table.add(memory)
        #expect(reused == 17)
        #expect(table.unannounced.last == 17)

        var count = 0
        while table.removeAny() != nil { count += 1 }
        #expect(count == ExposureTable.limit)
    }
}
