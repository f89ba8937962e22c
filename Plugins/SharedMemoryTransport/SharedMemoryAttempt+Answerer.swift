import CSystem
import Glibc
import TransportAPI

extension SharedMemoryAttempt {
    /// Goes to the starter's listener with the memory of the pair.
    func knock(_ proposal: Proposal) throws(TransportRefusal) -> Half {
        guard proposal.bootNumber == transport.bootNumber else {
            throw TransportRefusal(
                .unreachable,
                "the peer runs on another host (boot \(proposal.bootNumber.text), "
                    + "this one \(transport.bootNumber.text))")
        }
        let socket = try connect(to: proposal)
        let peer = try Credentials(of: socket)
        try peer.requireOwnUser()
        let segment = try makePair()
        let slot = unsafe try Slot(of: transport.raw)
        let memory = unsafe PairMemory(segment.memory.baseAddress!, role: .answerer)
        let nonce = try Nonce.makeRandom()
        memory.writeNonce(nonce)
        // Nobody polls these rings yet: both sides ring.
        unsafe csystem_store_release(memory.mine.notify, 1)
        unsafe csystem_store_release(memory.peers.notify, 1)
        try Message.send(
            transport.introduction(token: proposal.token, nonce: nonce, bit: slot.bit), on: socket,
            [segment.descriptor, transport.doorbell.descriptor, transport.bell])
        try watch(socket.number)
        return Half(token: proposal.token, socket: socket, segment: segment, slot: slot, pid: peer.pid)
    }

    /// The starter has replied.
    func conclude(_ half: consuming Half, _ message: Message) throws(TransportRefusal) -> Link {
        let introduction = message.introduction
        let bell = try message.takeBell()
        let peerDoorbell = try message.takeSegment(byteCount: Doorbell.byteCount, "the peer's doorbell")
        let memory = unsafe PairMemory(half.segment.memory.baseAddress!, role: .answerer)
        guard introduction.token == half.token, memory.readPeersNonce() == introduction.nonce else {
            throw TransportRefusal(.unreachable, "the memory of the pair does not hold the nonce that the peer wrote")
        }
        let peerMemory = PeerMemory(
            pid: half.pid, proofAddress: introduction.proofAddress, proof: introduction.proof)
        return half.link(
            peerDoorbell: peerDoorbell, peerBell: bell, peerBit: Int(introduction.bit), peerMemory: peerMemory)
    }

    private func connect(to proposal: Proposal) throws(TransportRefusal) -> Descriptor {
        let name = Lobby.socketName(proposal.socket)
        let connected = unsafe csystem_connect(name, UInt64(name.count))
        if connected >= 0 { return Descriptor(owning: connected) }
        if connected == -ECONNREFUSED || connected == -ENOENT {
            throw TransportRefusal(
                .unreachable,
                "no Unix socket of the peer (pid \(proposal.pid) there; errno \(-connected)): it lives in another "
                    + "network namespace or has ended; containers can share one (--network=host)")
        }
        if connected == -EAGAIN {
            throw TransportRefusal(
                .resources, "the queue of the peer's Unix socket is full (errno \(EAGAIN)); connect again")
        }
        throw .system(-connected, "cannot connect to the peer's Unix socket")
    }

    private func makePair() throws(TransportRefusal) -> SharedSegment {
        do { return try PairMemory.makeSegment() } catch {
            throw .segment(error, "the memory of the pair")
        }
    }
}
