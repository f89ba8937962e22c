import Handfast

/// The commands of one-sided operations:
///
/// - `share BYTES`: registers memory; answers `key` and the key in hexadecimal.
/// - `use NAME KEY OFFSET BYTES COUNT`: puts bytes there and gets them again, then counts the number at the beginning up.
/// - `look`: `count` and the number at the beginning of what was shared.
extension DemandingPeer {
    func share(_ byteCount: Int) throws(HandfastError) {
        shared = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
        shared.initializeMemory(as: UInt8.self, repeating: 0)
        let region = try endpoint.register(memory: shared, permissions: [.read, .write, .atomic])
        let digits = Array("0123456789abcdef")
        print("key", String(region.key.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }))
    }

    func look() { print("count", shared.load(as: UInt64.self)) }

    func use(_ connection: Connection, _ key: String, offset: Int, byteCount: Int, count: Int) throws(HandfastError) {
        let digits = key.compactMap(\.hexDigitValue).map { UInt8($0) }
        let memory = try RemoteMemory(
            key: stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        let (data, room) = (
            UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8),
            UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
        )
        for index in data.indices { data[index] = UInt8(truncatingIfNeeded: index &* 31 &+ offset) }
        let put = try connection.put(UnsafeRawBufferPointer(data), to: memory, offset: offset, notify: UInt64(offset))
        let get = try connection.get(into: room, from: memory, offset: offset)
        var requests = [put, get]
        for _ in 0..<count { requests.append(try connection.fetchAndAdd(1, to: memory)) }
        for request in requests + [try endpoint.flush()] { _ = try endpoint.wait(for: request, timeout: .seconds(20)) }
        guard data.elementsEqual(room) else { throw HandfastError(.system, "what was got is not what was put") }
        data.deallocate()
        room.deallocate()
    }
}
