/// What names registered memory to a peer. Source: Documentation/Wire.md, "One-sided operations".
struct MemoryKey: Hashable, Sendable {
    static let byteCount = 32
    static let maximumMemoryByteCount = 1 << 48
    fileprivate static let version: UInt8 = 1

    var permissions: MemoryPermissions
    /// Place in the owner's table.
    var number: UInt32
    /// Random: an old key does not fit a later region in the same place.
    var nonce: UInt64
    var memoryByteCount: UInt64
    /// The owner's.
    var incarnation: UInt64

    /// Version, permissions, two zero bytes, number, nonce, byte count, incarnation; big endian.
    var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.version, permissions.rawValue, 0, 0]
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
        for word in [nonce, memoryByteCount, incarnation] {
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
        return bytes
    }

    init(permissions: MemoryPermissions, number: UInt32, nonce: UInt64, memoryByteCount: UInt64, incarnation: UInt64) {
        self.permissions = permissions
        self.number = number
        self.nonce = nonce
        self.memoryByteCount = memoryByteCount
        self.incarnation = incarnation
    }

    /// Nil when it is no key of this version.
    init?(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == Self.byteCount, bytes[0] == Self.version, bytes[2] == 0, bytes[3] == 0 else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        let memoryByteCount = number(16..<24)
        guard memoryByteCount <= UInt64(Self.maximumMemoryByteCount) else { return nil }
        self.init(
            permissions: MemoryPermissions(rawValue: bytes[1]), number: UInt32(number(4..<8)), nonce: number(8..<16),
            memoryByteCount: memoryByteCount, incarnation: number(24..<32))
    }
}

/// Memory of a peer, as its key tells.
public struct RemoteMemory: Hashable, Sendable {
    let key: MemoryKey

    /// - Parameter key: what `MemoryRegion.key` gave at the peer.
    /// - Throws: `invalidArgument` when the bytes are no key; whether it is good only the peer knows.
    public init(key: some Collection<UInt8>) throws(HandfastError) {
        guard let decoded = MemoryKey(key) else {
            throw HandfastError(
                .invalidArgument,
                "the \(key.count) bytes are no key; one has \(MemoryKey.byteCount) and comes from MemoryRegion.key")
        }
        self.key = decoded
    }

    // Hot path.
    /// The same from so many bytes at a pointer as a key has.
    /// - Returns: nil when they are no key.
    package init?(keyAt bytes: UnsafeRawPointer) {
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        let (first, memoryByteCount) = (word(0), word(16))
        guard first >> 56 == UInt64(MemoryKey.version), first >> 32 & 0xffff == 0,
            memoryByteCount <= UInt64(MemoryKey.maximumMemoryByteCount)
        else { return nil }
        key = MemoryKey(
            permissions: MemoryPermissions(rawValue: UInt8(truncatingIfNeeded: first >> 48)),
            number: UInt32(truncatingIfNeeded: first), nonce: word(8), memoryByteCount: memoryByteCount,
            incarnation: word(24))
    }

    /// In bytes.
    public var byteCount: Int { Int(key.memoryByteCount) }
    public var permissions: MemoryPermissions { key.permissions }
}
