/// Bytes that one end has to bring to the other.
struct Flow {
    let from: ChannelEnd
    let to: ChannelEnd
    /// Where the stream stands when all are sent.
    private let target: Int
    /// Sizes of the pieces of the next send.
    private let makePieces: (_ left: Int) -> [Int]

    init(_ from: ChannelEnd, to: ChannelEnd, _ byteCount: Int, pieces: ((_ left: Int) -> [Int])? = nil) {
        self.from = from
        self.to = to
        target = from.sentCount + byteCount
        makePieces = pieces ?? { [min($0, Pattern.period)] }
    }

    var hasArrived: Bool { to.sink.receivedCount == target }

    /// Sends as an engine would: until a send is short.
    func send() {
        while from.maySend, from.sentCount < target { from.send(makePieces(target - from.sentCount)) }
    }
}

extension TransportPair {
    /// Brings all bytes over, all flows at once.
    func carry(_ flows: [Flow]) throws {
        try run("arrival of all bytes") {
            for flow in flows { flow.send() }
            return flows.allSatisfy(\.hasArrived)
        }
    }

    func carry(_ flows: Flow...) throws { try carry(flows) }
}
