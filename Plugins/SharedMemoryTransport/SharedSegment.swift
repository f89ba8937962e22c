import CSystem
import Glibc

/// Memory that two processes map, known by a descriptor and by no name, so that nothing is left of a killed process.
///
/// Its size is sealed: neither side can cut it while the other reads.
// Safe: each mapping is exactly as many bytes as is said of it, cannot shrink, and lives as long as this value.
@safe struct SharedSegment: ~Copyable {
    /// Why there is no such memory; `systemError` is an errno.
    enum Failure: Error, Equatable {
        case notReserved(byteCount: Int, systemError: Int32)
        /// The peer's descriptor is no segment, or its size can be changed.
        case notSealed(systemError: Int32)
        case wrongSize(byteCount: Int, expected: Int)
        case notMapped(byteCount: Int, systemError: Int32)
    }

    /// Mapped at once, and with pages that are there.
    let byteCount: Int
    /// Of the segment; what is beyond the mapping has no pages until someone reserves them.
    let wholeByteCount: Int
    private var wholeStart: UnsafeMutableRawPointer?
    /// To be passed to the peer; closed with this value, -1 when it was closed before.
    private(set) var descriptor: Int32
    private let start: UnsafeMutableRawPointer

    /// Makes a segment of zeros.
    /// - Parameters:
    ///   - byteCount: to be mapped now, all pages reserved.
    ///   - wholeByteCount: with what `mapWhole` maps later; nil for no more.
    static func make(byteCount: Int, wholeByteCount: Int? = nil) throws(Failure) -> SharedSegment {
        precondition(byteCount > 0)
        let descriptor = csystem_make_segment(UInt64(wholeByteCount ?? byteCount), UInt64(byteCount))
        guard descriptor >= 0 else { throw .notReserved(byteCount: byteCount, systemError: -descriptor) }
        return try SharedSegment(owning: descriptor, byteCount: byteCount, wholeByteCount: wholeByteCount ?? byteCount)
    }

    /// Takes over a descriptor that a peer sent, whatever comes of it.
    static func adopt(
        _ descriptor: Int32, expecting byteCount: Int, wholeByteCount: Int? = nil
    ) throws(Failure) -> SharedSegment {
        let actual = csystem_segment_byte_count(descriptor)
        let expected = wholeByteCount ?? byteCount
        guard actual == Int64(expected) else {
            close(descriptor)
            if actual < 0 { throw .notSealed(systemError: Int32(-actual)) }
            throw .wrongSize(byteCount: Int(actual), expected: expected)
        }
        return try SharedSegment(owning: descriptor, byteCount: byteCount, wholeByteCount: expected)
    }

    private init(owning descriptor: Int32, byteCount: Int, wholeByteCount: Int) throws(Failure) {
        let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            let systemError = errno
            close(descriptor)
            throw .notMapped(byteCount: byteCount, systemError: systemError)
        }
        unsafe start = address
        self.byteCount = byteCount
        self.wholeByteCount = wholeByteCount
        unsafe wholeStart = nil
        self.descriptor = descriptor
    }

    deinit {
        unsafe munmap(start, byteCount)
        if let whole = unsafe wholeStart { unsafe munmap(whole, wholeByteCount) }
        if descriptor >= 0 { close(descriptor) }
    }

    /// The mapping needs it no more: once the peer has it, an open connection costs none.
    mutating func closeDescriptor() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    /// A second mapping, of all of the segment; nil when there is no room for it.
    mutating func mapWhole() -> UnsafeMutableRawPointer? {
        if unsafe wholeStart == nil { unsafe wholeStart = csystem_map_again(start, UInt64(wholeByteCount)) }
        return unsafe wholeStart
    }

    /// The mapping; not to be used after this value is gone.
    var memory: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(start: start, count: byteCount) }
}
