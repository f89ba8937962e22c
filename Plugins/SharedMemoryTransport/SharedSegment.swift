import CSystem
import Glibc

/// Memory that two processes map, known by a descriptor and by no name, so that nothing is left of a killed process.
///
/// Its size is sealed: neither side can cut it while the other reads.
// Safe: the mapping is exactly `byteCount` bytes, cannot shrink, and lives as long as this value.
@safe struct SharedSegment: ~Copyable {
    /// Why there is no such memory; `systemError` is an errno.
    enum Failure: Error, Equatable {
        case notReserved(byteCount: Int, systemError: Int32)
        /// The peer's descriptor is no segment, or its size can be changed.
        case notSealed(systemError: Int32)
        case wrongSize(byteCount: Int, expected: Int)
        case notMapped(byteCount: Int, systemError: Int32)
    }

    let byteCount: Int
    /// To be passed to the peer; closed with this value, -1 when it was closed before.
    private(set) var descriptor: Int32
    private let start: UnsafeMutableRawPointer

    /// Makes a segment of zeros.
    /// - Parameter reservedByteCount: whose pages are there at once, of the first bytes; nil for all.
    static func make(byteCount: Int, reservedByteCount: Int? = nil) throws(Failure) -> SharedSegment {
        let reserved = reservedByteCount ?? byteCount
        precondition(reserved > 0 && reserved <= byteCount)
        let descriptor = csystem_make_segment(UInt64(byteCount), UInt64(reserved))
        guard descriptor >= 0 else { throw .notReserved(byteCount: reserved, systemError: -descriptor) }
        return try SharedSegment(owning: descriptor, byteCount: byteCount)
    }

    /// Takes over a descriptor that a peer sent, whatever comes of it.
    static func adopt(_ descriptor: Int32, expecting byteCount: Int) throws(Failure) -> SharedSegment {
        let actual = csystem_segment_byte_count(descriptor)
        guard actual == Int64(byteCount) else {
            close(descriptor)
            if actual < 0 { throw .notSealed(systemError: Int32(-actual)) }
            throw .wrongSize(byteCount: Int(actual), expected: byteCount)
        }
        return try SharedSegment(owning: descriptor, byteCount: byteCount)
    }

    private init(owning descriptor: Int32, byteCount: Int) throws(Failure) {
        let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            let systemError = errno
            close(descriptor)
            throw .notMapped(byteCount: byteCount, systemError: systemError)
        }
        unsafe start = address
        self.byteCount = byteCount
        self.descriptor = descriptor
    }

    deinit {
        unsafe munmap(start, byteCount)
        if descriptor >= 0 { close(descriptor) }
    }

    /// The mapping needs it no more: once the peer has it, an open connection costs none.
    mutating func closeDescriptor() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    /// The mapping; not to be used after this value is gone.
    var memory: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount) }
}
