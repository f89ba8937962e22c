import Glibc
import TransportAPI

extension SharedMemoryAttempt {
    func propose() throws(TransportRefusal) -> Proposal {
        // Strangers who knocked while nobody listened must not keep the answerer out.
        _ = try transport.lobby.claim(token)
        try watch(transport.lobby.descriptor)
        return Proposal(
            bootNumber: transport.bootNumber, socket: transport.lobby.name, token: token,
            pid: UInt32(bitPattern: getpid()))
    }

    /// The answerer has said our token: takes its memory over, and answers in kind.
    func reply(on socket: borrowing Descriptor) throws(TransportRefusal) -> Link {
        let peer = try Credentials(of: socket)
        try peer.requireOwnUser()
        guard let message = try Message.receive(on: socket, descriptorCount: 3) else {
            throw TransportRefusal(.unreachable, "the peer's message over the Unix socket is gone")
        }
        let introduction = message.introduction
        let bell = try message.takeBell()
        let peerDoorbell = try message.takeSegment(byteCount: Doorbell.byteCount, "the peer's doorbell")
        let segment = try message.takeSegment(
            byteCount: PairMemory.byteCount, wholeByteCount: PairMemory.wholeByteCount, "the memory of the pair")
        let memory = unsafe PairMemory(segment.memory.baseAddress!, role: .starter)
        guard memory.readPeersNonce() == introduction.nonce else {
            throw TransportRefusal(.unreachable, "the memory of the pair does not hold the nonce that the peer wrote")
        }
        let slot = unsafe try Slot(of: transport.raw)
        let nonce = try Nonce.makeRandom()
        memory.writeNonce(nonce)
        let peerMemory = PeerMemory(
            pid: peer.pid, proofAddress: introduction.proofAddress, proof: introduction.proof)
        try Message.send(
            transport.introduction(token: token, nonce: nonce, bit: slot.bit), on: socket,
            [transport.doorbell.descriptor, transport.bell])
        return Link(
            role: .starter, segment: segment, peerDoorbell: peerDoorbell, peerBell: bell,
            peerBit: Int(introduction.bit), slot: slot, peerMemory: peerMemory)
    }
}
