/// How what one send carries begins: credits given back, then bulk, an offer, exposures, and bytes of the stream.
///
/// On the wire, big endian: u8 flags, u8 number of exposures, u16 credits, u16 byte count of the stream's bytes, u8 slots given
/// back, u8 zero. With `bulk` u32 bytes in the next slot and u32 zero follow, with `offersSlots` an exposure.
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
        /// Behind the bytes of this the stream goes on in the next slot.
        static let bulk = Flags(rawValue: 16)
        /// The sender had more to send than is well sent in frames.
        static let wantsSlots = Flags(rawValue: 32)
        /// The receiver of this may write into slots.
        static let offersSlots = Flags(rawValue: 64)
    }

    var flags: Flags = []
    var exposureCount: UInt8 = 0
    var credits: UInt16 = 0
    var dataByteCount: UInt16 = 0
    var returnedSlotCount: UInt8 = 0
    var bulkByteCount: UInt32 = 0

    init() {}

    /// Nil when the sizes do not fit together, or a flag is unknown.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Frame.byteCount, unsafe bytes[0] < 128, unsafe bytes[7] == 0 else { return nil }
        unsafe self.init(head: bytes.baseAddress!)
        guard bytes.count == wholeByteCount else { return nil }
        guard flags.contains(.bulk) else { return }
        unsafe readBulk(bytes.baseAddress!)
        guard unsafe bytes[12...15].allSatisfy({ $0 == 0 }) else { return nil }
    }

    /// Of one that is right.
    init(_ start: UnsafeRawPointer) {
        unsafe self.init(head: start)
        if flags.contains(.bulk) { unsafe readBulk(start) }
    }

    // Hot path.
    /// The credits of one that is right, and has bytes of the stream and nothing else besides.
    /// - Parameter start: of a buffer.
    static func creditsWithData(_ start: UnsafeRawPointer, _ wholeByteCount: Int) -> UInt16? {
        guard wholeByteCount > byteCount else { return nil }
        let word = unsafe start.load(as: UInt64.self).bigEndian
        guard word & ~(0xffff << 32) == UInt64(truncatingIfNeeded: wholeByteCount - byteCount) << 16 else { return nil }
        return UInt16(truncatingIfNeeded: word >> 32)
    }

    private init(head: UnsafeRawPointer) {
        let word = unsafe UInt64(bigEndian: head.loadUnaligned(as: UInt64.self))
        flags = Flags(rawValue: UInt8(truncatingIfNeeded: word >> 56))
        exposureCount = UInt8(truncatingIfNeeded: word >> 48)
        credits = UInt16(truncatingIfNeeded: word >> 32)
        dataByteCount = UInt16(truncatingIfNeeded: word >> 16)
        returnedSlotCount = UInt8(truncatingIfNeeded: word >> 8)
    }

    private mutating func readBulk(_ start: UnsafeRawPointer) {
        bulkByteCount = unsafe UInt32(bigEndian: start.loadUnaligned(fromByteOffset: Frame.byteCount, as: UInt32.self))
    }

    /// Nothing is said of slots.
    var isPlain: Bool { flags.rawValue < Flags.bulk.rawValue && returnedSlotCount == 0 }
    /// Of the stream, here and in a slot.
    var streamByteCount: Int { Int(dataByteCount) + Int(bulkByteCount) }

    var offerOffset: Int { flags.contains(.bulk) ? Frame.byteCount + 8 : Frame.byteCount }
    var exposureOffset: Int { flags.contains(.offersSlots) ? offerOffset + Exposure.byteCount : offerOffset }
    var dataOffset: Int { exposureOffset + Int(exposureCount) * Exposure.byteCount }
    var wholeByteCount: Int { dataOffset + Int(dataByteCount) }

    // Hot path.
    @inline(__always)
    func write(to target: UnsafeMutableRawPointer) {
        let word =
            UInt64(flags.rawValue) << 56 | UInt64(exposureCount) << 48 | UInt64(credits) << 32
            | UInt64(dataByteCount) << 16 | UInt64(returnedSlotCount) << 8
        unsafe target.storeBytes(of: word.bigEndian, as: UInt64.self)
        guard flags.contains(.bulk) else { return }
        let bulk = UInt64(bulkByteCount) << 32
        unsafe target.storeBytes(of: bulk.bigEndian, toByteOffset: Frame.byteCount, as: UInt64.self)
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
