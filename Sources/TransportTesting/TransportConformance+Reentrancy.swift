import Testing

/// An engine may send, resume and close whenever it is called.
extension TransportConformance {
    public func letsTheEngineSendFromWithinADelivery() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            var rounds = 0
            far.sink.onArrival = { far.send(10) }
            near.sink.onArrival = {
                rounds += 1
                if rounds < 1000 { near.send(10) }
            }
            near.send(10)
            try pair.run("a thousand rounds") { rounds >= 1000 }
            #expect(near.sink.receivedCount == far.sink.receivedCount)
        }
    }

    public func letsTheEngineSendWhenThereIsRoom() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            near.sink.onRoom = {
                while near.sentCount < 32 << 20, near.send(Pattern.period) == Pattern.period {}
            }
            while near.maySend, near.sentCount < 32 << 20 { near.send(Pattern.period) }
            try pair.run("arrival of all") {
                far.sink.receivedCount == near.sentCount && near.sentCount >= 32 << 20
            }
        }
    }

    public func letsTheEngineCloseFromWithinAnyCall() throws {
        try ruleOnPair { pair in
            // From within a delivery, a place, the room, the end; and both ends of it.
            for appetite in [Appetite.everything, .places(of: 100), .atMost(1)] {
                let (near, far) = try pair.connect()
                far.sink.appetite = appetite
                far.sink.onArrival = { far.close() }
                near.send(1000)
                try pair.run("a close from within a delivery") { far.isClosed }
                near.sink.onEnd = { near.close() }
                try pair.run("a close from within the end") { near.isClosed }
            }
            let (near, far) = try pair.connect()
            near.sink.onRoom = { near.close() }
            (far.sink.appetite, far.resumesByItself) = (.nothing, false)
            try Self.fill(pair, near)
            (far.sink.appetite, far.resumesByItself) = (.everything, true)
            far.resume()
            try pair.run("a close from within writable") { near.isClosed }
            try pair.run("the end of the stream") { !far.sink.ends.isEmpty }
        }
    }

    public func letsTheEngineCloseWhenItResumes() throws {
        try ruleOnPair { pair in
            for appetite in [Appetite.everything, .atMost(1)] {
                let (near, far) = try pair.connect()
                (far.sink.appetite, far.resumesByItself) = (.nothing, false)
                near.send(1000)
                try pair.run("a delivery") { far.sink.isStopped }
                far.sink.appetite = appetite
                far.sink.onArrival = { far.close() }
                far.resume()
                try pair.run("a close from within the delivery after it") { far.isClosed }
            }
        }
    }

    public func letsTheEngineCloseOtherConnections() throws {
        try ruleOnPair { pair in
            let connections = try (0..<20).map { _ in try pair.connect() }
            for connection in connections {
                connection.far.sink.onArrival = {
                    for other in connections where other.far !== connection.far {
                        other.far.close()
                        other.near.close()
                    }
                }
                connection.near.send(100_000)
            }
            try pair.run("a close from within a delivery") { connections.filter(\.far.isClosed).count == 19 }
            for _ in 0..<100 { pair.poll() }
            let last = try #require(connections.first { !$0.far.isClosed })
            last.far.sink.clearHooks()
            try pair.run("arrival of the rest") { last.far.sink.receivedCount == last.near.sentCount }
        }
    }

    public func letsTheEngineResumeFromWithinACall() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            let other = try pair.connect()
            (far.sink.appetite, far.resumesByItself) = (.nothing, false)
            near.send(1000)
            try pair.run("a delivery") { far.sink.isStopped }
            far.sink.appetite = .everything
            other.far.sink.onArrival = { far.resume() }
            other.near.send(1)
            try pair.run("arrival after the resume") { far.sink.receivedCount == 1000 }
        }
    }
}
