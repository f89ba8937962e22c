import TransportAPI

/// What each side says of itself over the Unix socket, beside the descriptors.
struct Introduction: Hashable {
    static let byteCount = 60

    /// The starter's, from the proposal; said back by the starter.
    var token: Nonce
    /// What this side has written into the pair's segment.
    var nonce: Nonce
    /// Its doorbell's bit for this connection.
    var bit: UInt32
    /// Where in its own memory `proof` stands, to try process_vm_readv on.
    var proofAddress: UInt64
    var proof: Nonce

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Introduction.byteCount)
        bytes.append(nonce: token)
        bytes.append(nonce: nonce)
        bytes.append(field: bit)
        bytes.append(field: proofAddress)
        bytes.append(nonce: proof)
        return bytes
    }

    /// Nil when it has another size or names a bit that no doorbell has.
    init?(_ bytes: [UInt8]) {
        var reader = FieldReader(bytes)
        guard let token = reader.readNonce(), let nonce = reader.readNonce(), let bit = reader.read(UInt32.self),
            let proofAddress = reader.read(UInt64.self), let proof = reader.readNonce(), reader.isAtEnd,
            bit < UInt32(Doorbell.bitCount)
        else { return nil }
        self.init(token: token, nonce: nonce, bit: bit, proofAddress: proofAddress, proof: proof)
    }

    init(token: Nonce, nonce: Nonce, bit: UInt32, proofAddress: UInt64, proof: Nonce) {
        self.token = token
        self.nonce = nonce
        self.bit = bit
        self.proofAddress = proofAddress
        self.proof = proof
    }
}
