import Glibc

/// Bytes from the system that cost nothing until they are touched.
struct Memory: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer

    /// - Throws: when the address space or the system's limit is exhausted.
    init(byteCount: Int) throws(ToolError) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let start = mmap(nil, max(byteCount, 1), PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
            throw .failure("no memory for \(byteCount) bytes: \(String(cString: strerror(errno)))")
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    deinit { munmap(bytes.baseAddress, max(bytes.count, 1)) }
}
