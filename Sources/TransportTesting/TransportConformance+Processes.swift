import Glibc
import Testing
import TransportAPI

/// Two processes, of which one may die at any moment.
extension TransportConformance {
    private func ruleOnProcesses(_ name: String = #function, _ body: (any Transport) throws -> Void) throws {
        try rule(name) {
            guard subject.reach == .otherProcesses else {
                throw SkippedRule(reason: "it joins an endpoint to itself, so there is no other process")
            }
            let transport = try subject.makeTransport()
            try body(transport)
        }
    }

    private func join(
        _ transport: any Transport, _ task: PeerTask, peerStarts: Bool = false
    ) throws -> JoinedPeer {
        let process = try PeerProcess(
            peerExecutable, transport: subject.name, role: peerStarts ? "starter" : "answerer", task: task,
            variables: subject.peerVariables)
        return try JoinedPeer(process, subject, transport, peerStarts ? .answerer : .starter)
    }

    /// Bytes go there and come back, one end asleep while the other works.
    private func exchange(_ peer: JoinedPeer, rounds: Int) throws {
        for round in 0..<rounds {
            let target = peer.end.sentCount + 1 + round * 37
            while peer.end.sink.receivedCount < target {
                if peer.end.sentCount < target, peer.end.maySend { peer.end.send(target - peer.end.sentCount) }
                if peer.poll() == 0, peer.end.sink.receivedCount < target { try peer.sleep() }
            }
        }
        #expect(peer.end.sink.violations == [])
    }

    public func exchangesWithAnotherProcess() throws {
        try ruleOnProcesses { transport in
            for peerStarts in [false, true] {
                let peer = try join(transport, .echo, peerStarts: peerStarts)
                try exchange(peer, rounds: 1000)
                peer.end.close()
            }
        }
    }

    public func hearsOfAProcessThatCloses() throws {
        try ruleOnProcesses { transport in
            let peer = try join(transport, .finish)
            try peer.run("the end of the stream") { !peer.end.sink.ends.isEmpty }
            #expect(peer.end.sink.ends == [0])
            #expect(peer.end.sink.receivedCount == PeerTask.finishByteCount)
            try peer.expectQuiet()
            peer.end.close()
        }
    }

    public func survivesASenderThatIsKilled() throws {
        try ruleOnProcesses { transport in
            for byteCount in [1, 8 << 20, 9_000_001] {
                let peer = try join(transport, .stream)
                try peer.run("bytes of the stream") { peer.end.sink.receivedCount >= byteCount }
                peer.process.kill()
                try peer.expectLoss()
            }
            try exchange(try join(transport, .echo), rounds: 10)
        }
    }

    public func survivesAReceiverThatIsKilled() throws {
        try ruleOnProcesses { transport in
            for task in [PeerTask.swallow, .refuse] {
                let peer = try join(transport, task)
                var quietRounds = 0
                try peer.run("a stream to the other process") {
                    quietRounds += 1
                    while peer.end.maySend, peer.end.sentCount < 32 << 20 {
                        if peer.end.send(100_000) > 0 { quietRounds = 0 }
                    }
                    return peer.end.sentCount >= 32 << 20 || (task == .refuse && quietRounds > 1000)
                }
                peer.process.kill()
                try peer.expectLoss()
            }
            try exchange(try join(transport, .echo), rounds: 10)
        }
    }

    /// What was delivered and not taken must not make the survivor spin, nor be lost, unless a send has found the peer
    /// dead: then the end may come first, with an error.
    public func survivesAKillWhileItHoldsBack() throws {
        try ruleOnProcesses { transport in
            let peer = try join(transport, .stream)
            try peer.run("bytes of the stream") { peer.end.sink.receivedCount > 0 }
            (peer.end.sink.appetite, peer.end.resumesByItself) = (.nothing, false)
            try peer.run("a delivery") { peer.end.sink.isStopped }
            peer.process.kill()
            for _ in 0..<10 { while peer.end.maySend, peer.end.send(100_000) > 0 {} }
            try peer.expectQuiet()
            if let error = peer.end.sink.ends.first {
                #expect(error != 0, "an end before the engine resumed, though nothing failed")
                return try peer.expectLoss()
            }
            let before = peer.end.sink.receivedCount
            (peer.end.sink.appetite, peer.end.resumesByItself) = (.everything, true)
            peer.end.resume()
            try peer.run("arrival of what was held") { peer.end.sink.receivedCount > before }
            try peer.expectLoss()
        }
    }

    public func readsAnotherProcessesMemory() throws {
        try ruleOnProcesses { transport in
            let peer = try join(transport, .memory)
            guard case .words(let addresses) = try peer.process.control.receive() else {
                throw BrokenRule("the other process named no memory")
            }
            try peer.run("the byte that tells of the memory") { peer.end.sink.receivedCount > 0 }
            let pattern = Pattern(seed: PeerTask.memorySeed)
            for (token, byteCount) in [1, 4097, (1 << 20) + 3, PeerTask.memoryByteCount].enumerated() {
                let copy = try read(peer.end, addresses[0], byteCount, UInt64(token), polling: { peer.poll() })
                #expect(pattern.matches(UnsafeRawBufferPointer(copy), at: 0))
                copy.deallocate()
            }
            // Nothing there, a page before nothing, no address of any process, and one process too few.
            let copy = UnsafeMutableRawPointer.allocate(byteCount: 12_288, alignment: 64)
            defer { copy.deallocate() }
            for (token, address) in ([addresses[1], addresses[2], 8, UInt64.max - 100] + [addresses[0]]).enumerated() {
                if token == 4 { peer.process.kill() }
                let token = UInt64(100 + token)
                let error = try #require(peer.end.read(into: copy, address, 12_288, token: token))
                guard error == 0 else { continue }
                try peer.run("the end of a read") { peer.end.sink.readResults[token] != nil }
                #expect(peer.end.sink.readResults[token] != 0, "a read of address \(address) brought something")
            }
            try peer.expectLoss()
        }
    }
}
