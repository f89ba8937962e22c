import Precon
import SeededRandom
import Testing

@Suite struct `A precon message` {
    @Test(arguments: Vector.all) func `is encoded byte for byte as the wire says`(vector: Vector) {
        #expect(vector.message.frame == vector.frame)
    }

    @Test(arguments: Vector.all) func `is read back as it was written`(vector: Vector) throws {
        #expect(try decode(vector.frame) == vector.message)
    }

    @Test(arguments: Vector.all) func `is never misread when its payload is cut`(vector: Vector) throws {
        for byteCount in 0..<max(0, vector.frame.count - 8) {
            let cut = vector.frame[8..<(8 + byteCount)]
            let result = Result { () throws(PreconError) in try PreconMessage(type: vector.type, payload: cut) }
            #expect(result != .success(vector.message), "cut to \(byteCount) bytes")
        }
    }

    @Test(arguments: Size.wrong) func `of a wrong size is an error that says so`(size: Size) {
        #expect(throws: PreconError.wrongSize(type: size.type, byteCount: size.byteCount, allowed: size.allowed)) {
            try PreconMessage(type: size.type.rawValue, payload: ArraySlice(repeating: 0, count: size.byteCount))
        }
    }

    @Test(arguments: [0, 0x10_0001, 0x10_0017, 0x10_0021, 0x10_0023, 0x10_0027, UInt32.max])
    func `of an unknown type is ignored, whatever it holds`(type: UInt32) throws {
        #expect(try PreconMessage(type: type, payload: [1, 2, 3]) == nil)
    }

    @Test(arguments: [UInt32(0x0f_fffe), 0x0f_ffff])
    func `that is local to a process is refused from the wire`(type: UInt32) {
        #expect(throws: PreconError.localMessageFromWire(type: type)) { try PreconMessage(type: type, payload: []) }
    }

    @Test(arguments: [MessageType.connectionInfo, .connectionInfoOnDemand, .backConnect])
    func `of a pscom 5 is told apart by its 24 bytes`(type: MessageType) {
        #expect(throws: PreconError.connectionInfoOfPscom5) {
            try PreconMessage(type: type.rawValue, payload: ArraySlice(repeating: 0, count: 24))
        }
    }

    @Test func `with more than is known at its end is read as far as it is known`() throws {
        let vector = Vector.handfastVersion
        #expect(try decode(vector.frame + [9, 9, 9]) == vector.message)
        let onDemand = PreconMessage.connectionInfoOnDemand(Vector.info)
        #expect(try decode(onDemand.frame + [9]) == onDemand)
    }

    @Test func `keeps at most a kilobyte of a reason's text`() throws {
        let long = PreconMessage.reject(Rejection(.busy, String(repeating: "x", count: 5000)))
        #expect(try decode(long.frame) == .reject(Rejection(.busy, String(repeating: "x", count: 1024))))
        let payload = [0, 6] + [UInt8](repeating: UInt8(ascii: "x"), count: 60_000)
        let read = try PreconMessage(type: MessageType.reject.rawValue, payload: payload[...])
        #expect(read == .reject(Rejection(.busy, String(repeating: "x", count: 1024))))
    }

    @Test func `survives any bytes whatever`() {
        let seed: UInt64 = 0x4841_4e44
        var generator = SplitMix64(state: seed)
        for round in 0..<20_000 {
            let type = MessageType.allCases.randomElement(using: &generator)!
            let payload = (0..<Int.random(in: 0..<120, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            guard let message = try? PreconMessage(type: type.rawValue, payload: payload[...]) else { continue }
            // Whatever was understood must survive a second trip unchanged.
            #expect((try? decode(message.frame)) == message, "seed \(seed), round \(round)")
        }
    }

    private func decode(_ frame: [UInt8]) throws(PreconError) -> PreconMessage? {
        let header = try FrameHeader(decoding: Array(frame.prefix(8)))
        return try PreconMessage(type: header.type, payload: frame.dropFirst(8))
    }
}

/// A payload size that its type does not allow.
struct Size: Sendable {
    let type: MessageType
    let byteCount: Int
    let allowed: String

    static let wrong: [Size] =
        [0, 4, 7, 9, 39].map { Size(type: .version, byteCount: $0, allowed: "8, or 40 and more") }
        + [0, 39, 41].map { Size(type: .connectionInfo, byteCount: $0, allowed: "40") }
        + [0, 39].map { Size(type: .connectionInfoOnDemand, byteCount: $0, allowed: "40 and more") }
        + [0, 39].map { Size(type: .backConnect, byteCount: $0, allowed: "40 and more") }
        + [0, 40, 55, 57].map { Size(type: .connectionInfoVersion, byteCount: $0, allowed: "56") }
        + [0, 55, 57].map { Size(type: .connectionInfoVersionOnDemand, byteCount: $0, allowed: "56") }
        + [0, 3, 5].map { Size(type: .transportRequest, byteCount: $0, allowed: "4") }
        + [1, 4000].map { Size(type: .transportAccepted, byteCount: $0, allowed: "0") }
        + [Size(type: .backAcknowledgement, byteCount: 1, allowed: "0")]
        + [Size(type: .endOfMessages, byteCount: 4, allowed: "0")]
        + [Size(type: .transportRefused, byteCount: 1, allowed: "0, or 2 and more")]
        + [0, 1].map { Size(type: .reject, byteCount: $0, allowed: "2 and more") }
}
