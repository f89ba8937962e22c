import CHandfast
import CVerbs
import Glibc

/// Memory that one side of a connection lets the other read: its own, and what the peer has told of.
@unsafe struct ExposureTable {
    /// Of either side at once.
    static let limit = 4096
    /// Told of by one frame.
    static let frameLimit = 8

    @unsafe struct Own {
        let start: UnsafeRawPointer
        let byteCount: UInt64
        let entry: RegistrationCache.Pointer
    }

    /// By number; the numbers begin at 1, so that no name is 0.
    private var own: [Own?] = unsafe [nil]
    private var freeNumbers: [UInt32] = []
    /// Numbers that the peer has not been told of, the oldest first.
    private(set) var unannounced: [UInt32] = []
    private var peers: [Exposure?] = []

    /// Nil when there are too many.
    mutating func add(_ memory: Own) -> UInt32? {
        let number: UInt32
        if let free = unsafe freeNumbers.popLast() {
            number = free
        } else {
            guard unsafe own.count <= Self.limit else { return nil }
            number = unsafe UInt32(own.count)
            unsafe own.append(nil)
        }
        unsafe own[Int(number)] = unsafe memory
        unsafe unannounced.append(number)
        return number
    }

    /// Nil when there is none of this number.
    mutating func remove(_ number: UInt32) -> RegistrationCache.Pointer? {
        guard unsafe Int(number) < own.count, let memory = unsafe own[Int(number)] else { return nil }
        unsafe own[Int(number)] = nil
        unsafe freeNumbers.append(number)
        unsafe unannounced.removeAll { $0 == number }
        return unsafe memory.entry
    }

    mutating func removeAny() -> RegistrationCache.Pointer? {
        while let last = unsafe own.popLast() {
            if let memory = unsafe last { return unsafe memory.entry }
        }
        return nil
    }

    /// Writes the first of those that the peer is to be told of.
    mutating func announce(_ count: Int, to target: UnsafeMutableRawPointer) {
        for index in 0..<count {
            let number = unsafe unannounced[index]
            guard let memory = unsafe own[Int(number)], let region = unsafe memory.entry.pointee.region else {
                continue
            }
            unsafe Exposure(
                number: number, remoteKey: cverbs_remote_key(region), address: UInt64(UInt(bitPattern: memory.start)),
                memoryByteCount: memory.byteCount
            ).write(to: target + index * Exposure.byteCount)
        }
        unsafe unannounced.removeFirst(count)
    }

    /// Notes what the peer exposes; false when it is too much.
    mutating func learn(_ exposure: Exposure) -> Bool {
        guard unsafe exposure.number <= Self.limit, exposure.memoryByteCount < 1 << 40,
            !exposure.address.addingReportingOverflow(exposure.memoryByteCount).overflow
        else { return false }
        while unsafe peers.count <= Int(exposure.number) { unsafe peers.append(nil) }
        unsafe peers[Int(exposure.number)] = exposure
        return true
    }

    /// What a name with an offset stands for; nil when the peer has not exposed so much.
    func peersMemory(_ name: UInt64, _ byteCount: UInt64) -> (address: UInt64, remoteKey: UInt32)? {
        let (number, offset) = (Int(ExposureName.number(name)), ExposureName.offset(name))
        guard unsafe number < peers.count, let exposure = unsafe peers[number], offset <= exposure.memoryByteCount,
            byteCount <= exposure.memoryByteCount - offset
        else { return nil }
        return (exposure.address + offset, exposure.remoteKey)
    }
}

@c(handfast_verbs_expose) func verbsExpose(
    _ state: UnsafeMutableRawPointer?, _ memory: UnsafeRawPointer?, _ byteCount: UInt64,
    _ name: UnsafeMutablePointer<UInt64>?
) -> Int32 {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    guard unsafe channel.pointee.phase == .open else { return ENOTCONN }
    guard let memory = unsafe memory, byteCount > 0, byteCount < 1 << 40 else { return EINVAL }
    let table = unsafe VerbsChannel.makeExposures(channel)
    let device = unsafe channel.pointee.device
    var error: Int32 = 0
    guard let entry = unsafe device.pointee.cache.take(memory, Int(byteCount), CVERBS_REMOTE_READ, &error) else {
        return error
    }
    let own = unsafe ExposureTable.Own(start: memory, byteCount: byteCount, entry: entry)
    guard let number = unsafe table.pointee.add(own) else {
        unsafe device.pointee.cache.give(entry)
        return ENOBUFS
    }
    unsafe name?.pointee = ExposureName.make(number)
    return 0
}

@c(handfast_verbs_conceal) func verbsConceal(_ state: UnsafeMutableRawPointer?, _ name: UInt64) {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    guard let table = unsafe channel.pointee.exposures,
        let entry = unsafe table.pointee.remove(ExposureName.number(name))
    else { return }
    unsafe channel.pointee.device.pointee.cache.give(entry)
}

extension VerbsChannel {
    static func makeExposures(_ channel: Pointer) -> UnsafeMutablePointer<ExposureTable> {
        if let table = unsafe channel.pointee.exposures { return unsafe table }
        let table = UnsafeMutablePointer<ExposureTable>.allocate(capacity: 1)
        unsafe table.initialize(to: ExposureTable())
        unsafe channel.pointee.exposures = unsafe table
        return unsafe table
    }

    /// Notes what the peer lets this side read; false when it is too much.
    static func learn(_ channel: Pointer, _ list: UnsafeRawPointer, _ count: Int) -> Bool {
        let table = unsafe makeExposures(channel)
        return (0..<count).allSatisfy {
            unsafe table.pointee.learn(Exposure(from: list + $0 * Exposure.byteCount))
        }
    }

    static func dropExposures(_ channel: Pointer) {
        guard let table = unsafe channel.pointee.exposures else { return }
        while let entry = unsafe table.pointee.removeAny() { unsafe channel.pointee.device.pointee.cache.give(entry) }
        unsafe table.deinitialize(count: 1)
        unsafe table.deallocate()
        unsafe channel.pointee.exposures = nil
    }
}
