import CHandfast
import CVerbs
import Glibc

/// Memory that one side of a connection lets the other read: its own, and what the peer has told of.
@unsafe struct ExposureTable {
    /// Of either side at once.
    static let limit = 4096
    /// Told of by one frame.
    static let frameLimit = 8

    /// By number; the numbers begin at 1, so that no name is 0.
    var own: [RegistrationCache.Pointer?] = unsafe [nil]
    var addresses: [UInt] = [0]
    var sizes: [UInt] = [0]
    var freeNumbers: [UInt32] = []
    /// Numbers that the peer has not been told of, the oldest first.
    var unannounced: [UInt32] = []
    var peers: [Exposure?] = []
}

@c(handfast_verbs_expose) func verbsExpose(
    _ state: UnsafeMutableRawPointer?, _ memory: UnsafeRawPointer?, _ byteCount: UInt64,
    _ name: UnsafeMutablePointer<UInt64>?
) -> Int32 {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    guard unsafe channel.pointee.phase == .open else { return ENOTCONN }
    guard let memory = unsafe memory, byteCount > 0, byteCount < 1 << 40 else { return EINVAL }
    if unsafe channel.pointee.exposures == nil {
        unsafe channel.pointee.exposures = .allocate(capacity: 1)
        unsafe channel.pointee.exposures!.initialize(to: ExposureTable())
    }
    let table = unsafe channel.pointee.exposures!
    guard unsafe !table.pointee.freeNumbers.isEmpty || table.pointee.own.count <= ExposureTable.limit else {
        return ENOBUFS
    }
    var error: Int32 = 0
    guard
        let entry = unsafe channel.pointee.device.pointee.cache.take(memory, Int(byteCount), CVERBS_REMOTE_READ, &error)
    else { return error }
    let number: UInt32
    if let free = unsafe table.pointee.freeNumbers.popLast() {
        number = free
    } else {
        number = unsafe UInt32(table.pointee.own.count)
        unsafe table.pointee.own.append(nil)
        unsafe table.pointee.addresses.append(0)
        unsafe table.pointee.sizes.append(0)
    }
    unsafe table.pointee.own[Int(number)] = unsafe entry
    unsafe table.pointee.addresses[Int(number)] = UInt(bitPattern: memory)
    unsafe table.pointee.sizes[Int(number)] = UInt(byteCount)
    unsafe table.pointee.unannounced.append(number)
    unsafe name?.pointee = ExposureName.make(number)
    return 0
}

@c(handfast_verbs_conceal) func verbsConceal(_ state: UnsafeMutableRawPointer?, _ name: UInt64) {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    let number = ExposureName.number(name)
    guard let table = unsafe channel.pointee.exposures, unsafe Int(number) < table.pointee.own.count,
        let entry = unsafe table.pointee.own[Int(number)]
    else { return }
    unsafe table.pointee.own[Int(number)] = nil
    unsafe table.pointee.freeNumbers.append(number)
    unsafe table.pointee.unannounced.removeAll { $0 == number }
    unsafe channel.pointee.device.pointee.cache.give(entry)
}

extension VerbsChannel {
    // Hot path.
    /// Exposures that the next frame tells of.
    static func unannouncedCount(_ channel: Pointer) -> Int {
        guard let table = unsafe channel.pointee.exposures else { return 0 }
        return unsafe min(table.pointee.unannounced.count, ExposureTable.frameLimit)
    }

    static func announce(_ channel: Pointer, _ count: Int, to target: UnsafeMutableRawPointer) {
        guard let table = unsafe channel.pointee.exposures else { return }
        for (index, number) in unsafe table.pointee.unannounced.prefix(count).enumerated() {
            let region = unsafe table.pointee.own[Int(number)]?.pointee.region
            unsafe Exposure(
                number: number, remoteKey: region.map { unsafe cverbs_remote_key($0) } ?? 0,
                address: unsafe UInt64(table.pointee.addresses[Int(number)]),
                memoryByteCount: unsafe UInt64(table.pointee.sizes[Int(number)])
            ).write(to: unsafe target + index * Exposure.byteCount)
        }
        unsafe table.pointee.unannounced.removeFirst(count)
    }

    /// Notes what the peer lets this side read; false when it is too much.
    static func learn(_ channel: Pointer, _ list: UnsafeRawPointer, _ count: Int) -> Bool {
        if unsafe channel.pointee.exposures == nil {
            unsafe channel.pointee.exposures = .allocate(capacity: 1)
            unsafe channel.pointee.exposures!.initialize(to: ExposureTable())
        }
        let table = unsafe channel.pointee.exposures!
        for index in 0..<count {
            let exposure = unsafe Exposure(from: list + index * Exposure.byteCount)
            guard unsafe exposure.number <= ExposureTable.limit, exposure.memoryByteCount < 1 << 40,
                !exposure.address.addingReportingOverflow(exposure.memoryByteCount).overflow
            else { return false }
            while unsafe table.pointee.peers.count <= Int(exposure.number) { unsafe table.pointee.peers.append(nil) }
            unsafe table.pointee.peers[Int(exposure.number)] = exposure
        }
        return true
    }

    /// What a name with an offset stands for; nil when the peer has not exposed so much.
    static func peersMemory(
        _ channel: Pointer, _ name: UInt64, _ byteCount: UInt64
    ) -> (address: UInt64, remoteKey: UInt32)? {
        let (number, offset) = (Int(ExposureName.number(name)), ExposureName.offset(name))
        guard let table = unsafe channel.pointee.exposures, unsafe number < table.pointee.peers.count,
            let exposure = unsafe table.pointee.peers[number], offset <= exposure.memoryByteCount,
            byteCount <= exposure.memoryByteCount - offset
        else { return nil }
        return (exposure.address + offset, exposure.remoteKey)
    }

    static func dropExposures(_ channel: Pointer) {
        guard let table = unsafe channel.pointee.exposures else { return }
        for unsafeentry in unsafe table.pointee.own {
            if let entry = unsafe entry { unsafe channel.pointee.device.pointee.cache.give(entry) }
        }
        unsafe table.deinitialize(count: 1)
        unsafe table.deallocate()
        unsafe channel.pointee.exposures = nil
    }
}
