import SeededRandom
import Testing

/// How connections end.
extension TransportConformance {
    public func deliversWhatWasTakenBeforeTheClose() throws {
        try ruleOnPair { pair in
            for byteCount in [0, 1, 65_536, 8 << 20] {
                let (near, far) = try pair.connect()
                far.sink.appetite = .mixed(SplitMix64(state: 15))
                let flow = Flow(near, to: far, byteCount)
                if byteCount < 1 << 20 { flow.send() } else { try pair.carry(flow) }
                near.send(50_000)
                near.close()
                try expectEnd(pair, of: far, after: near.sentCount)
            }
        }
    }

    /// Bytes that the closing side never took must not cost it those that it sent.
    public func deliversWhatWasTakenThoughTheCloserReadsNoMore() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            (near.sink.appetite, near.resumesByItself) = (.nothing, false)
            (far.sink.appetite, far.resumesByItself) = (.nothing, false)
            far.send(300_000)
            for _ in 0..<20 { pair.poll() }
            try Self.fill(pair, near)
            far.send(300_000)
            near.close()
            for _ in 0..<20 { pair.poll() }
            (far.sink.appetite, far.resumesByItself) = (.everything, true)
            far.resume()
            try expectEnd(pair, of: far, after: near.sentCount)
            for _ in 0..<10 { far.send(1000) }
        }
    }

    public func holdsTheEndBackUntilTheEngineResumes() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            (far.sink.appetite, far.resumesByItself) = (.nothing, false)
            near.send(1000)
            try pair.run("a delivery") { far.sink.isStopped }
            near.close()
            for _ in 0..<100 { pair.poll() }
            #expect(far.sink.ends == [])
            (far.sink.appetite, far.resumesByItself) = (.everything, true)
            far.resume()
            try expectEnd(pair, of: far, after: near.sentCount)
        }
    }

    public func opensInEitherOrderAndKeepsWhatWasSentBefore() throws {
        try ruleOnPair { pair in
            for closesFirst in [false, true] {
                for nearFirst in [false, true] {
                    let attempts = try pair.agree()
                    let sockets = try SocketPair()
                    let openNear = { try pair.openNear(attempts.near, sockets, 3) }
                    let openFar = { try pair.openFar(attempts.far, sockets, 3) }
                    let first = try nearFirst ? openNear() : openFar()
                    let taken = first.send(30_000)
                    pair.poll()
                    if closesFirst { first.close() }
                    let second = try nearFirst ? openFar() : openNear()
                    try pair.run("arrival of what was sent early") { second.sink.receivedCount == taken }
                    if closesFirst {
                        try expectEnd(pair, of: second, after: taken)
                    } else {
                        try pair.carry(Flow(first, to: second, 100_000), Flow(second, to: first, 100_000))
                    }
                }
            }
        }
    }

    public func goesOnWhenOthersCloseOrGiveUp() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            let other = try pair.connect()
            do { _ = try pair.agree() }  // Both sides accepted, and neither opens.
            other.near.send(100_000)
            other.near.close()
            other.far.close()
            try pair.carry(Flow(near, to: far, 1 << 20), Flow(far, to: near, 1 << 20))
            let late = try pair.connect()
            try pair.carry(Flow(late.near, to: late.far, 1 << 20))
        }
    }

    /// All bytes come, then `closed` with 0, once.
    private func expectEnd(_ pair: TransportPair, of end: ChannelEnd, after byteCount: Int) throws {
        try pair.run("the end of the stream") { !end.sink.ends.isEmpty }
        for _ in 0..<100 { pair.poll() }
        #expect(end.sink.ends == [0])
        #expect(end.sink.receivedCount == byteCount)
    }
}
