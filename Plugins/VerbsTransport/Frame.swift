/// The first eight bytes of what one send carries: credits given back, exposures, then bytes of the stream.
///
/// On the wire, big endian: u8 flags, u8 number of exposures, u16 credits, u16 byte count of the stream's bytes, u16 zero.
struct Frame {
    static let byteCount = 8

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// It took the buffer that is set aside for frames without data, not one of the credits.
        static let control = Flags(rawValue: 1)
        /// The last control frame has been received.
        static let acknowledgesControl = Flags(rawValue: 2)
        /// The sender had more to send than credits.
        static let wantsCredits = Flags(rawValue: 4)
        /// Nothing comes after this.
        static let end = Flags(rawValue: 8)
    }

    var flags: Flags = []
    var exposureCount: UInt8 = 0
    var credits: UInt16 = 0
    var dataByteCount: UInt16 = 0

    init() {}

    /// Nil when the sizes do not fit together, or a flag is unknown.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Frame.byteCount, unsafe bytes[0] < 16, unsafe bytes[6] == 0, unsafe bytes[7] == 0 else {
            return nil
        }
        flags = unsafe Flags(rawValue: bytes[0])
        exposureCount = unsafe bytes[1]
        credits = unsafe UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        dataByteCount = unsafe UInt16(bytes[4]) << 8 | UInt16(bytes[5])
        guard bytes.count == wholeByteCount else { return nil }
    }

    var wholeByteCount: Int {
        Frame.byteCount + Int(exposureCount) * Exposure.byteCount + Int(dataByteCount)
    }

    func write(to target: UnsafeMutableRawPointer) {
        let word =
            UInt64(flags.rawValue) << 56 | UInt64(exposureCount) << 48 | UInt64(credits) << 32
            | UInt64(dataByteCount) << 16
        unsafe target.storeBytes(of: word.bigEndian, as: UInt64.self)
    }
}

/// Memory of one side that the other may read, as a frame tells of it.
///
/// On the wire, big endian: u32 number, u32 remote key, u64 address, u64 size.
struct Exposure {
    static let byteCount = 24

    let number: UInt32
    let remoteKey: UInt32
    let address: UInt64
    let memoryByteCount: UInt64

    init(number: UInt32, remoteKey: UInt32, address: UInt64, memoryByteCount: UInt64) {
        (self.number, self.remoteKey) = (number, remoteKey)
        (self.address, self.memoryByteCount) = (address, memoryByteCount)
    }

    init(from source: UnsafeRawPointer) {
        number = unsafe UInt32(bigEndian: source.loadUnaligned(as: UInt32.self))
        remoteKey = unsafe UInt32(bigEndian: source.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        address = unsafe UInt64(bigEndian: source.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        memoryByteCount = unsafe UInt64(bigEndian: source.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    }

    func write(to target: UnsafeMutableRawPointer) {
        unsafe target.storeBytes(of: number.bigEndian, as: UInt32.self)
        unsafe target.storeBytes(of: remoteKey.bigEndian, toByteOffset: 4, as: UInt32.self)
        unsafe target.storeBytes(of: address.bigEndian, toByteOffset: 8, as: UInt64.self)
        unsafe target.storeBytes(of: memoryByteCount.bigEndian, toByteOffset: 16, as: UInt64.self)
    }
}

/// What stands for an exposure where an address would: its number, and an offset that the reader may add to.
enum ExposureName {
    private static let offsetBitCount: UInt64 = 40

    static func make(_ number: UInt32) -> UInt64 { UInt64(number) << offsetBitCount }
    static func number(_ name: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: name >> offsetBitCount) }
    static func offset(_ name: UInt64) -> UInt64 { name & (1 << offsetBitCount - 1) }
}
