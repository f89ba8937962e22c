import Glibc
import Testing
import TransportAPI

/// What goes wrong between the two ends of an iWARP connection; what goes right is in the conformance suite.
@Suite(.enabled(if: IWARPSide.addresses != nil, "VERBS_IWARP_ADDRESSES names no iWARP devices"), .serialized)
struct `An iWARP attempt` {
    @Test func `turns away who brings another token, and takes the starter all the same`() throws {
        let answerer = try IWARPSide(.answerer)
        let stranger = try IWARPSide(.starter)
        let offer = try #require(try stranger.run())
        let answer = try #require(try answerer.run(offer))
        #expect(answer.count == IWARPSide.answerByteCount)
        var forged = answer
        forged[IWARPSide.answerByteCount - 1] ^= 1
        #expect {
            try stranger.run(forged, beside: [answerer])
        } throws: {
            ($0 as? TransportRefusal)?.text.contains("REJECTED") == true
        }
        let starter = try IWARPSide(.starter, stranger.transport)
        _ = try starter.run()
        #expect(try starter.run(answer, beside: [answerer]) == nil)
    }

    @Test func `is refused where nobody listens`() throws {
        let starter = try IWARPSide(.starter)
        let offer = try #require(try starter.run())
        let answer: [UInt8]
        do {
            let answerer = try IWARPSide(.answerer)
            answer = try #require(try answerer.run(offer))
        }
        let refusal = #expect(throws: TransportRefusal.self) { try starter.run(answer) }
        #expect(refusal?.text.contains("no iWARP connection") == true, "\(refusal?.text ?? "")")
    }

    @Test func `of the answerer ends when nobody connects`() throws {
        let starter = try IWARPSide(.starter)
        let answerer = try IWARPSide(.answerer)
        _ = try answerer.run(try starter.run())
        let refusal = #expect(throws: TransportRefusal.self) { try answerer.run() }
        #expect(refusal?.text.contains("did not connect") == true, "\(refusal?.text ?? "")")
        #expect(refusal?.text.contains("(librdmacm has told of nothing)") == true, "\(refusal?.text ?? "")")
    }

    @Test func `of the starter ends when a listener says nothing`() throws {
        let starter = try IWARPSide(.starter)
        let offer = try #require(try starter.run())
        var answer = try #require(try IWARPSide(.answerer).run(offer))
        let (silent, port) = try listenSilently(at: IWARPSide.addresses![1])
        defer { close(silent) }
        answer[IWARPSide.offerByteCount] = UInt8(port >> 8)
        answer[IWARPSide.offerByteCount + 1] = UInt8(port & 0xff)
        let refusal = #expect(throws: TransportRefusal.self) { try starter.run(answer) }
        #expect(refusal?.text.contains("came about") == true, "\(refusal?.text ?? "")")
        #expect(refusal?.text.contains("told of was RDMA_CM_EVENT_ROUTE_RESOLVED)") == true, "\(refusal?.text ?? "")")
    }

    @Test func `refuses an answer without a port, or with one that cannot be`() throws {
        for change in [{ (answer: inout [UInt8]) in answer.removeLast(18) }, { $0[68...69] = [0, 0] }] {
            let starter = try IWARPSide(.starter)
            let answerer = try IWARPSide(.answerer)
            var answer = try #require(try answerer.run(try starter.run()))
            change(&answer)
            let refusal = #expect(throws: TransportRefusal.self) { try starter.run(answer) }
            #expect(refusal?.code == .malformedStep, "\(refusal?.text ?? "")")
        }
    }

    /// TCP that takes connections, and never answers.
    private func listenSilently(at address: [UInt8]) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        withUnsafeMutableBytes(of: &place.sin_addr) { $0.copyBytes(from: address) }
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, byteCount) + listen(descriptor, 4) + getsockname(descriptor, $0, &byteCount)
            }
        }
        try #require(status == 0, "errno \(errno)")
        return (descriptor, UInt16(bigEndian: place.sin_port))
    }
}
