import CSystem

/// Which connections have bulk memory to write to: few, as it is large, and those that used it last.
extension SharedMemoryState {
    /// So many connections of an endpoint at once; 960 KiB each.
    static let bulkLimit = 16

    /// Who has written within so many polls keeps it: to make the pages anew takes longer than many messages.
    static let bulkLease: UInt64 = 4_096

    /// Gives a connection bulk memory, another's if need be; false when there is none to be had now.
    static func giveBulk(_ channel: Channel) -> Bool {
        let state = unsafe channel.pointee.transport
        guard unsafe state.pointee.bulkLimit > 0, unsafe state.pointee.pollCount >= state.pointee.nextBulk,
            let place = unsafe freeBulkPlace(state)
        else { return false }
        guard let memory = unsafe reserveOutgoingBulk(channel) else {
            // The rings carry all for a while.
            unsafe state.pointee.nextBulk = state.pointee.pollCount + 16 * bulkLease
            return false
        }
        let bulk = UnsafeMutablePointer<BulkProducer>.allocate(capacity: 1)
        unsafe bulk.initialize(to: BulkProducer(memory, next: channel.pointee.nextSlot))
        unsafe channel.pointee.bulk = bulk
        unsafe state.pointee.bulkOwners[place] = channel
        return true
    }

    /// Nil when there is no memory for it.
    private static func reserveOutgoingBulk(_ channel: Channel) -> UnsafeMutableRawPointer? {
        guard let memory = unsafe mapOutgoingBulk(channel) else { return nil }
        if unsafe csystem_reserve_pages(memory, UInt64(BulkMemory.byteCount)) == 0 { return unsafe memory }
        // Of some pages, perhaps.
        unsafe csystem_drop_pages(memory, UInt64(BulkMemory.byteCount))
        return nil
    }

    private static func mapOutgoingBulk(_ channel: Channel) -> UnsafeMutableRawPointer? {
        let offset = unsafe PairMemory.bulkOffset(of: channel.pointee.link.role, isOutgoing: true)
        return unsafe channel.pointee.link.segment.mapWhole().map { unsafe $0 + offset }
    }

    /// Forgets a connection that is going; its peer may still read what is there.
    static func dropBulk(_ channel: Channel) {
        guard let bulk = unsafe channel.pointee.bulk else { return }
        let state = unsafe channel.pointee.transport
        for place in unsafe 0..<bulkLimit where unsafe state.pointee.bulkOwners[place] == channel {
            unsafe state.pointee.bulkOwners[place] = nil
        }
        unsafe channel.pointee.nextSlot = bulk.pointee.next
        unsafe channel.pointee.bulk = nil
        unsafe bulk.deinitialize(count: 1)
        unsafe bulk.deallocate()
    }

    /// A place that nobody has, or that of the connection which has not written for longest and whose peer has read all.
    private static func freeBulkPlace(_ state: Pointer) -> Int? {
        var oldest: Int?
        for place in unsafe 0..<state.pointee.bulkLimit {
            guard let owner = unsafe state.pointee.bulkOwners[place] else { return place }
            guard unsafe state.pointee.pollCount - owner.pointee.lastBulk >= bulkLease,
                unsafe owner.pointee.bulk!.pointee.isEmpty(&owner.pointee.producer)
            else { continue }
            if let best = oldest, unsafe state.pointee.bulkOwners[best]!.pointee.lastBulk <= owner.pointee.lastBulk {
                continue
            }
            oldest = place
        }
        if let place = oldest, let owner = unsafe state.pointee.bulkOwners[place] {
            unsafe dropBulk(owner)
            if let memory = unsafe mapOutgoingBulk(owner) {
                unsafe csystem_drop_pages(memory, UInt64(BulkMemory.byteCount))
            }
        }
        return oldest
    }
}
