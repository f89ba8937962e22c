import CVerbs
import Glibc

/// Memory of the program's that a device may use right now.
///
/// A registration lives as long as somebody uses it. Only memory that the program has promised to keep stays registered in
/// between: nothing in a process learns in time that other memory was unmapped, and a device that still knew it would
/// read what is not there any more.
@unsafe struct RegistrationCache {
    /// One registration, or memory that is kept and has none yet.
    @unsafe struct Entry {
        let start: UInt
        let byteCount: UInt
        let access: Int32
        /// Nil as long as nobody has needed it.
        var region: OpaquePointer?
        var useCount = 0
        /// How often the program has promised to keep it.
        var keepCount = 0
        /// It was kept once, and is in use by parts of its memory only: the rest may be unmapped by now.
        var isForgotten = false

        /// Whether it is good for one use more. Memory that is not kept is there only as long as each use of it lasts, so
        /// that a use of a part says nothing of the rest.
        func serves(_ address: UInt, _ count: UInt, _ wanted: Int32) -> Bool {
            guard unsafe access & wanted == wanted else { return false }
            guard unsafe keepCount > 0 else { return unsafe !isForgotten && address == start && count == byteCount }
            return unsafe address >= start && count <= byteCount && address - start <= byteCount - count
        }
    }
    typealias Pointer = UnsafeMutablePointer<Entry>

    private let device: OpaquePointer
    /// What is kept. With iWARP apart for either use: who may read it is not to write it.
    private let keptAccesses: [Int32]
    private var entries: [Pointer] = unsafe []

    /// Of all registrations that there are.
    var registeredByteCount: UInt {
        unsafe entries.reduce(0) { unsafe $1.pointee.region == nil ? $0 : $0 + $1.pointee.byteCount }
    }

    /// - Parameter splitsKept: the peer may write where a read of ours puts its bytes.
    init(_ device: OpaquePointer, splitsKept: Bool) {
        unsafe self.device = unsafe device
        unsafe keptAccesses =
            splitsKept ? [CVERBS_REMOTE_READ, CVERBS_READ_INTO] : [CVERBS_READ_INTO | CVERBS_REMOTE_READ]
    }

    mutating func deallocate() {
        while let entry = unsafe entries.popLast() {
            if let region = unsafe entry.pointee.region { unsafe cverbs_deregister(region) }
            unsafe entry.deallocate()
        }
    }

    /// - Returns: nil with the reason, an errno, in `error`.
    mutating func take(_ start: UnsafeRawPointer, _ count: Int, _ access: Int32, _ error: inout Int32) -> Pointer? {
        let (address, wanted) = (UInt(bitPattern: start), UInt(count))
        for index in unsafe entries.indices where unsafe entries[index].pointee.serves(address, wanted, access) {
            let entry = unsafe entries[index]
            guard unsafe register(entry, &error) else { continue }
            unsafe entry.pointee.useCount += 1
            return unsafe entry
        }
        let entry = unsafe add(address, wanted, access)
        guard unsafe register(entry, &error) else {
            unsafe remove(entry)
            return nil
        }
        unsafe entry.pointee.useCount = 1
        return unsafe entry
    }

    mutating func give(_ entry: Pointer) {
        unsafe entry.pointee.useCount -= 1
        if unsafe entry.pointee.useCount == 0, unsafe entry.pointee.keepCount == 0 { unsafe remove(entry) }
    }

    /// The memory stays where it is until `forget`.
    mutating func keep(_ start: UnsafeRawPointer, _ count: Int) {
        let known = unsafe entries.filter { unsafe $0.pointee.isKept(start, count) }
        for index in unsafe known.indices { unsafe known[index].pointee.keepCount += 1 }
        guard unsafe known.isEmpty else { return }
        for access in unsafe keptAccesses {
            unsafe add(UInt(bitPattern: start), UInt(count), access).pointee.keepCount = 1
        }
    }

    mutating func forget(_ start: UnsafeRawPointer, _ count: Int) {
        let known = unsafe entries.filter { unsafe $0.pointee.isKept(start, count) }
        for index in unsafe known.indices {
            let entry = unsafe known[index]
            unsafe entry.pointee.keepCount -= 1
            if unsafe entry.pointee.keepCount == 0 { unsafe entry.pointee.isForgotten = true }
            if unsafe entry.pointee.useCount == 0, unsafe entry.pointee.keepCount == 0 { unsafe remove(entry) }
        }
    }

    private mutating func add(_ start: UInt, _ count: UInt, _ access: Int32) -> Pointer {
        let entry = Pointer.allocate(capacity: 1)
        unsafe entry.initialize(to: Entry(start: start, byteCount: count, access: access))
        unsafe entries.append(entry)
        return unsafe entry
    }

    private mutating func register(_ entry: Pointer, _ error: inout Int32) -> Bool {
        if unsafe entry.pointee.region != nil { return true }
        var status: Int32 = 0
        repeat {
            unsafe entry.pointee.region = unsafe cverbs_register(
                device, UnsafeMutableRawPointer(bitPattern: entry.pointee.start), UInt64(entry.pointee.byteCount),
                entry.pointee.access, &status)
        } while unsafe entry.pointee.region == nil && [-ENOMEM, -ENOSPC, -EAGAIN].contains(status) && unpin()
        error = -status
        return unsafe entry.pointee.region != nil
    }

    /// Where no more may be pinned, gives up the registrations that nobody uses; false when there are none.
    private mutating func unpin() -> Bool {
        var hasUnpinned = false
        for index in unsafe entries.indices where unsafe entries[index].pointee.useCount == 0 {
            guard let region = unsafe entries[index].pointee.region else { continue }
            unsafe cverbs_deregister(region)
            unsafe entries[index].pointee.region = nil
            hasUnpinned = true
        }
        return hasUnpinned
    }

    private mutating func remove(_ entry: Pointer) {
        if let region = unsafe entry.pointee.region { unsafe cverbs_deregister(region) }
        unsafe entries.removeAll { unsafe $0 == entry }
        unsafe entry.deallocate()
    }
}

extension RegistrationCache.Entry {
    fileprivate func isKept(_ memory: UnsafeRawPointer, _ count: Int) -> Bool {
        unsafe keepCount > 0 && start == UInt(bitPattern: memory) && byteCount == UInt(count)
    }
}
