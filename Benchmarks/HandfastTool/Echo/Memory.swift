import Glibc
import Handfast

/// Bytes from the system that cost nothing until they are touched, or of an endpoint.
struct Memory: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer
    private let owner: Endpoint?
    /// The owner had none that a peer reads sooner than other.
    var isOrdinary: Bool { owner.map { $0.isOrdinary(bytes) } ?? true }

    /// - Throws: when the address space or the system's limit is exhausted.
    init(byteCount: Int, owner: Endpoint? = nil) throws(ToolError) {
        self.owner = owner
        if let owner {
            do throws(HandfastError) { bytes = try owner.allocate(byteCount: byteCount) } catch {
                throw .failure(error.message)
            }
            return
        }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let start = mmap(nil, max(byteCount, 1), PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
            throw .failure("no memory for \(byteCount) bytes: \(String(cString: strerror(errno)))")
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    deinit {
        if let owner { try? owner.deallocate(bytes) } else { munmap(bytes.baseAddress, max(bytes.count, 1)) }
    }
}
