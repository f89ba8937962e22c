import Handfast
import Testing

@Suite struct `A callback` {
    @Test(arguments: everyTransport, [8, 1_000_000])
    func `is called from progress, once, and never before the call returns`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let (payload, room) = (Payload(byteCount: byteCount, seed: 1), Payload(byteCount: byteCount))
        var sent: [Completion] = []
        var received: [Completion] = []
        try near.send(payload.bytes) { if case .success(let completion) = $0 { sent.append(completion) } }
        #expect(sent.isEmpty)
        pair.run("the message is there") {
            pair.far.progress() > 0
        }
        try pair.far.receive(into: room.mutable, from: far) {
            if case .success(let completion) = $0 { received.append(completion) }
        }
        #expect(received.isEmpty)
        pair.run("both are called") { !sent.isEmpty && !received.isEmpty }
        for _ in 0..<10 { pair.driveBoth() }
        #expect(sent.map(\.byteCount) == [byteCount])
        #expect(received.map(\.byteCount) == [byteCount])
        #expect(received[0].connection == far)
        #expect(room == payload)
    }

    @Test(arguments: everyTransport) func `may send, receive and close`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let (payload, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
        var receivedCount = 0
        var failures: [HandfastError] = []
        func receiveNext() {
            do throws(HandfastError) {
                try pair.far.receive(into: room.mutable, from: far) { result in
                    guard case .success = result else { return failures.append(.init(.closed, "")) }
                    receivedCount += 1
                    receiveNext()
                }
            } catch { failures.append(error) }
        }
        func sendNext(_ left: Int) {
            guard left > 0 else { return near.close() }
            do throws(HandfastError) {
                try near.send(payload.bytes) { _ in sendNext(left - 1) }
            } catch { failures.append(error) }
        }
        receiveNext()
        sendNext(200)
        pair.run("all is over") { near.state == .closed && !failures.isEmpty }
        #expect(receivedCount == 200)
        #expect(failures.count == 1, "the one receive that nothing came for")
    }

    @Test func `that sends again at once does not keep progress for ever`() throws {
        let pair = try EndpointPair("shm")
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 8, seed: 1)
        var count = 0
        func sendNext() { try? near.send(payload.bytes) { _ in (count += 1, sendNext()).1 } }
        sendNext()
        for round in 1...10 {
            pair.near.progress()
            #expect(count == round)
        }
    }

    @Test func `that makes progress itself has no other one called meanwhile`() throws {
        let pair = try EndpointPair("shm")
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 8, seed: 1)
        var events: [String] = []
        try near.send(payload.bytes) { _ in
            events.append("one begins")
            for _ in 0..<10 { pair.near.progress() }
            events.append("one ends")
        }
        try near.send(payload.bytes) { _ in events.append("two") }
        pair.run("both are called") { events.count == 3 }
        #expect(events == ["one begins", "one ends", "two"])
    }

    @Test func `is told of a receive that was cancelled`() throws {
        let pair = try EndpointPair("shm")
        let (_, far) = try pair.connect()
        let room = Payload(byteCount: 8)
        var code: HandfastError.Code?
        let receive = try pair.far.receive(into: room.mutable, from: far) {
            if case .failure(let error) = $0 { code = error.code }
        }
        #expect(receive.cancel())
        #expect(code == nil)
        pair.far.progress()
        #expect(code == .cancelled)
        #expect(throws: HandfastError.self) { try receive.result() }
    }

    @Test func `can be given to any request, complete or not`() throws {
        let pair = try EndpointPair("tcp")
        let (near, far) = try pair.connect()
        let (payload, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
        var byteCounts: [Int] = []
        let send = try near.send(pieces: payload.cut([4, 4]))
        #expect(send.isComplete)
        try pair.near.whenComplete(send) { byteCounts.append((try? $0.get().byteCount) ?? -1) }
        let receive = try pair.far.receive(into: room.mutable, from: far)
        try pair.far.whenComplete(receive) { byteCounts.append((try? $0.get().byteCount) ?? -1) }
        #expect(throws: HandfastError.self) { try pair.far.whenComplete(receive) { _ in } }
        #expect(throws: HandfastError.self) { try pair.near.whenComplete(receive) { _ in } }
        pair.run("both are called") { byteCounts == [8, 8] }
    }

    @Test func `wakes a wait for what it does`() throws {
        let pair = try EndpointPair("tcp", ["HANDFAST_SPIN_US": "0"])
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 8, seed: 1)
        var isCalled = false
        try near.send(payload.bytes) { _ in isCalled = true }
        #expect(pair.near.wait(timeout: .seconds(10)) { isCalled })
    }

    @Test func `is called with an error when the endpoint ends`() throws {
        var codes: [HandfastError.Code] = []
        let payload = Payload(byteCount: 5_000_000, seed: 1)
        try {
            let pair = try EndpointPair("tcp")
            let (near, far) = try pair.connect()
            let note = { (result: Result<Completion, HandfastError>) in
                if case .failure(let error) = result { codes.append(error.code) }
            }
            try near.send(payload.bytes, whenComplete: note)
            try pair.near.receive(into: payload.mutable, whenComplete: note)
            try pair.far.receive(into: payload.mutable, from: far, whenComplete: note)
        }()
        #expect(codes.count == 3)
        #expect(Set(codes) == [.closed, .cancelled])
    }
}
