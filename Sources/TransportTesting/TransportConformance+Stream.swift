import SeededRandom
import Testing

/// Order and content.
extension TransportConformance {
    public func bringsEverySizeInOrder() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            for byteCount in [1, 2, 7, 63, 64, 65, 4095, 4096, 65_535, 65_536, 65_537, 1 << 20, 64 << 20] {
                try pair.carry(Flow(near, to: far, byteCount))
                try pair.carry(Flow(far, to: near, min(byteCount, 1 << 20)))
            }
        }
    }

    public func bringsBothDirectionsAtOnce() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            near.sink.appetite = .mixed(SplitMix64(state: 11))
            far.sink.appetite = .mixed(SplitMix64(state: 12))
            try pair.carry(Flow(near, to: far, 16 << 20), Flow(far, to: near, 16 << 20))
        }
    }

    public func bringsManySmallMessages() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            var generator = SplitMix64(state: 13)
            far.sink.readAhead = 16
            for byteCount in [200_000, 2_000_000] {
                try pair.carry(
                    Flow(near, to: far, byteCount) { left in [min(left, Int.random(in: 1...200, using: &generator))] })
            }
        }
    }

    public func sendsUpToSixteenPieces() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            var generator = SplitMix64(state: 14)
            for largest in [3, 5000, 300_000] {
                try pair.carry(
                    Flow(near, to: far, 200 * largest) { left in
                        var left = left
                        return (0..<Int.random(in: 1...16, using: &generator)).map { _ in
                            let isEmpty = Int.random(in: 0..<4, using: &generator) == 0
                            let byteCount = isEmpty ? 0 : min(left, Int.random(in: 1...largest, using: &generator))
                            left -= byteCount
                            return byteCount
                        }
                    })
            }
            #expect(near.send() == 0)
            #expect(near.send(0, 0, 0) == 0)
            try pair.carry(Flow(near, to: far, 1))
        }
    }

    public func putsBytesWhereTheEngineWantsThem() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            for placeByteCount in [1, 13, 4096, 1 << 20] {
                far.sink.appetite = .places(of: placeByteCount)
                try pair.carry(Flow(near, to: far, min(3 * placeByteCount + 5, 2 << 20)))
                // The last place is not full: what comes next goes on in it.
                try pair.carry(Flow(near, to: far, placeByteCount))
            }
        }
    }

    public func keepsManyConnectionsApart() throws {
        try ruleOnPair { pair in
            let connections = try (0..<80).map { _ in try pair.connect() }
            for every in [1, 7] {
                let busy = connections.enumerated().filter { $0.offset % every == 0 }.map(\.element)
                let before = connections.map(\.far.sink.receivedCount)
                try pair.carry(
                    busy.flatMap { [Flow($0.near, to: $0.far, 70_001), Flow($0.far, to: $0.near, 999)] })
                for (index, connection) in connections.enumerated() where index % every != 0 {
                    #expect(connection.far.sink.receivedCount == before[index])
                }
            }
        }
    }
}
