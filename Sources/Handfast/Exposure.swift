import CHandfast

// Memory that a peer is to read: where the transport must prepare it, a name stands for its address.

extension UnsafeMutablePointer<ConnectionSlot> {
    /// What is sent to the peer in place of the address; nil when the transport cannot let it read this memory.
    func expose(_ memory: UnsafeMutableRawPointer?, _ byteCount: Int) -> UInt64? {
        guard let expose = pointee.operations?.pointee.expose, let channel = pointee.channel else {
            return UInt64(UInt(bitPattern: memory))
        }
        var name: UInt64 = 0
        guard expose(channel, memory, UInt64(byteCount), &name) == 0, name & PayloadHandle.mark == 0 else { return nil }
        return name
    }

    /// The peer needs it no more. Anything that is not such a name is passed over.
    func conceal(_ name: UInt64) {
        guard name & PayloadHandle.mark == 0, let conceal = pointee.operations?.pointee.conceal,
            let channel = pointee.channel
        else { return }
        conceal(channel, name)
    }
}

extension UnsafeMutablePointer<EndpointState> {
    /// Tells the transports that memory stays until `forget`.
    func keep(_ memory: UnsafeMutableRawPointer?, _ byteCount: Int) {
        for transport in pointee.polled { transport.keep?(transport.state, memory, UInt64(byteCount)) }
    }

    func forget(_ memory: UnsafeMutableRawPointer?, _ byteCount: Int) {
        for transport in pointee.polled { transport.forget?(transport.state, memory, UInt64(byteCount)) }
    }
}
